"""`sagwan search`: what its options ask for, and how pages, groups, context, counts and reasons are shown."""

import io
import json

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.cells import cell_len
from rich.console import Console

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_facets
from sagwan_client.cli.explain import print_explanation
from sagwan_client.cli.main import main


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


def test_a_question_that_names_nothing_else_leaves_the_rest_to_the_service(search_service):
    assert _run("search", "열람실", "--context", "0") == 0
    (request,) = search_service.requests
    assert request == search_pb2.SearchRequest(
        query="열람실", mode=search_pb2.SEARCH_MODE_HYBRID, page_size=5, **_EMPTY
    )


_EMPTY = {"filter": search_pb2.Filter(), "fusion": search_pb2.Fusion()}


def test_the_fusion_is_what_was_asked_for(search_service):
    assert _run("search", "열람실", "--fusion", "rrf", "--weights", "0,1.5") == 0
    (request,) = search_service.requests
    assert request.fusion.method == search_pb2.FUSION_METHOD_RRF
    assert request.fusion.HasField("lexical_weight")
    assert (request.fusion.lexical_weight, request.fusion.vector_weight) == (0, 1.5)


@pytest.mark.parametrize("weights", ["1", "1,2,3", "one,two", "nan,1", "1,101", "-1,1"])
def test_weights_that_are_none_are_a_usage_error(weights, capsys):
    assert _run("search", "x", f"--weights={weights}") == 2
    assert "weights" in capsys.readouterr().err


def test_a_page_is_reached_through_those_before_it_and_goes_on_with_their_numbers(search_service, capsys):
    assert _run("search", "열람실", "-n", "2", "--page", "2") == 0
    shown = capsys.readouterr().out
    assert [request.page_token for request in search_service.requests] == ["", "2"]
    assert " 3. Outage review" in shown
    assert " 4. 예산" in shown
    assert "more:" not in shown


def test_what_follows_a_page_is_said_the_way_that_one_came(search_service, capsys):
    assert _run("search", "열람실", "-n", "1") == 0
    assert "more: --page 2" in capsys.readouterr().out
    assert _run("search", "열람실", "-n", "1", "--page-token", "1") == 0
    assert "more: --page-token 2" in capsys.readouterr().out


def test_a_page_that_is_not_there_is_a_usage_error(search_service, capsys):
    assert _run("search", "열람실", "-n", "2", "--page", "3") == 2
    assert "the last page is 2" in capsys.readouterr().err
    assert _run("search", "열람실", "--page", "2", "--page-token", "2") == 2


@pytest.mark.parametrize("page", [["--page", "2"], ["--page-token", "2"]])
def test_counts_are_not_asked_of_a_page_that_has_none(page, capsys):
    assert _run("search", "열람실", "--facets", *page) == 2
    assert "first page" in capsys.readouterr().err


def test_hits_of_a_meeting_stand_under_one_heading_with_their_own_ranks(search_service, capsys):
    assert _run("search", "열람실", "--group", "--context", "0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("예산", "Outage"))] == [
        "예산  2026-03-04",
        "Outage review  2026-02-11",
    ]
    assert [line.strip() for line in lines if "lexical" in line] == [
        "1. lexical #1",
        "2. lexical #2",
        "4. lexical #4",
        "3. lexical #3",
    ]
    assert search_service.requests[0].hits_per_meeting_max == 3


def test_how_many_hits_of_a_meeting_is_asked_of_the_service(search_service):
    assert _run("search", "열람실", "--per-meeting", "1") == 0
    assert search_service.requests[0].hits_per_meeting_max == 1


@pytest.mark.parametrize("lines", [1, 2])
def test_context_goes_on_where_the_chunk_of_a_hit_ends(search_service, capsys, lines):
    assert _run("search", "예산은", "--context", str(lines)) == 0
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    around = ["봉현택: 열람실은 자정까지", "라은경: 심야버스는 7월부터", "봉현택  0:02:00", "열람실 예산은 그대로"]
    assert shown[1:6] == [*around[2 - lines :], "국진호: 열람실 표결은 다음 주", ""][:5]


def test_no_more_neighbours_are_asked_for_than_the_contract_takes(search_service):
    assert _run("search", "열람실", "--context", "50") == 0
    assert search_service.requests[0].neighbor_count == 5


def test_counts_and_reasons_are_shown_when_asked_for(search_service, capsys):
    assert _run("search", "열람실", "--facets", "--explain") == 0
    shown = capsys.readouterr().out
    assert "speaker" in shown
    assert "meetings/m1/chunks/0" in shown
    assert "match share 0.50" in shown


