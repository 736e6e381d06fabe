"""A service as a process of its own: what it writes, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import grpc
import pytest

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc

pytestmark = pytest.mark.integration

NAME = "sagwan.embedder.v1.EmbedderService"
PROGRAM = Path(__file__).with_name("faulty_service.py")


@pytest.fixture
async def process():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAGWAN_")}
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        stderr=asyncio.subprocess.PIPE,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    yield running
    if running.returncode is None:
        running.kill()
    await running.wait()


async def test_a_process_logs_one_json_object_a_line_and_ends_well_when_it_is_told_to(process):
    listening = json.loads(await asyncio.wait_for(process.stderr.readline(), 20))
    assert (listening["event"], listening["services"], listening["level"]) == ("listening", [NAME], "info")
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{listening['port']}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await embedder_pb2_grpc.EmbedderServiceStub(channel).GetModel(
                embedder_pb2.GetModelRequest(), metadata=(("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"),)
            )

    process.send_signal(signal.SIGTERM)
    _, rest = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    lines = {line["event"]: line for line in map(json.loads, rest.decode().splitlines())}
    assert {"a word of warning", "call failed", "draining", "stopped"} <= lines.keys()
    assert all(line["service"] == "sagwan-test" and line["timestamp"] for line in lines.values())
    assert lines["a word of warning"]["trace_id"] == lines["call failed"]["trace_id"] == trace_id
    assert "ValueError: 회의록" in lines["call failed"]["exception"]
    assert lines["call failed"]["method"] == f"{NAME}/GetModel"
