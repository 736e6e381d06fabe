"""Measures what search finds: nDCG@10, recall@10, MRR and coverage@1000 on labelled questions, through the services.

Keeps each set in a tenant of its own of a stack in var/eval/stack, which the next run finds again: remove it when
chunks are cut or analysed in another way. Prints a row a figure with its 95 % interval, and writes
var/eval/quality.json and the answers, by set, to var/eval/answers.
"""

import argparse
import dataclasses
import json
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sagwan_eval.asking import MODES, Answered, Found, Tenant, ask, chunks_of, keep, tenant_of
from sagwan_eval.retrieval_sets import folders_of_sets, load_documents, meetings_of
from sagwan_eval.scoring import Mean, mean, measured
from sagwan_eval.spans import coverage, grades, load_spans
from stack import ROOT, Stack, running

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, write_results
from sagwan_ingest.domain.chunking import Chunk

_HOME = ROOT / "var" / "eval"
_KOREAN = re.compile("[가-힣]")
_COVERAGE = "coverage@1000"
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What one way of searching is worth on one set."""

    group: str
    mode: str
    questions: int
    measure: str
    mean: Mean

    def as_figures(self) -> Iterator[Figure]:
        """The mean and both ends of its interval."""
        name = f"{self.group} {self.mode} {self.measure}"
        for end, value in (("", self.mean.value), (" low", self.mean.low), (" high", self.mean.high)):
            yield Figure(name + end, value, f"of {self.questions}")


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Questions and what answers them.

    Attributes:
        name: Of the set.
        questions: Text, and the meetings to search, none for all, by id.
        gains: By question, what each document is worth.
        document_of: Which document a hit belongs to.
        place_of: Where a hit stands: its meeting and its place among the meeting's chunks.
        covered: Share of the labelled words that hits cover, where words are labelled.
    """

    name: str
    questions: Mapping[str, tuple[str, Sequence[str]]]
    gains: Mapping[str, Mapping[str, int]]
    document_of: Callable[[Found], str]
    place_of: Callable[[Found], tuple[str, int]]
    covered: Callable[[str, Sequence[Found]], float] | None = None


