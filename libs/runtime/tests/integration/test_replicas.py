"""One service in several processes on one port."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import grpc
import pytest

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc

pytestmark = pytest.mark.integration

PROGRAM = Path(__file__).with_name("replicated_service.py")


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def service(port):
    running = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, str(port), env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    yield running
    if running.returncode is None:
        running.terminate()
    await running.wait()


async def answer_of_a_new_connection(port):
    # Channels of one process to one address share their connection unless they are told not to.
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        stub = embedder_pb2_grpc.EmbedderServiceStub(channel)
        return await stub.GetModel(embedder_pb2.GetModelRequest(), wait_for_ready=True, timeout=20)


async def replicas_that_answer(port):
    """Process ids by number, once both processes have answered."""
    found = {}
    async with asyncio.timeout(30):
        while len(found) < 2:
            answer = await answer_of_a_new_connection(port)
            found[answer.dimension] = int(answer.name)
    return found


async def test_connections_are_spread_and_all_processes_end_when_the_service_is_told_to(service, port):
    replicas = await replicas_that_answer(port)
    assert len(set(replicas.values()) - {service.pid}) == 2
    service.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(service.wait(), 20) == 0
    for pid in replicas.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_when_one_process_dies_the_service_ends_as_failed(service, port):
    replicas = await replicas_that_answer(port)
    os.kill(replicas[1], signal.SIGKILL)
    assert await asyncio.wait_for(service.wait(), 20) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(replicas[0], 0)


async def test_a_port_that_a_stranger_has_is_not_shared(port):
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        service = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            str(port),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(service.communicate(), 20)
    assert service.returncode == 1
    assert b"in use" in said
