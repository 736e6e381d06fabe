"""Filters that keep 50, 5, 0.5 and 0.05 % of the chunks: how many are found, whether they are the nearest, how soon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

import grpc
from scale_data.labels import SHARE_SPEAKERS, SHARE_TAGS, SHARES, days_of_share

from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, at_least, at_most, exactly
from sagwan_text.speakers import speaker_key
from search_bench.latencies import latency_figures
from search_bench.neighbors import Neighbors
from search_bench.run import Client, Run, client_of

_HITS = 10
_QUESTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter, as a caller writes it and as the exact search understands it."""

    name: str
    asked: search_pb2.Filter
    first_day: date | None = None
    last_day: date | None = None
    speaker: str | None = None
    tag: str | None = None


def filtered_figures(run: Run) -> Iterator[Figure]:
    """For each filter the share that it keeps, recall@10 of the vector leg, hits that were due and missing, latency."""
    questions = run.questions.take(min(run.searches, _QUESTIONS_MAX))
    with client_of(run.stack) as client, Neighbors.opened(run) as neighbors:
        vectors = neighbors.vectors_of(questions)
        for each in filters():
            condition = (each.first_day, each.last_day, each.speaker, each.tag)
            passing = neighbors.passing(*condition)
            try:
                yield from _figures(client, questions, each, passing, neighbors.exact(vectors, _HITS, *condition), run)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                run.tell(f"{each.name}: the service does not answer this filter: {error.details()}")


def _figures(
    client: Client,
    questions: Sequence[str],
    narrowed: Narrowed,
    passing: int,
    exact: Sequence[Sequence[int]],
    run: Run,
) -> Iterator[Figure]:
    due = min(_HITS, passing)
    recalls, short, seconds = [], 0, []
    for text, nearest in zip(questions, exact, strict=True):
        found = client.ask(text, mode=search_pb2.SEARCH_MODE_VECTOR, filter=narrowed.asked).response.hits
        ids = {int(hit.name.rpartition("/")[2]) for hit in found}
        recalls.append(len(ids & set(nearest)) / due if due else 1.0)
        hybrid = client.ask(text, filter=narrowed.asked)
        seconds.append(hybrid.seconds)
        short += len(found) < due
        short += len(hybrid.response.hits) < due
    name = f"filter_{narrowed.name}"
    yield Figure(f"{name}_keeps", passing / run.chunks, "of chunks")
    yield Figure(f"{name}_recall", fmean(recalls), "of 10", at_least(0.95))
    yield Figure(f"{name}_short", short, "answers", exactly(0))
    yield from latency_figures(name, seconds, p99=at_most(200))


def filters() -> Iterator[Narrowed]:
    """A filter by days, one by speaker and one by tag for each share."""
    for share, speaker, tag in zip(SHARES, SHARE_SPEAKERS, SHARE_TAGS, strict=True):
        percent = f"{share * 100:g}"
        first, last = days_of_share(share)
        days = search_pb2.Filter(start_date=first.isoformat(), end_date=last.isoformat())
        yield Narrowed(f"days_{percent}", days, first_day=first, last_day=last)
        yield Narrowed(f"speaker_{percent}", search_pb2.Filter(speakers=[speaker]), speaker=speaker_key(speaker))
        yield Narrowed(f"tag_{percent}", search_pb2.Filter(tags=[tag]), tag=tag)
