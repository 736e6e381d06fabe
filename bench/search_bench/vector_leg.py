"""The nearest chunks alone, by SQL: time and recall by kind of index and setting, and how both grow with the table."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from statistics import fmean

import asyncpg

from sagwan_bench.results import Figure, at_least, at_most
from sagwan_bench.trends import slope
from sagwan_search.adapters.index_sql import create_index, index_name, ordering
from sagwan_search.adapters.vectors import plan_of
from sagwan_search.domain.indexes import IndexKind, IndexPlan, plan_for
from search_bench.latencies import ms
from search_bench.neighbors import Vector, Vectors, connected, question_vectors
from search_bench.run import QUERIES, Run

_COUNT = 10
_QUESTIONS = 100
_REPEATS = 3
_EF_SEARCH = (40, 64, 100, 150, 200, 300, 400, 600, 800)
# The least of the above with which recall is what is asked for.
_TUNED = "hnsw_tuned"
_RECALL = 0.95
_IVFFLAT_TABLE = "bench_ivfflat"


@dataclass(frozen=True, slots=True)
class Point:
    """One setting at one size.

    Attributes:
        p50_ms: Median time of a query.
        recall: Share of the ten nearest that it finds.
    """

    p50_ms: float
    recall: float


def vector_figures(run: Run) -> Iterator[Figure]:
    """P50 and recall@10 of HNSW by ef_search and of IVFFlat with lists = sqrt n and probes = sqrt lists, at each size.

    Tuned is the first setting with a recall of 0.95, or the last one where none has it. The sizes are those that
    `make scale-data` has built up to this run's. Growth is the exponent of n in a power law
    through the medians: log n would look like some 0.1, sqrt n like 0.5.
    """
    vectors = question_vectors(run, run.questions.take(_QUESTIONS))
    found: dict[str, dict[int, Point]] = {}
    for chunks, dsn in sorted(run.sizes.items()):
        for kind, point in asyncio.run(_points(run, dsn, chunks, vectors)).items():
            found.setdefault(kind, {})[chunks] = point
            yield Figure(f"vector_{kind}_{chunks}_p50_ms", point.p50_ms, "ms")
            target = at_least(_RECALL) if kind == _TUNED else None
            yield Figure(f"vector_{kind}_{chunks}_recall", point.recall, "of 10", target)
    for kind, points in found.items():
        yield from growth_figures(kind, points)


def growth_figures(kind: str, points: Mapping[int, Point]) -> Iterator[Figure]:
    """How the median grows with the table: the exponent of n from three sizes on, and the largest to the smallest.

    Args:
        kind: What was measured.
        points: By size.
    """
    sizes = sorted(points)
    if len(sizes) >= 3:
        xs, ys = [math.log(size) for size in sizes], [math.log(points[size].p50_ms) for size in sizes]
        yield Figure(f"vector_{kind}_exponent", slope(xs, ys).value, "of n")
    if len(sizes) >= 2:
        ratio = points[sizes[-1]].p50_ms / points[sizes[0]].p50_ms
        target = at_most(2.0) if kind == _TUNED else None
        yield Figure(f"vector_{kind}_{sizes[-1]}_to_{sizes[0]}", ratio, "times", target)


async def _points(run: Run, dsn: str, chunks: int, vectors: Sequence[Vector]) -> dict[str, Point]:
    connection, table = await connected(dsn)
    try:
        await connection.execute("SET jit = off")
        exact = (await Vectors.read(connection, table)).nearest(vectors, _COUNT)
        graph = plan_of(await connection.fetchrow(QUERIES["index_of_serving_model"].sql))
        points = {}
        for ef_search in _EF_SEARCH:
            await connection.execute(f"SET hnsw.ef_search = {ef_search}")
            point = points[f"hnsw_{ef_search}"] = await _point(connection, table, graph, vectors, exact)
            if _TUNED not in points and (point.recall >= _RECALL or ef_search == _EF_SEARCH[-1]):
                points[_TUNED] = point
                run.tell(f"{chunks:,} vectors are tuned with ef_search {ef_search}")
        lists = max(1, round(math.sqrt(chunks)))
        plan = replace(plan_for(IndexKind.IVFFLAT, 0), lists=lists)
        async with _ivfflat(connection, table, plan, len(vectors[0])) as seconds:
            run.tell(f"IVFFlat of {chunks:,} vectors with {lists} lists was built in {seconds:.0f} s")
            await connection.execute(f"SET ivfflat.probes = {max(1, round(math.sqrt(lists)))}")
            points["ivfflat"] = await _point(connection, _IVFFLAT_TABLE, plan, vectors, exact)
        return points
    finally:
        await connection.close()


@asynccontextmanager
async def _ivfflat(connection: asyncpg.Connection, table: str, plan: IndexPlan, dimension: int) -> AsyncIterator[float]:
    """A copy of the vectors with an IVFFlat index, so that the planner has no choice; how long the index took."""
    await connection.execute(f"DROP TABLE IF EXISTS {_IVFFLAT_TABLE}")
    await connection.execute(f"CREATE UNLOGGED TABLE {_IVFFLAT_TABLE} AS SELECT chunk_id, embedding FROM {table}")
    try:
        await connection.execute("SET maintenance_work_mem = '2GB'")
        begun = time.perf_counter()
        name = index_name(_IVFFLAT_TABLE, plan.kind)
        await connection.execute(create_index(name, _IVFFLAT_TABLE, plan, dimension))
        seconds = time.perf_counter() - begun
        await connection.execute(f"VACUUM ANALYZE {_IVFFLAT_TABLE}")
        yield seconds
    finally:
        await connection.execute(f"DROP TABLE {_IVFFLAT_TABLE}")


async def _point(
    connection: asyncpg.Connection, table: str, plan: IndexPlan, vectors: Sequence[Vector], exact: Sequence[set[int]]
) -> Point:
    """All questions once to bring the index into memory, then several times with a clock."""
    order = ordering(plan, len(vectors[0]), "v.embedding", "$1::vector")
    query = QUERIES["nearest"].on_table("vectors", table).with_expression("ordering", order).sql
    recalls = []
    for vector, expected in zip(vectors, exact, strict=True):
        rows = await connection.fetch(query, vector, _COUNT)
        recalls.append(len({row["chunk_id"] for row in rows} & expected) / len(expected))
    seconds = []
    for _ in range(_REPEATS):
        for vector in vectors:
            begun = time.perf_counter()
            await connection.fetch(query, vector, _COUNT)
            seconds.append(time.perf_counter() - begun)
    return Point(ms(0.5, seconds) or 0.0, fmean(recalls))