def test_a_page_as_json_has_the_token_of_the_next(search_service, capsys):
    assert _run("search", "열람실", "-n", "3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["next_page_token"] == "3"


@pytest.mark.parametrize("option", [["--json"], ["--explain"], ["--facets"], ["--group"], ["--page", "2"]])
def test_what_one_answer_can_have_and_a_screen_cannot_is_a_usage_error(option, capsys):
    assert _run("search", "x", "--interactive", *option) == 2
    assert f"{option[0]}: cannot go with --interactive" in capsys.readouterr().err


def test_without_a_terminal_there_is_no_searching_while_typing(search_service, capsys):
    assert _run("search", "-i") == 2
    assert "takes a terminal" in capsys.readouterr().err


def test_a_question_is_missing_unless_it_is_typed_later(capsys):
    assert _run("search") == 2
    assert "use --interactive" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def _explained() -> search_pb2.SearchResponse:
    terms = [
        search_pb2.MatchedTerm(term="심야버스", idf=6.125, document_count=3),
        search_pb2.MatchedTerm(term="도서관연장운영예산심의조정안", idf=7.5, document_count=1),
        search_pb2.MatchedTerm(term="bus\x1b[31m", idf=0.5, document_count=4_000),
    ]
    legs = [
        search_pb2.LegScore(leg=search_pb2.LEG_VECTOR, rank=100, score=0.87261, contribution=0.99),
        search_pb2.LegScore(leg=search_pb2.LEG_LEXICAL, rank=7, score=112.5, contribution=12.062),
    ]
    hits = [
        search_pb2.Hit(score=13.8178, legs=legs, neighbor_support=0.7653, matched_terms=terms),
        search_pb2.Hit(score=0.5, legs=legs[:1]),
    ]
    explanation = search_pb2.Explanation(
        terms=[*terms, search_pb2.MatchedTerm(term="nowhere", idf=9.0)],
        legs=[
            search_pb2.LegPlan(leg=search_pb2.LEG_LEXICAL, weight=0.7, candidate_count=1_000),
            search_pb2.LegPlan(leg=search_pb2.LEG_VECTOR, weight=1, depth=400, choice="exact scan: 12 are left"),
        ],
        match_share=0.625,
    )
    timings = search_pb2.SearchTimings(embed=Duration(nanos=4_000_000), total=Duration(nanos=20_000_000))
    return search_pb2.SearchResponse(hits=hits, explanation=explanation, timings=timings, model="e5@1/int8")


def _shown_at(width: int, work, *arguments, terminal: bool = True) -> list[str]:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system=None,
        highlight=False,
        soft_wrap=not terminal,
    )
    work(console, *arguments)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("terminal", [True, False])
def test_reasons_are_whole_at_80_columns_in_korean_too(terminal):
    shown = _shown_at(80, print_explanation, _explained(), terminal=terminal)
    assert max(map(cell_len, shown)) <= 80
    text = "\n".join(shown)
    assert "…" not in text
    for figure in ("13.818", "112.50", "+12.062", "0.8726", "+0.990", "+0.765", "심야버스(6.1)"):
        assert figure in text


def test_columns_stand_under_each_other_whatever_the_script():
    shown = _shown_at(80, print_explanation, _explained())
    begin = shown.index(next(line for line in shown if line.startswith("Terms")))
    rows = [line for line in shown[begin:] if line.strip().startswith(("심야버스", "nowhere", "bus"))]
    ends = {
        cell_len(line[: line.index(idf) + len(idf)]) for line, idf in zip(rows, ("9.00", "6.12", "0.50"), strict=True)
    }
    assert len(ends) == 1


def test_reasons_name_what_is_missing():
    text = "\n".join(_shown_at(80, print_explanation, _explained()))
    (second,) = [line for line in text.splitlines() if line.split()[:2] == ["2", "0.500"]]
    assert second.split()[2:] == ["-", "100", "0.8726", "+0.990", "-", "-"]
    assert "none" in text
    assert "exact scan: 12 are left" in text
    assert "\x1b" not in text


def test_a_bar_is_as_long_as_its_stage_took():
    rows = [line.split() for line in _shown_at(80, print_explanation, _explained()) if " ms " in line]
    bars = {row[0]: len(row[3]) for row in rows}
    assert bars == {"embed": 6, "total": 30}


def test_a_long_list_of_values_is_cut_and_says_so():
    answer = search_pb2.SearchResponse()
    facet = answer.facets.add(property="meeting")
    for number in range(25):
        facet.values.add(value=f"meetings/회의-{number}", count=100 - number)
    shown = _shown_at(80, print_facets, answer)
    assert sum("회의-" in line for line in shown) == 10
    assert any("… and 15 more" in line for line in shown)
    assert max(map(cell_len, shown)) <= 80
