"""The state of a search as one types: what is asked, what is shown, what is selected."""

import asyncio

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.interactive.asker import Asker
from sagwan_client.cli.interactive.session import LINES_OF_A_PAGE, Question, Session
from sagwan_client.errors import SagwanCallError


def _answer(hits: int, *, token: str = "", lines: int = 3, around: int = 2) -> search_pb2.SearchResponse:
    line = search_pb2.Line(text="x")
    hit = search_pb2.Hit(lines=[line] * lines, lines_before=[line] * around, lines_after=[line] * around, best_line=1)
    return search_pb2.SearchResponse(hits=[hit] * hits, next_page_token=token)


def _answered(text: str, answer: search_pb2.SearchResponse) -> Session:
    session = Session().typed(text)
    return session.replied(session.awaited, answer, 12.0)


def test_what_is_typed_is_asked_after_a_pause():
    asked = Session().typed(" 예산 ").awaited
    assert asked == Question("예산")
    assert asked.pause_ms > 0


def test_a_space_at_the_end_asks_nothing_new():
    session = _answered("예산", _answer(2))
    assert session.typed("예산 ") is session


def test_what_was_found_stays_until_the_next_answer():
    session = _answered("예산", _answer(2)).typed("예산안")
    assert len(session.hits) == 2
    assert session.waiting
    assert not session.replied(session.awaited, _answer(0), 1.0).hits


def test_nothing_typed_asks_and_shows_nothing():
    assert _answered("예산", _answer(2)).typed("  ") == Session()


def test_an_answer_that_was_overtaken_is_not_shown():
    first = Session().typed("예")
    second = first.typed("예산")
    assert second.replied(first.awaited, _answer(2), 1.0) is second
    assert second.failed(first.awaited, "late") is second


def test_a_failure_is_told_and_enter_asks_again_at_once():
    session = _answered("예", _answer(2)).typed("예산")
    failed = session.failed(session.awaited, "No service answers.")
    assert failed.error == "No service answers."
    assert failed.awaited is None
    again = failed.entered()
    assert (again.awaited.text, again.awaited.pause_ms, again.error) == ("예산", 0, "")
    assert again.awaited != session.awaited
    assert failed.typed("예산안").error == ""


def test_pages_are_opened_by_the_tokens_of_those_before():
    session = _answered("예산", _answer(2, token="t1")).moved(1).paged(1)
    assert (session.awaited.page, session.awaited.page_token, session.awaited.pause_ms) == (1, "t1", 0)
    second = session.replied(session.awaited, _answer(1, token="t2"), 1.0)
    assert second.selected == 0
    assert second.paged(1).awaited.page_token == "t2"
    back = second.paged(-1)
    assert (back.awaited.page, back.awaited.page_token) == (0, "")
    first = back.replied(back.awaited, _answer(2, token="t1"), 1.0)
    assert first.paged(1).awaited.page_token == "t1"


def test_there_is_no_page_before_the_first_or_after_the_last_or_while_one_is_awaited():
    session = _answered("예산", _answer(2))
    assert session.paged(1) is session
    assert session.paged(-1) is session
    waiting = _answered("예산", _answer(2, token="t1")).typed("예산안")
    assert waiting.paged(1) is waiting
    failed = waiting.failed(waiting.awaited, "late")
    assert failed.paged(1) is failed


def test_an_opened_hit_begins_at_its_best_line_and_is_left_as_it_was():
    opened = _answered("예산", _answer(3)).moved(2).entered()
    assert (opened.opened, opened.line) == (True, 3)
    assert opened.moved(-10).line == 0
    assert opened.paged(1).line == min(3 + LINES_OF_A_PAGE, 6)
    assert opened.awaited is None
    closed = opened.entered()
    assert (closed.opened, closed.selected) == (False, 2)
    assert opened.closed() == closed


def test_typing_leaves_an_opened_hit():
    assert not _answered("예산", _answer(3)).entered().typed("예산안").opened


def test_there_is_nothing_to_open_without_hits():
    assert not Session().entered().opened
    assert not _answered("예산", _answer(0)).entered().opened


