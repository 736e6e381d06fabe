"""Items of an import: those of one meeting in their order, all others as they are ready."""

import asyncio

from sagwan_ingest.importing import ImportOrder


async def run(order: ImportOrder, log: list[str], name: str, meeting_ids: list[str], gate: asyncio.Event) -> None:
    async with order.reading:
        turn = order.turn(meeting_ids)
    async with turn:
        log.append(f"{name} begins")
        await gate.wait()
        log.append(f"{name} ends")


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_item_waits_for_those_of_its_meeting_before_it_and_for_no_other():
    order, log = ImportOrder(), list[str]()
    gates = {name: asyncio.Event() for name in ("first", "other", "second")}
    tasks = [
        asyncio.create_task(run(order, log, name, [meeting_id], gates[name]))
        for name, meeting_id in (("first", "weekly"), ("other", "daily"), ("second", "weekly"))
    ]
    await settled()
    assert log == ["first begins", "other begins"]
    gates["other"].set()
    await settled()
    assert log[2:] == ["other ends"]
    gates["first"].set()
    await settled()
    assert log[3:] == ["first ends", "second begins"]
    gates["second"].set()
    await asyncio.gather(*tasks)


async def test_an_item_of_several_meetings_waits_for_each_of_them():
    order, log = ImportOrder(), list[str]()
    gates = {name: asyncio.Event() for name in ("a", "b", "both")}
    gates["both"].set()
    tasks = [
        asyncio.create_task(run(order, log, name, ids, gates[name]))
        for name, ids in (("a", ["a"]), ("b", ["b"]), ("both", ["a", "b", "a"]))
    ]
    await settled()
    gates["b"].set()
    await settled()
    assert "both begins" not in log
    gates["a"].set()
    await asyncio.gather(*tasks)
    assert log[-2:] == ["both begins", "both ends"]


async def test_a_cancelled_item_is_not_waited_for():
    order, log = ImportOrder(), list[str]()
    never, open_gate = asyncio.Event(), asyncio.Event()
    open_gate.set()
    stuck = asyncio.create_task(run(order, log, "stuck", ["weekly"], never))
    waiting = asyncio.create_task(run(order, log, "waiting", ["weekly"], open_gate))
    last = asyncio.create_task(run(order, log, "last", ["weekly"], open_gate))
    await settled()
    waiting.cancel()
    stuck.cancel()
    await asyncio.gather(stuck, waiting, return_exceptions=True)
    await last
    assert log == ["stuck begins", "last begins", "last ends"]
