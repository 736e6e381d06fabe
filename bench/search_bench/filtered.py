"""Filters that keep shares of the chunks, or a language: how many are found, whether the nearest, how soon."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import grpc
from scale_data.labels import SHARE_SPEAKERS, SHARE_TAGS, SHARES, days_of_share

from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, at_least, at_most, exactly
from sagwan_text.speakers import speaker_key
from search_bench.latencies import latency_figures
from search_bench.neighbors import Condition, Vectors, connected, question_vectors
from search_bench.run import Client, Run, client_of

_HITS = 10
_QUESTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter, as a caller writes it and as the exact search understands it."""

    name: str
    asked: search_pb2.Filter
    condition: Condition


def filtered_figures(run: Run) -> Iterator[Figure]:
    """For each filter the share that it keeps, recall@10 of the vector leg, hits that were due and missing, latency."""
    questions = run.questions.take(min(run.searches, _QUESTIONS_MAX))
    exact = asyncio.run(_exact(run, questions))
    with client_of(run.stack) as client:
        for each in filters():
            passing, nearest = exact[each.name]
            try:
                yield from _figures(client, questions, each.name, each.asked, passing, nearest, run.chunks)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                run.tell(f"{each.name}: the service does not answer this filter: {error.details()}")


async def _exact(run: Run, questions: Sequence[str]) -> dict[str, tuple[int, list[set[int]]]]:
    """By filter, how many chunks pass it and which of them are the nearest to each question."""
    asked = question_vectors(run, questions)
    connection, table = await connected(run.dsn)
    try:
        vectors = await Vectors.read(connection, table)
        found = {}
        for each in filters():
            passing = await vectors.passing(connection, table, each.condition)
            found[each.name] = (int(passing.sum()), vectors.nearest(asked, _HITS, passing))
        return found
    finally:
        await connection.close()


def _figures(
    client: Client,
    questions: Sequence[str],
    name: str,
    asked: search_pb2.Filter,
    passing: int,
    exact: Sequence[set[int]],
    chunks: int,
) -> Iterator[Figure]:
    due = min(_HITS, passing)
    recalls, short, seconds = [], 0, []
    for text, nearest in zip(questions, exact, strict=True):
        found = client.ask(text, mode=search_pb2.SEARCH_MODE_VECTOR, filter=asked).chunk_ids
        recalls.append(len(found & nearest) / due if due else 1.0)
        hybrid = client.ask(text, filter=asked)
        seconds.append(hybrid.seconds)
        short += len(found) < due
        short += len(hybrid.response.hits) < due
    yield Figure(f"filter_{name}_keeps", passing / chunks, "of chunks")
    yield Figure(f"filter_{name}_recall", fmean(recalls), "of 10", at_least(0.95))
    yield Figure(f"filter_{name}_short", short, "answers", exactly(0))
    yield from latency_figures(f"filter_{name}", seconds, p99=at_most(200))


def filters() -> Iterator[Narrowed]:
    """None, for each share a filter by days, one by speaker and one by tag, and one that hides half of what is near."""
    yield Narrowed("none", search_pb2.Filter(), Condition())
    for share, speaker, tag in zip(SHARES, SHARE_SPEAKERS, SHARE_TAGS, strict=True):
        percent = f"{share * 100:g}"
        first, last = days_of_share(share)
        days = search_pb2.Filter(start_date=first.isoformat(), end_date=last.isoformat())
        yield Narrowed(f"days_{percent}", days, Condition(first_day=first, last_day=last))
        said = search_pb2.Filter(speakers=[speaker])
        yield Narrowed(f"speaker_{percent}", said, Condition(speaker=speaker_key(speaker)))
        yield Narrowed(f"tag_{percent}", search_pb2.Filter(tags=[tag]), Condition(tag=tag))
    # What is nearest to a question in Korean is Korean: for half of the questions all of it is in the other half.
    yield Narrowed("language_en", search_pb2.Filter(languages=["en"]), Condition(language="en"))
