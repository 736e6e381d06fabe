"""gRPC's health service, whose watchers do not keep a draining server waiting."""

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health_aio

_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class DrainingHealth(health_aio.HealthServicer):  # type: ignore[misc]  # the package ships no types
    """Health that ends with the service: who watches is told NOT_SERVING and let go.

    A watcher stays for as long as it is let, and a server that stops waits for every call: without this each stop would
    take the whole grace.
    """

    def __init__(self) -> None:
        super().__init__()
        self._draining = asyncio.Event()

    async def drain(self) -> None:
        """Says NOT_SERVING from now on, and ends every watch."""
        self._draining.set()
        await self.enter_graceful_shutdown()

    async def Watch(  # noqa: N802  # the name is the contract's
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Tells a caller the status and each change of it, until it leaves or the service drains."""
        told = _Told(context)
        watching = asyncio.create_task(super().Watch(request, told))
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({watching, draining}, return_when=asyncio.FIRST_COMPLETED)
            async with told.writing:
                watching.cancel()
        finally:
            for each in (watching, draining):
                each.cancel()
            await asyncio.gather(watching, draining, return_exceptions=True)
        if told.status != _NOT_SERVING:
            await context.write(health_pb2.HealthCheckResponse(status=_NOT_SERVING))


class _Told:
    """The way to one who watches.

    Attributes:
        writing: Held while a status is on its way: a write that is cut short leaves a call that takes no other.
        status: What was told last.
    """

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._context = context
        self.writing = asyncio.Lock()
        self.status: int | None = None

    async def write(self, response: health_pb2.HealthCheckResponse) -> None:
        """Tells a status."""
        async with self.writing:
            await self._context.write(response)
            self.status = response.status