def main() -> int:
    """Keeps, asks, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="a set, or a folder of sets, such as ../shared/eval")
    parser.add_argument("--only", nargs="*", help="these sets, by their folder below the data")
    parser.add_argument(
        "--meetings", type=int, help="of sets with labelled turns about so many meetings, evenly spread"
    )
    parser.add_argument("--questions", type=int, help="about so many questions of each set, evenly spread")
    options = parser.parse_args()
    # What it starts is stopped on the way out, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    folders = [each for each in folders_of_sets(options.data) if _chosen(each, options.data, options.only)]
    if not folders:
        print(f"no set in {options.data}: queries.jsonl with spans.jsonl or qrels.tsv", file=sys.stderr)
        return 2
    for name in ("stack", "answers", "documents"):
        (_HOME / name).mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with running(_HOME / "stack", model_dir=ROOT / "var" / "model") as stack:
        for folder in folders:
            name = _name(folder, options.data)
            evaluated = _spans if (folder / "spans.jsonl").is_file() else _documents
            for each in evaluated(stack, name, folder, options):
                found = each.mean
                print(
                    f"{each.group:<28} {each.mode:<7} {each.measure:<14} {found.value:.3f} "
                    f"({found.low:.3f} … {found.high:.3f}) of {each.questions}",
                    flush=True,
                )
                results.append(each)
    environment = describe(ROOT, folders[0] / "queries.jsonl")
    environment |= {
        "sets": [_name(each, options.data) for each in folders],
        "meetings": options.meetings,
        "questions": options.questions,
    }
    write_results(_HOME / "quality.json", environment, [figure for each in results for figure in each.as_figures()])
    return 0


def _chosen(folder: Path, data: Path, only: Sequence[str] | None) -> bool:
    return only is None or _name(folder, data) in only


def _name(folder: Path, data: Path) -> str:
    return folder.name if folder == data else str(folder.relative_to(data))


def _documents(stack: Stack, name: str, folder: Path, options: argparse.Namespace) -> Iterator[Result]:
    """Documents, each kept as a meeting; the first of its chunks that is found counts."""
    loaded = load_documents(folder)
    tenant = tenant_of(stack, name)
    file = _HOME / "documents" / f"{_file_name(name)}.jsonl"
    document_of = {}
    with file.open("w", encoding="utf-8") as output:
        for document_id, meeting in meetings_of(loaded.documents):
            document_of[meeting["meeting_id"]] = document_id
            output.write(json.dumps(meeting, ensure_ascii=False) + "\n")
    keep(stack, tenant, file)
    yield from _results(
        stack,
        tenant,
        Asked(
            name,
            {question: (text, ()) for question, text in _spread(loaded.questions.items(), options.questions)},
            loaded.gains,
            lambda hit: document_of[hit.meeting_id],
            _places(chunks_of(stack, tenant)),
        ),
    )


def _spans(stack: Stack, name: str, folder: Path, options: argparse.Namespace) -> Iterator[Result]:
    """Meetings, of which runs of turns are labelled; chunks count as far as they lie in these."""
    spans = load_spans(folder, meetings_max=options.meetings)
    tenant = tenant_of(stack, f"{name} of {options.meetings}" if options.meetings else name)
    file = _HOME / "documents" / f"{_file_name(name)}.jsonl"
    lines = (folder / "meetings.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["meeting_id"] in spans.meetings]
    file.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    keep(stack, tenant, file)
    chunks = chunks_of(stack, tenant)
    words = {meeting_id: [len(turn.text.split()) for turn in turns] for meeting_id, turns in spans.meetings.items()}
    questions = {str(number): each for number, each in enumerate(_spread(spans.questions, options.questions))}
    gains = {}
    for number, each in questions.items():
        own = chunks[each.meeting_id]
        graded = grades(each, each.meeting_id, list(own.values()), words[each.meeting_id])
        gains[number] = {str(chunk_id): 2**grade - 1 for chunk_id, grade in zip(own, graded, strict=True) if grade}

    def covered(number: str, hits: Sequence[Found]) -> float:
        return coverage(
            questions[number], ((hit.meeting_id, chunks[hit.meeting_id][hit.chunk_id]) for hit in hits), words
        )

    for group, within in ((name, False), (f"{name} within", True)):
        asked = {number: (each.text, (each.meeting_id,) if within else ()) for number, each in questions.items()}
        yield from _results(
            stack, tenant, Asked(group, asked, gains, lambda hit: str(hit.chunk_id), _places(chunks), covered)
        )


def _places(chunks: Mapping[str, Mapping[int, Chunk]]) -> Callable[[Found], tuple[str, int]]:
    return lambda hit: (hit.meeting_id, chunks[hit.meeting_id][hit.chunk_id].ordinal)


def _results(stack: Stack, tenant: Tenant, asked: Asked) -> Iterator[Result]:
    """Each leg and both fused, over all questions, and by the language of the question where there are two."""
    groups = {asked.name: list(asked.questions)}
    languages: dict[str, list[str]] = {}
    for question, (text, _) in asked.questions.items():
        languages.setdefault("ko" if _KOREAN.search(text) else "en", []).append(question)
    if len(languages) > 1:
        groups |= {f"{asked.name} [{language}]": questions for language, questions in languages.items()}
    found: dict[str, dict[str, Answered]] = {}
    for mode in MODES:
        answers = dict(zip(asked.questions, ask(stack, tenant, asked.questions.values(), mode), strict=True))
        found[mode] = answers
        rankings = {
            question: list(dict.fromkeys(map(asked.document_of, answer.hits))) for question, answer in answers.items()
        }
        values = measured(asked.gains, rankings)
        if asked.covered:
            values[_COVERAGE] = {each: asked.covered(each, answer.hits) for each, answer in answers.items()}
        for group, questions in groups.items():
            for measure, of_question in values.items():
                mean_of_group = mean([of_question[each] for each in questions])
                yield Result(group, mode, len(questions), measure, mean_of_group)
    _keep_answers(asked, found)


def _spread(items: Iterable[T], count: int | None) -> list[T]:
    """Every n-th of them, so that about so many are left."""
    every = list(items)
    return every[:: max(1, -(-len(every) // count))] if count else every


def _keep_answers(asked: Asked, found: Mapping[str, Mapping[str, Answered]]) -> None:
    """What each leg found, for choosing how they are fused."""
    kept = [
        {
            "gains": asked.gains[question],
            "match_share": found["bm25"][question].match_share,
            **{
                mode: [
                    (asked.document_of(hit), hit.chunk_id, hit.score, *asked.place_of(hit))
                    for hit in answers[question].hits
                ]
                for mode, answers in found.items()
            },
        }
        for question in asked.questions
    ]
    (_HOME / "answers" / f"{_file_name(asked.name)}.json").write_text(json.dumps(kept), encoding="utf-8")


def _file_name(name: str) -> str:
    return name.replace("/", "-").replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
