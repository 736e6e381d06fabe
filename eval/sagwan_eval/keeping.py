"""Whether what is kept is exact: nothing twice, every turn of every speaker."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
from stack import Stack

from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, at_least, exactly
from sagwan_eval.clients import stubs_of
from sagwan_eval.json_lines import records

_SPEAKERS = 20
# Changes that PostgreSQL has counted; a backend reports them at the latest a second after its transaction.
_ROWS_CHANGED = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
_REPORT_DELAY_S = 2.0


def keeping_figures(stack: Stack, data: Path) -> Iterator[Figure]:
    """Rows that change when the same file is ingested again."""
    file = str(data / "qmsum" / "val" / "meetings.jsonl")
    before = asyncio.run(_rows_changed(stack.database_url))
    again = json.loads(stack.run("ingest", "--json", file).stdout)
    after = asyncio.run(_rows_changed(stack.database_url))
    yield Figure("same_ingest_unchanged", again["unchanged"], "meetings", exactly(35))
    yield Figure("same_ingest_rows_changed", after - before, "rows", exactly(0))


def speaker_figures(stack: Stack, data: Path) -> Iterator[Figure]:
    """Speakers whose turns are counted exactly, in all and in each meeting."""
    folder = data / "seoul_edu" / "dev"
    ingested = json.loads(stack.run("ingest", "--json", str(folder / "meetings.jsonl")).stdout)
    yield Figure("seoul_edu_meetings_kept", ingested["created"], "meetings", at_least(25))
    expected = list(records(folder / "filters.jsonl"))
    speakers = [each for each in expected if list(each["filter"]) == ["speaker"]][:_SPEAKERS]
    exact = 0
    with stubs_of(stack) as stubs:
        for each in speakers:
            condition = search_pb2.Filter(speakers=[each["filter"]["speaker"]])
            request = search_pb2.ListUtterancesRequest(filter=condition, page_size=1)
            answer = stubs.search.ListUtterances(request, metadata=stubs.key, timeout=30)
            counts = {count.value.removeprefix("meetings/"): count.count for count in answer.meeting_counts}
            exact += answer.total_size == each["turns"] and counts == each["meetings"]
    yield Figure("seoul_edu_speakers_exact", exact, f"of {len(speakers)}", exactly(_SPEAKERS))


async def _rows_changed(database_url: str) -> int:
    await asyncio.sleep(_REPORT_DELAY_S)
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval(_ROWS_CHANGED))
    finally:
        await connection.close()
