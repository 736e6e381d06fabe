"""What the budget of the lexical leg costs: labelled questions, asked with it and without it."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean

from scale_data.core import PASSAGES_MAX, SETS, records
from scale_data.server import HOME, MODEL
from stack import running

from sagwan.search.v1 import search_pb2
from sagwan_bench.ranking import ndcg
from sagwan_bench.results import Figure, at_least
from search_bench.run import Client, Run, client_of

_QUESTIONS_MAX = 300
_HITS = 10
# A passage is recognised by how it begins: a chunk may end before it does.
_PROBE_CHARACTERS = 100
_NO_BUDGET = 1_000_000_000


def bounded_figures(run: Run) -> Iterator[Figure]:
    """nDCG@10 of the lexical leg for questions whose passage is among the chunks, with the budget and without one.

    What counts is the first hit that holds the passage: chunks that were made of it hold it too.
    """
    questions = dict(islice(_labelled(run.data / SETS[2]), _QUESTIONS_MAX))
    with client_of(run.stack) as client:
        bounded = {text: _hits(client, text) for text in questions}
    settings = {"SAGWAN_DATABASE_URL": run.dsn, "SAGWAN_SEARCH_INDEX_UPKEEP": "false"}
    with (
        running(
            HOME / "unbounded", model_dir=MODEL, SAGWAN_SEARCH_MATCH_CANDIDATES_MAX=str(_NO_BUDGET), **settings
        ) as stack,
        client_of(stack) as client,
    ):
        unbounded = {text: _hits(client, text) for text in questions}
    with_budget, without = _mean_ndcg(questions, bounded), _mean_ndcg(questions, unbounded)
    yield Figure("bounded_questions", len(questions), "questions")
    yield Figure("bounded_unbounded_ndcg", without, "nDCG@10")
    yield Figure("bounded_ndcg", with_budget, "nDCG@10", at_least(without - 0.01))
    shared = (
        len({each.name for each in bounded[text]} & {each.name for each in unbounded[text]}) for text in questions
    )
    expected = sum(len(hits) for hits in unbounded.values())
    yield Figure("bounded_overlap", sum(shared) / expected if expected else 1.0, "of the first 10")


def _labelled(folder: Path) -> Iterator[tuple[str, str]]:
    """Questions with how the passage that answers each begins, where that passage is among the chunks."""
    passages = {each["_id"]: each["text"] for each in islice(records(folder / "corpus.jsonl"), PASSAGES_MAX)}
    texts = {each["_id"]: each["text"] for each in records(folder / "queries.jsonl")}
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            passage = passages.get(row["corpus-id"])
            if passage:
                yield texts[row["query-id"]], _plain(passage)[:_PROBE_CHARACTERS]


def _hits(client: Client, text: str) -> Sequence[search_pb2.Hit]:
    asked = client.ask(text, mode=search_pb2.SEARCH_MODE_LEXICAL, page_size=_HITS)
    return asked.response.hits


def _mean_ndcg(questions: Mapping[str, str], hits: Mapping[str, Sequence[search_pb2.Hit]]) -> float:
    return fmean(_ndcg(hits[text], probe) for text, probe in questions.items())


def _ndcg(hits: Sequence[search_pb2.Hit], probe: str) -> float:
    """nDCG@10 where the first hit that holds the passage is all that counts; 0 where none does."""
    holding = (place for place, hit in enumerate(hits) if probe in _plain(" ".join(line.text for line in hit.lines)))
    first = next(holding, None)
    return ndcg((place == first for place in range(len(hits))), [1.0], depth=_HITS)


def _plain(text: str) -> str:
    return " ".join(text.split())
