"""A line to PostgreSQL that tests stall and cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit


class Line:
    """Carries bytes between clients and the server, or holds them up, without either being told."""

    def __init__(self, postgres_url: str) -> None:
        self._address = urlsplit(postgres_url)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    def url_of(self, url: str) -> str:
        """A database's DSN by way of this line."""
        user = self._address.netloc.rpartition("@")[0]
        return f"postgresql://{user}@127.0.0.1:{self._port}{urlsplit(url).path}"

    def stall(self) -> None:
        """From now on nothing arrives."""
        self._flowing.clear()

    def flow(self) -> None:
        """What was held up arrives, and what comes after it."""
        self._flowing.set()

    async def open(self) -> None:
        """Listens, on the port of before where there was one."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Ends every connection and takes no new one."""
        if self._server is not None:
            self._server.close()
        for task in list(self._pumps):
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._upstream()
        for one, other in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(one, other))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self._address
        if address.hostname:
            return await asyncio.open_connection(address.hostname, address.port or 5432)
        query = dict(parse_qsl(address.query))
        return await asyncio.open_unix_connection(f"{query['host']}/.s.PGSQL.{query.get('port', 5432)}")

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def line_to_postgres(postgres_url: str) -> AsyncIterator[Line]:
    """A line that carries."""
    line = Line(postgres_url)
    await line.open()
    try:
        yield line
    finally:
        await line.cut()
