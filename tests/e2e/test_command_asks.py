"""The `sagwan` command against the whole stack: what the options bring, from the services that answer them."""

import json

import pytest

pytestmark = pytest.mark.e2e

QUESTION = "캐시 적중률이 떨어진 이유"


def test_reasons_and_counts_are_those_of_the_service(stack):
    shown = stack.run("search", QUESTION, "--explain", "--facets", "--group").stdout
    for part in ("캐시", "match share", "fetch", "lexical", "vector", "2026-03-12-search-latency-sync", "month"):
        assert part in shown
    assert "meetings/2026-03-12-search-latency-sync/chunks/" in shown


def test_as_many_lines_of_context_come_as_were_asked_for(stack):
    alone = json.loads(stack.run("search", QUESTION, "-n", "1", "-C", "0", "--json").stdout)["hits"][0]
    (heading, *shown) = stack.run("search", QUESTION, "-n", "1", "-C", "5").stdout.split("\n\n")[0].splitlines()
    assert len(alone["lines"]) < 11
    assert "2026-03-12" in heading
    # Who said the best line and when stands above it.
    assert len(shown) == 5 + 2 + 5
    assert shown[6].strip() == alone["lines"][alone["best_line"]]["text"]


def test_pages_by_number_and_by_token_are_the_same(stack):
    first, second = (json.loads(stack.run("search", QUESTION, "--page", page, "--json").stdout) for page in "12")
    assert not {hit["name"] for hit in first["hits"]} & {hit["name"] for hit in second["hits"]}
    by_token = stack.run("search", QUESTION, "--page-token", first["next_page_token"], "--json").stdout
    assert json.loads(by_token)["hits"] == second["hits"]


def test_a_named_hit_leads_to_what_is_like_it(stack):
    hit = json.loads(stack.run("search", QUESTION, "-n", "1", "--json").stdout)["hits"][0]
    like = json.loads(stack.run("similar", hit["name"], "-n", "3", "--json").stdout)["hits"]
    assert len(like) == 3
    assert hit["name"] not in [each["name"] for each in like]


def test_passages_and_completions_are_printed(stack):
    passages = stack.run("context", QUESTION, "--tokens", "300").stdout
    assert passages.splitlines()[0].startswith("목요일 검색 싱크 (search latency sync) (2026-03-12): ")
    assert stack.run("suggest", "봉").stdout == "문화도서관과장 봉현택  speaker\n"
