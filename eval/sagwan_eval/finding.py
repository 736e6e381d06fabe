"""Whether labelled meetings are found.

The ten queries are the first ten of `queries.jsonl` that name something specific. The rule, fixed before any search was
run: after analysis the query holds a term that occurs in at least one and in at most three of the 35 meetings.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stack import Stack

from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, at_least
from sagwan_eval.clients import Stubs, stubs_of
from sagwan_eval.json_lines import records
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

_MEETINGS_OF_A_SPECIFIC_TERM = 3
_QUERIES = 10
_TOP_MEETINGS = 5
_FOUND_MIN = 7


def finding_figures(stack: Stack, data: Path) -> Iterator[Figure]:
    """Ingests the 35 meetings; how many of ten specific queries, and of all, find their meeting in the top five."""
    folder = data / "qmsum" / "val"
    ingested = json.loads(stack.run("ingest", "--json", str(folder / "meetings.jsonl")).stdout)
    yield Figure("qmsum_val_meetings_kept", ingested["created"], "meetings", at_least(35))
    queries = list(records(folder / "queries.jsonl"))
    specific = _specific(queries, list(records(folder / "meetings.jsonl")))
    with stubs_of(stack) as stubs:
        found = [_found(stubs, query) for query in specific]
        yield Figure("qmsum_val_first_ten_found", sum(found), f"of {_QUERIES}", at_least(_FOUND_MIN))
        share = sum(_found(stubs, query) for query in queries) / len(queries)
        yield Figure("qmsum_val_all_queries_found", share, f"of {len(queries)}")


def _specific(queries: list[dict[str, Any]], meetings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    analyzer = Analyzer(load_tagger())
    meetings_with: Counter[str] = Counter()
    for meeting in meetings:
        meetings_with.update({term.text for turn in meeting["turns"] for term in analyzer.terms(turn["text"])})
    return [
        query
        for query in queries
        if any(1 <= meetings_with[term.text] <= _MEETINGS_OF_A_SPECIFIC_TERM for term in analyzer.terms(query["text"]))
    ][:_QUERIES]


def _found(stubs: Stubs, query: dict[str, Any]) -> bool:
    """Whether the labelled meeting is among the first five different meetings of the answer."""
    request = search_pb2.SearchRequest(query=query["text"], page_size=100, plain_text=True)
    answer = stubs.search.Search(request, metadata=stubs.key, timeout=30)
    meetings = list(dict.fromkeys(hit.meeting.name for hit in answer.hits))[:_TOP_MEETINGS]
    return f"meetings/{query['metadata']['meeting_id']}" in meetings
