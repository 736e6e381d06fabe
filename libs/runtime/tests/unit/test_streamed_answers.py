import asyncio

import pytest

from sagwan_runtime.streaming import answers_in_order


async def counted(count, read=None):
    for number in range(count):
        if read is not None:
            read.append(number)
        yield number


async def test_answers_come_in_the_order_of_what_was_asked():
    async def slower_first(number):
        await asyncio.sleep((5 - number) / 1_000)
        return number

    assert [answer async for answer in answers_in_order(counted(5), slower_first, ahead=3)] == [0, 1, 2, 3, 4]


async def test_an_answer_is_given_before_anything_more_is_asked():
    asked = asyncio.Queue()

    async def one_at_a_time():
        while (number := await asked.get()) is not None:
            yield number

    async def answer(number):
        return number

    answers = answers_in_order(one_at_a_time(), answer, ahead=3)
    for number in range(3):
        asked.put_nowait(number)
        async with asyncio.timeout(5):
            assert await anext(answers) == number
    asked.put_nowait(None)
    assert [left async for left in answers] == []


async def test_no_more_are_computed_at_once_than_may():
    running, most = 0, 0

    async def answer(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return number

    assert len([each async for each in answers_in_order(counted(12), answer, ahead=3)]) == 12
    assert most == 3


async def test_a_caller_who_does_not_read_is_not_read_from_for_ever():
    read = []

    async def answer(number):
        return number

    answers = answers_in_order(counted(100, read), answer, ahead=2)
    await anext(answers)
    await asyncio.sleep(0.01)
    assert len(read) <= 5
    await answers.aclose()


async def test_an_error_comes_after_the_answers_before_it_and_stops_the_rest():
    started = []

    async def answer(number):
        started.append(number)
        if number == 2:
            raise ValueError("the third")
        return number

    answers = answers_in_order(counted(50), answer, ahead=2)
    assert [await anext(answers), await anext(answers)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        await anext(answers)
    assert len(started) < 50


async def test_an_error_of_the_asking_side_comes_after_the_answers():
    async def broken():
        yield 0
        raise ConnectionError("gone")

    async def answer(number):
        return number

    answers = answers_in_order(broken(), answer, ahead=2)
    assert await anext(answers) == 0
    with pytest.raises(ConnectionError):
        await anext(answers)


async def test_what_runs_is_cancelled_when_the_caller_goes():
    cancelled = []
    began = asyncio.Event()

    async def answer(number):
        if number == 0:
            return number
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    answers = answers_in_order(counted(3), answer, ahead=3)
    await anext(answers)
    await began.wait()
    await answers.aclose()
    assert cancelled
