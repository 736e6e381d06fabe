"""Sets read from folders, and written as meetings."""

import json

import pytest
from sagwan_eval.retrieval_sets import Document, folders_of_sets, load_documents, meetings_of


@pytest.fixture
def folder(tmp_path):
    lines = {
        "corpus": [{"_id": "a", "title": "Budget", "text": "One.\n\nTwo."}, {"_id": "b", "text": " "}],
        "queries": [{"_id": "q", "text": "how much", "metadata": {"answer": "a"}}, {"_id": "r", "text": "who"}],
    }
    for name, records in lines.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t2\n")
    return tmp_path


def test_questions_without_a_judgement_are_left_out_and_labels_stay_behind(folder):
    found = load_documents(folder)
    assert found.questions == {"q": "how much"}
    assert found.gains == {"q": {"a": 2}}
    assert found.documents["a"] == Document("Budget", "One.\n\nTwo.")


def test_a_document_becomes_a_meeting_with_a_paragraph_a_turn_and_an_empty_one_none(folder):
    ((document, meeting),) = meetings_of(load_documents(folder).documents)
    assert document == "a"
    assert meeting["title"] == "Budget"
    assert [each["text"] for each in meeting["turns"]] == ["One.", "Two."]


def test_folders_are_found_that_hold_questions_with_judgements(folder):
    deep = folder / "inner" / "dev"
    deep.mkdir(parents=True)
    for name in ("queries.jsonl", "spans.jsonl"):
        (deep / name).touch()
    (folder / "inner" / "queries.jsonl").touch()
    assert list(folders_of_sets(folder)) == [folder, deep]
