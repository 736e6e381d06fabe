"""`sagwan similar`, `sagwan context` and `sagwan suggest` against a search service."""

import json

import pytest

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.main import main


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("like", "kind"),
    [
        ("meetings/m1/chunks/3", "chunk"),
        ("meetings/주간-12/utterances/40", "utterance"),
        ("meetings/m1/chunks/three", "text"),
        ("read meetings/m1/chunks/3", "text"),
    ],
)
def test_a_name_stands_for_what_it_names_and_all_else_is_text(search_service, like, kind):
    assert _run("similar", like) == 0
    (request,) = search_service.requests
    assert request.WhichOneof("like") == kind
    assert getattr(request, kind) == like


def test_what_is_like_something_is_shown_as_hits_are(search_service, capsys):
    assert _run("similar", "열람실", "--tag", "예산", "-n", "2") == 0
    shown = capsys.readouterr().out
    assert " 1. 예산  2026-03-04" in shown
    assert "more: --page 2" in shown
    assert search_service.requests[0].filter == search_pb2.Filter(tags=["예산"])
    assert _run("similar", "열람실", "-n", "2", "--page", "2") == 0
    assert " 3. 예산" in capsys.readouterr().out
    assert _run("similar", "열람실", "-n", "2", "--page-token", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["hits"][0]["name"] == "meetings/m1/chunks/2"


def test_passages_are_all_that_a_language_model_gets_to_read(search_service, capsys):
    assert _run("context", "열람실", "--tokens", "300", "--series", "주간") == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["예산: 봉현택", "봉현택: 열람실은 자정까지", "라은경: 심야버스는 7월부터"]
    assert "1 passage, about 17 tokens" in shown.err
    (request,) = search_service.requests
    assert request == search_pb2.GetContextRequest(
        query="열람실", filter=search_pb2.Filter(series=["주간"]), token_budget=300
    )


def test_passages_come_as_json_too(search_service, capsys):
    assert _run("context", "열람실", "--json") == 0
    assert json.loads(capsys.readouterr().out)["token_count"] == 17


@pytest.mark.parametrize("tokens", ["0", "100001", "many"])
def test_a_budget_that_is_none_is_a_usage_error(tokens):
    assert _run("context", "x", "--tokens", tokens) == 2


def test_a_beginning_is_completed(search_service, capsys):
    assert _run("suggest", "봉", "-n", "3") == 0
    assert capsys.readouterr().out == "봉현택  speaker\n"
    assert search_service.requests[0].page_size == 3
    assert _run("suggest", "x") == 0
    assert "Nothing begins like that." in capsys.readouterr().out
    assert _run("suggest", "봉", "--json") == 0
    assert json.loads(capsys.readouterr().out)["suggestions"] == [{"value": "봉현택", "property": "speaker"}]
