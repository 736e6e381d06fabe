"""Sets of documents, questions and judgements, as folders hold them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagwan_eval.json_lines import records

_DOCUMENTS, _QUESTIONS = "corpus.jsonl", "queries.jsonl"


@dataclass(frozen=True, slots=True)
class Document:
    """What can be found.

    Attributes:
        title: May be empty.
        text: What it says.
    """

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents, and questions whose answers among them are known.

    Attributes:
        documents: By id.
        questions: By id, those that have a judgement. The text alone: what else a set says of them may be a label.
        gains: By question, the documents that answer it and how well.
    """

    documents: Mapping[str, Document]
    questions: Mapping[str, str]
    gains: Mapping[str, Mapping[str, int]]


def folders_of_sets(root: Path) -> Iterator[Path]:
    """Every folder below one (and itself) that holds questions about meetings or documents, in order."""
    for folder in sorted({file.parent for file in root.rglob(_QUESTIONS)}):
        if (folder / "spans.jsonl").is_file() or (folder / "qrels.tsv").is_file():
            yield folder


def load_documents(folder: Path) -> RetrievalSet:
    """Reads `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (question, document, gain; a header line)."""
    gains: dict[str, dict[str, int]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            question, document, gain = line.rstrip("\n").split("\t")
            gains.setdefault(question, {})[document] = int(gain)
    return RetrievalSet(
        documents={
            each["_id"]: Document(each.get("title", ""), each["text"]) for each in records(folder / "corpus.jsonl")
        },
        questions={each["_id"]: each["text"] for each in records(folder / _QUESTIONS) if each["_id"] in gains},
        gains=gains,
    )


def meetings_of(documents: Mapping[str, Document]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each document that says something, by id, as a meeting of its own with a paragraph a turn."""
    for number, (document_id, document) in enumerate(documents.items()):
        turns = [{"speaker": "", "text": line} for line in document.text.splitlines() if line.strip()]
        if turns:
            yield document_id, {"meeting_id": f"document-{number:06}", "title": document.title, "turns": turns}