_STEPS = st.one_of(
    st.tuples(st.just("typed"), st.sampled_from(["", " ", "a", "ab", "ab ", "가"])),
    st.tuples(st.just("replied"), st.integers(0, 3), st.sampled_from(["", "t"]), st.integers(0, 3)),
    st.tuples(st.just("failed")),
    st.tuples(st.sampled_from(["moved", "paged"]), st.integers(-3, 3)),
    st.tuples(st.sampled_from(["entered", "closed"])),
)


@given(st.lists(_STEPS, max_size=30))
def test_whatever_happens_what_is_selected_is_there(steps):
    session = Session()
    typed = ""
    for name, *arguments in steps:
        if name == "typed":
            typed = arguments[0].strip()
            session = session.typed(arguments[0])
        elif name == "replied":
            hits, token, lines = arguments
            if session.awaited:
                session = session.replied(session.awaited, _answer(hits, token=token, lines=lines), 1.0)
        elif name == "failed":
            if session.awaited:
                session = session.failed(session.awaited, "late")
        else:
            session = getattr(session, name)(*arguments)
        assert session.selected == 0 or session.selected < len(session.hits)
        assert session.line == 0 or session.line < len(session.lines)
        assert session.opened <= bool(session.hits)
        assert (session.question.text if session.question else "") == typed
        assert not (session.waiting and session.error)


class _Calls:
    """Calls that end when they are let; keeps which began, and which were cancelled."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.session = Session()
        self.let = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, question: Question) -> search_pb2.SearchResponse:
        self.begun.append(question.text)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled.append(question.text)
            raise
        if self.failure:
            raise self.failure
        return _answer(len(question.text))

    def change(self, change) -> None:
        self.session = change(self.session)


async def _eventually(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # several things are waited for, not one event
            await asyncio.sleep(0.005)


async def test_of_what_is_typed_without_a_pause_only_the_last_is_asked():
    calls = _Calls()
    calls.let.set()
    async with asyncio.TaskGroup() as tasks:
        asker = Asker(tasks, calls, calls.change)
        for text in ("예", "예ㅅ", "예산"):
            calls.session = calls.session.typed(text)
            asker.follow(calls.session.awaited)
        await _eventually(lambda: calls.session.answer)
    assert calls.begun == ["예산"]
    assert len(calls.session.hits) == 2


async def test_a_call_that_is_overtaken_is_cancelled():
    calls = _Calls()
    async with asyncio.TaskGroup() as tasks:
        asker = Asker(tasks, calls, calls.change)
        asker.follow(calls.session.typed("예").awaited)
        await _eventually(lambda: calls.begun == ["예"])
        calls.session = calls.session.typed("예산")
        asker.follow(calls.session.awaited)
        await _eventually(lambda: calls.begun == ["예", "예산"])
        assert calls.cancelled == ["예"]
        calls.let.set()
        await _eventually(lambda: calls.session.answer)
    assert calls.session.answered.text == "예산"


async def test_the_question_under_way_is_not_begun_again_and_nothing_wanted_ends_it():
    calls = _Calls()
    async with asyncio.TaskGroup() as tasks:
        asker = Asker(tasks, calls, calls.change)
        question = Question("예산", pause_ms=0)
        asker.follow(question)
        await _eventually(lambda: calls.begun)
        asker.follow(Question("예산", pause_ms=0))
        await asyncio.sleep(0)
        asker.follow(None)
        await _eventually(lambda: calls.cancelled)
    assert calls.begun == ["예산"]


async def test_a_failed_call_is_told_in_words_and_another_may_follow():
    calls = _Calls()
    calls.let.set()
    calls.failure = SagwanCallError(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many \x1b[31mcalls", retry_after_s=1)
    async with asyncio.TaskGroup() as tasks:
        asker = Asker(tasks, calls, calls.change)
        calls.session = calls.session.typed("예산")
        asker.follow(calls.session.awaited)
        await _eventually(lambda: calls.session.error)
        assert calls.session.error == "resource exhausted: too many �[31mcalls"
        calls.failure = None
        calls.session = calls.session.entered()
        asker.follow(calls.session.awaited)
        await _eventually(lambda: calls.session.answer)
    assert calls.begun == ["예산", "예산"]


async def test_what_is_no_failed_call_is_not_swallowed():
    calls = _Calls()
    calls.let.set()
    calls.failure = RuntimeError("a bug")
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as tasks:
            Asker(tasks, calls, calls.change).follow(Question("예산", pause_ms=0))
    assert caught.group_contains(RuntimeError, match="a bug")
