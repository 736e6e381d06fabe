"""Measures searches among so many chunks through the services, and holds them against the targets.

The chunks are those of `make scale-data N=…`. Prints a row a figure, writes var/bench/search-N.json, and exits with 1
when a target is missed. With --only, or shortened, it writes to a file of its own and stands for nothing.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from scale_data.server import HOME, MODEL, database_name, scale_server, sizes
from search_bench.alone import alone_figures
from search_bench.bounded import bounded_figures
from search_bench.common import common_figures
from search_bench.filtered import filtered_figures
from search_bench.growing import growing_figures
from search_bench.index_build import build_figures, memory_figures
from search_bench.load import clients_figures, open_figures
from search_bench.questions import SETS, Questions, load_questions
from search_bench.raw import raw_figures
from search_bench.run import Run, warm_up
from search_bench.tuned import tuned_figures
from search_bench.vector_leg import vector_figures
from stack import ROOT, Stack, running

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, printed, write_results
from sagwan_client.errors import StackError
from sagwan_client.local.postgres import EmbeddedPostgres
from sagwan_search.domain.indexes import IndexKind

_ROWS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "tune": tuned_figures,
    "alone": alone_figures,
    "clients": clients_figures,
    "open": open_figures,
    "common": common_figures,
    "bounded": bounded_figures,
    "filters": filtered_figures,
    "raw": raw_figures,
    "vector": vector_figures,
    "build": build_figures,
    "memory": memory_figures,
}
# On a copy of the database and a stack of their own, after the others: what is copied must have nobody connected to it.
_GROWING: dict[str, IndexKind] = {"growing": IndexKind.HNSW, "growing_ivfflat": IndexKind.IVFFLAT}
_ALL = [*_ROWS, *_GROWING]
_SEARCHES, _SECONDS = 500, 60.0
# What latencies of milliseconds survive: a shell and an editor.
_QUIET_LOAD = 0.5


def main() -> int:
    """Measures, prints, writes and judges."""
    options = _options()
    missing = [name for name in SETS if not (options.data / name).is_dir()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        return 2
    # What it starts is stopped on the way out, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    environment = describe(ROOT, options.data / SETS[0] / "queries.jsonl", packages=("asyncpg", "numpy", "pgvector"))
    load_average = os.getloadavg()[0]
    remarks: list[str] = []

    def tell(remark: str) -> None:
        print(f"# {remark}", flush=True)
        remarks.append(remark)

    if load_average > _QUIET_LOAD:
        tell(f"the machine was not quiet before the run: load average {load_average:.1f}")
    try:
        with scale_server() as server:
            settings = asyncio.run(_settings(server.dsn(database_name(options.chunks))))
            figures = _measured(server, options, tell)
    except (StackError, asyncpg.InvalidCatalogNameError) as error:
        print(f"{error}; is it built? (make scale-data N={options.chunks})", file=sys.stderr)
        return 2
    whole = (options.only, options.searches, options.seconds) == (_ALL, _SEARCHES, _SECONDS)
    output = ROOT / "var" / "bench" / f"search-{options.chunks}{'' if whole else '-trial'}.json"
    environment |= {
        "chunks": options.chunks,
        "rows": options.only,
        "searches": options.searches,
        "seconds": options.seconds,
        "load_average_before": load_average,
        "remarks": remarks,
        **settings,
    }
    write_results(output, environment, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


async def _settings(dsn: str) -> dict[str, Any]:
    """What of PostgreSQL's settings the figures depend on."""
    connection = await asyncpg.connect(dsn)
    try:
        names = ("server_version", "shared_buffers", "work_mem", "max_parallel_workers_per_gather")
        return {f"postgres_{name}": await connection.fetchval(f"SHOW {name}") for name in names}
    finally:
        await connection.close()


def _measured(server: EmbeddedPostgres, options: argparse.Namespace, tell: Callable[[str], None]) -> list[Figure]:
    databases = {size: server.dsn(database_name(size)) for size in asyncio.run(sizes(server)) if size <= options.chunks}
    questions = Questions(load_questions(options.data))

    def served(stack: Stack, dsn: str) -> Run:
        return Run(
            chunks=options.chunks,
            data=options.data,
            stack=stack,
            dsn=dsn,
            postgres_pid=server.pid,
            sizes=databases,
            questions=questions,
            searches=options.searches,
            seconds=options.seconds,
            tell=tell,
        )

    figures: list[Figure] = []
    if rows := [row for row in options.only if row in _ROWS]:
        dsn = server.dsn(database_name(options.chunks))
        with running(
            HOME / "stack", model_dir=MODEL, SAGWAN_DATABASE_URL=dsn, SAGWAN_SEARCH_INDEX_UPKEEP="false"
        ) as stack:
            run = served(stack, dsn)
            warm_up(run)
            for row in rows:
                figures += _timed(row, _ROWS[row](run))
    for row in options.only:
        if row in _GROWING:
            figures += _timed(row, growing_figures(_GROWING[row], server, options.chunks, served, tell))
    return figures


def _timed(row: str, figures: Iterator[Figure]) -> list[Figure]:
    started_s = time.perf_counter()
    measured = printed(figures)
    print(f"# {row}: {time.perf_counter() - started_s:.0f} s", flush=True)
    return measured


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--chunks", type=int, required=True, metavar="N", help="how many; see make scale-data")
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--searches", type=int, default=_SEARCHES, help="how many a row asks; others are a trial")
    parser.add_argument(
        "--seconds", type=float, default=_SECONDS, help="how long a row under load takes; others are a trial"
    )
    parser.add_argument("--only", type=_rows, default=_ALL, metavar="ROW,…", help="these rows")
    return parser.parse_args()


def _rows(value: str) -> list[str]:
    rows = value.split(",")
    unknown = [row for row in rows if row not in _ALL]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(_ALL)}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
