"""Health that is earned: a service reports SERVING only while everything that it needs answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health_aio

_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[None]]


class Readiness:
    """Runs named checks again and again and tells the health service what came of them.

    A check returns when its dependency answers and raises otherwise. Failing checks are repeated sooner than passing
    ones, so that a service that is starting is not kept waiting.
    """

    def __init__(
        self,
        health: health_aio.HealthServicer,
        services: Sequence[str],
        checks: Mapping[str, Check],
        *,
        check_timeout_s: float = 2.0,
        interval_ready_s: float = 5.0,
        interval_failing_s: float = 0.25,
    ) -> None:
        self._health = health
        self._services = ("", *services)
        self._checks = checks
        self._check_timeout_s = check_timeout_s
        self._interval_ready_s = interval_ready_s
        self._interval_failing_s = interval_failing_s
        self._failing: dict[str, str] | None = None

    async def report_starting(self) -> None:
        """Says NOT_SERVING. Before the first checks gRPC's health service would say SERVING of the whole server."""
        await self._report(ready=False)

    async def watch(self) -> None:
        """Checks until cancelled."""
        while True:
            failing = await self._failures()
            if failing != self._failing:
                self._failing = failing
                _log.info("readiness", ready=not failing, failing=failing)
                await self._report(ready=not failing)
            await asyncio.sleep(self._interval_failing_s if failing else self._interval_ready_s)

    async def _failures(self) -> dict[str, str]:
        failing: dict[str, str] = {}
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(self._check_timeout_s):
                    await check()
            except Exception as error:  # noqa: BLE001  # whatever a check raises means not ready
                failing[name] = f"{type(error).__name__}: {error}"
        return failing

    async def _report(self, *, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in self._services:
            await self._health.set(service, status)
