"""The embedder that is measured: a process of its own, as it runs in a deployment."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from embedder_bench.run import Run
from sagwan_bench.memory import peak_resident_mb, resident_mb
from sagwan_bench.pages import Page, read
from sagwan_client.local.ports import endpoint_of

_SERVING_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 60.0
_POLL_INTERVAL_S = 0.1
_LOG_TAIL_CHARACTERS = 4_000


class ServiceFailed(Exception):
    """The embedder does not serve."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running embedder.

    Attributes:
        address: Where it answers.
        metrics_url: Its metrics page.
        process: Its process.
    """

    address: str
    metrics_url: str
    process: subprocess.Popen[bytes]

    @property
    def resident_mb(self) -> float:
        """Its memory now."""
        return resident_mb(self.process.pid)

    @property
    def peak_mb(self) -> float:
        """The most memory that it ever had."""
        return peak_resident_mb(self.process.pid)

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used."""
        return cpu_seconds(self.process.pid)

    @property
    def is_alive(self) -> bool:
        """Whether its process has not ended and it says that it serves."""
        return self.process.poll() is None and _is_serving(self.address)

    def page(self) -> Page:
        """Its metrics now."""
        return read(self.metrics_url)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, in user and system mode."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextmanager
def running(run: Run) -> Iterator[Service]:
    """Starts an embedder with its defaults on free ports, waits until it serves, and stops it on leaving.

    Raises:
        ServiceFailed: It ends before it serves, or takes too long.
    """
    endpoint = endpoint_of("embedder", {}, port=0, metrics_port=0)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAGWAN_")}
    environment = {
        **inherited,
        "SAGWAN_EMBEDDER_MODEL": str(run.model),
        "SAGWAN_EMBEDDER_PORT": str(endpoint.port),
        "SAGWAN_EMBEDDER_METRICS_PORT": str(endpoint.metrics_port),
    }
    log = run.scratch / "embedder.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "sagwan_embedder"], env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_serving(process, endpoint.address, log)
        yield Service(endpoint.address, f"http://{endpoint.metrics_address}/metrics", process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_serving(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    give_up_s = time.monotonic() + _SERVING_TIMEOUT_S
    while not _is_serving(address):
        if process.poll() is not None or time.monotonic() > give_up_s:
            tail = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:]
            raise ServiceFailed(f"the embedder does not serve:\n{tail}")
        time.sleep(_POLL_INTERVAL_S)


def _is_serving(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
