"""Child processes and signals of a local stack, with tiny real programs."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import psutil
import pytest

from sagwan_client.errors import StackError
from sagwan_client.local.processes import ChildProcess, kept_running, start, stop, wait_until_serving
from sagwan_client.local.signals import ended_by_signals
from sagwan_client.local.state import tail

QUICK_TO_GO = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("up", flush=True)
    time.sleep(60)
"""
SLOW_TO_GO = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up", flush=True)
    time.sleep(60)
"""
BROKEN = """
    import sys
    print("no such model")
    sys.exit(3)
"""


@pytest.fixture
def child(tmp_path):
    """Starts a child that runs the given program."""

    async def start_child(program: str, *, name: str = "search") -> ChildProcess:
        (tmp_path / f"program_of_{name}.py").write_text(textwrap.dedent(program))
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}
        return await start(name, f"program_of_{name}", environment=environment, log=tmp_path / f"{name}.log")

    return start_child


async def _until_up(child: ChildProcess) -> None:
    async def is_up() -> bool:
        return "up" in tail(child.log)

    await wait_until_serving(child, is_up, timeout_s=20)


async def test_a_child_is_waited_for_until_it_serves_and_drains_on_request(child):
    running = await child(QUICK_TO_GO)
    await _until_up(running)
    assert os.getsid(running.pid) != os.getsid(0)
    assert await stop([running], grace_s=10) == []
    assert running.process.returncode == 0


async def test_a_child_that_ends_before_it_serves_is_told_with_its_log(child):
    with pytest.raises(StackError, match="exit code 3") as caught:
        await _until_up(await child(BROKEN))
    assert caught.value.log_tail == "no such model"


async def test_a_child_that_does_not_serve_in_time_is_told_with_its_log(child):
    async def never() -> bool:
        return False

    running = await child(QUICK_TO_GO)
    await _until_up(running)
    with pytest.raises(StackError, match="does not serve after") as caught:
        await wait_until_serving(running, never, timeout_s=0.1)
    assert caught.value.log_tail == "up"
    await stop([running], grace_s=10)


async def test_a_child_that_will_not_go_is_killed(child):
    running = await child(SLOW_TO_GO)
    await _until_up(running)
    begun = time.monotonic()
    assert await stop([running], grace_s=0.3) == [running]
    assert time.monotonic() - begun < 5
    assert running.process.returncode == -signal.SIGKILL


async def test_a_child_that_died_long_ago_can_be_stopped_too(child):
    running = await child(BROKEN)
    assert "exit code 3" in str(await running.until_it_ends())
    assert await stop([running], grace_s=1) == []


def _wait_for(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


_SUPERVISOR = """
import asyncio, os, sys
from pathlib import Path
from sagwan_client.local.processes import start

async def main():
    child = await start("search", "program_of_search", environment=dict(os.environ), log=Path(sys.argv[1]))
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_do_not_outlive_a_killed_supervisor(tmp_path):
    (tmp_path / "program_of_search.py").write_text(textwrap.dedent(QUICK_TO_GO))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        running = psutil.Process(int(supervisor.stdout.readline()))
        _wait_for(lambda: "up" in tail(tmp_path / "log"))
        supervisor.kill()
    _wait_for(lambda: not running.is_running() or running.status() == psutil.STATUS_ZOMBIE)


async def test_a_signal_ends_a_block_quietly_and_lets_it_clean_up():
    cleaned = False
    with ended_by_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)
            cleaned = True
    assert cleaned
    await asyncio.sleep(0)


async def test_a_cancellation_that_no_signal_asked_for_goes_on():
    async def work() -> None:
        with ended_by_signals():
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_child_that_is_killed_is_started_again_and_told_about(child):
    running = await child(QUICK_TO_GO)
    await _until_up(running)
    first_pid, told = running.pid, asyncio.Queue[StackError]()
    keeping = asyncio.create_task(kept_running(running, told.put_nowait))
    os.kill(first_pid, signal.SIGKILL)
    death = await asyncio.wait_for(told.get(), timeout=20)
    assert "SIGKILL" in str(death)
    assert running.pid != first_pid
    assert psutil.pid_exists(running.pid)
    keeping.cancel()
    await stop([running], grace_s=10)


async def test_a_child_that_ends_again_and_again_is_given_up_with_its_last_words(child):
    broken, told = await child(BROKEN), []
    death = await asyncio.wait_for(kept_running(broken, told.append), timeout=60)
    assert "exit code 3" in str(death)
    assert "no such model" in death.log_tail
    assert len(told) == 4
