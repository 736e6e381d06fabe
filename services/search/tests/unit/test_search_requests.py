import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_runtime.tokens import page_token
from sagwan_search.convert import query_of, search_response, utterances_request, utterances_response
from sagwan_search.domain.answer import Answer, Hit, MeetingSummary
from sagwan_search.domain.facets import Facet
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Fused, Fusion, Leg, LegScore, Method
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.lines import Line, Utterance
from sagwan_search.domain.query import Mode, Query
from sagwan_search.domain.ranking import Ranking
from sagwan_search.ports import SpokenLine, UtterancePage
from sagwan_text.terms import term_id

KEY = b"secret of the tenant"
Request = search_pb2.SearchRequest
MEETING = MeetingSummary("weekly-12", "Weekly", date(2024, 3, 5))


def asked(request: Request, *, depth: int = 100) -> Query:
    return query_of(request, depth=depth, token_key=KEY)


def violated(build: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        build()
    return [each.field for each in caught.value.violations]


def search(**fields) -> Request:
    return Request(**{"query": "budget", **fields})


class TestQuestions:
    def test_a_bare_question_gets_the_documented_defaults(self):
        assert asked(Request(query="예산")) == Query(
            "예산",
            Mode.HYBRID,
            Filter(),
            ranking=None,
            hits_max=10,
            fusion=Fusion(Method.ADAPTIVE_SCORE, 60, 1.25, 1.0, 0.5),
        )

    def test_every_part_of_the_question_is_taken_over(self):
        request = Request(
            query="예산",
            mode=search_pb2.SEARCH_MODE_LEXICAL,
            page_size=7,
            neighbor_count=5,
            hits_per_meeting_max=1_000,
            facets=True,
            filter=search_pb2.Filter(
                start_date="2024-01-31",
                end_date="2024-02-29",
                meetings=["meetings/a", "meetings/b"],
                speakers=["  KIM  철수 "],
            ),
            fusion=search_pb2.Fusion(
                method=search_pb2.FUSION_METHOD_RELATIVE_SCORE, rrf_k=10, lexical_weight=0.5, vector_weight=2.5
            ),
        )
        assert asked(request) == Query(
            "예산",
            Mode.LEXICAL,
            Filter(date(2024, 1, 31), date(2024, 2, 29), ("a", "b"), ("kim 철수",)),
            ranking=None,
            hits_max=7,
            fusion=Fusion(Method.RELATIVE_SCORE, 10, 0.5, 2.5),
            neighbor_count=5,
            hits_per_meeting_max=1_000,
            facets=True,
        )

    @pytest.mark.parametrize(
        ("fields", "fusion"),
        [
            ({"method": search_pb2.FUSION_METHOD_RRF}, Fusion(Method.RRF, 60, 1.0, 1.0, 0.0)),
            ({"neighbor_support": 0.0}, Fusion(Method.ADAPTIVE_SCORE, 60, 1.25, 1.0, 0.0)),
            ({"lexical_weight": 2.0}, Fusion(Method.ADAPTIVE_SCORE, 60, 2.0, 1.0, 0.5)),
            (
                {"method": search_pb2.FUSION_METHOD_DISTRIBUTION_SCORE, "neighbor_support": 1.0},
                Fusion(Method.DISTRIBUTION_SCORE, 60, 1.0, 1.0, 1.0),
            ),
        ],
    )
    def test_what_is_left_out_of_a_fusion_gets_the_defaults_of_its_method(self, fields, fusion):
        assert asked(search(fusion=search_pb2.Fusion(**fields))).fusion == fusion

    @pytest.mark.parametrize("mode", [search_pb2.SEARCH_MODE_LEXICAL, search_pb2.SEARCH_MODE_VECTOR])
    def test_a_leg_alone_is_its_own_order(self, mode):
        assert asked(search(mode=mode)).fusion.neighbor_support == 0

    def test_a_page_is_never_larger_than_a_leg_is_deep(self):
        assert asked(search(page_size=100), depth=30).hits_max == 30

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"query": ""}, "query"),
            ({"query": " \n\t　"}, "query"),
            ({"query": "x" * 1_000_000}, "query"),
            ({"query": "a\x00b"}, "query"),
            ({"mode": 9}, "mode"),
            ({"fusion": search_pb2.Fusion(method=9)}, "fusion.method"),
            ({"fusion": search_pb2.Fusion(neighbor_support=-0.1)}, "fusion.neighbor_support"),
            ({"fusion": search_pb2.Fusion(neighbor_support=1.1)}, "fusion.neighbor_support"),
            ({"fusion": search_pb2.Fusion(neighbor_support=float("nan"))}, "fusion.neighbor_support"),
            ({"page_size": -1}, "page_size"),
            ({"page_size": 101}, "page_size"),
            ({"neighbor_count": -1}, "neighbor_count"),
            ({"neighbor_count": 6}, "neighbor_count"),
            ({"hits_per_meeting_max": -1}, "hits_per_meeting_max"),
            ({"hits_per_meeting_max": 1_001}, "hits_per_meeting_max"),
        ],
    )
    def test_a_bad_field_is_named(self, fields, named):
        assert violated(lambda: asked(search(**fields))) == [named]

    def test_a_question_of_ten_thousand_characters_is_taken(self):
        assert len(asked(search(query="가" * 10_000)).text) == 10_000

    @pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf"), -0.5, 100.5])
    @pytest.mark.parametrize("field", ["lexical_weight", "vector_weight"])
    def test_a_weight_that_is_not_from_0_to_100_is_named(self, field, weight):
        fusion = search_pb2.Fusion(**{field: weight})
        assert violated(lambda: asked(search(fusion=fusion))) == [f"fusion.{field}"]

    @pytest.mark.parametrize("rrf_k", [-1, 10_001])
    def test_a_k_out_of_range_is_named(self, rrf_k):
        assert violated(lambda: asked(search(fusion=search_pb2.Fusion(rrf_k=rrf_k)))) == ["fusion.rrf_k"]

    def test_two_weights_of_zero_are_refused_because_nothing_could_be_found(self):
        fusion = search_pb2.Fusion(lexical_weight=0, vector_weight=0)
        assert violated(lambda: asked(search(fusion=fusion))) == ["fusion"]

    @pytest.mark.parametrize(
        ("mode", "field"),
        [
            (search_pb2.SEARCH_MODE_LEXICAL, "lexical_weight"),
            (search_pb2.SEARCH_MODE_VECTOR, "vector_weight"),
        ],
    )
    def test_a_weight_of_zero_for_the_only_leg_is_refused(self, mode, field):
        request = search(mode=mode, fusion=search_pb2.Fusion(**{field: 0}))
        assert violated(lambda: asked(request)) == [f"fusion.{field}"]

    def test_all_that_is_wrong_is_named_at_once(self):
        request = search(
            query="", page_size=1_000, filter=search_pb2.Filter(start_date="x"), fusion=search_pb2.Fusion(rrf_k=-1)
        )
        assert set(violated(lambda: asked(request))) == {"query", "page_size", "filter.start_date", "fusion.rrf_k"}


def answer(*, hits=(), rest=None, stage_seconds=None, facets=(), **fields) -> Answer:
    return Answer(hits, Ranking((), **fields), rest, stage_seconds or {}, facets)


def answered(request: Request, found: Answer) -> search_pb2.SearchResponse:
    return search_response(request, asked(request), found, token_key=KEY)


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    """Any ranking that a search may leave."""
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
    counts = draw(st.dictionaries(st.sampled_from(Leg), st.integers(0, 1_000)))
    legs = st.tuples(
        *(st.none() | st.builds(LegScore, st.just(leg), st.integers(1, 1_000), numbers, numbers) for leg in counts)
    ).map(lambda found: tuple(each for each in found if each))
    terms = st.builds(
        lambda text, *rest: WeightedTerm(text, term_id(text), *rest),
        words, st.integers(1, 9), st.integers(0, 2**62), numbers,
    )  # fmt: skip
    return Ranking(
        chunks=draw(st.lists(st.builds(Fused, st.integers(0, 2**63 - 1), numbers, legs, numbers), min_size=1)),
        terms=draw(st.lists(terms, max_size=4)),
        candidate_counts=counts,
        model=draw(words),
        degraded_reason=draw(words),
        partial_reason=draw(words),
        match_share=draw(st.floats(0, 1)),
    )


class TestPages:
    REST = Ranking([Fused(7, 0.25, (LegScore(Leg.VECTOR, 21, 0.9, 0.25),))], candidate_counts={Leg.VECTOR: 100})

    @given(rankings())
    def test_a_token_leads_to_exactly_what_the_page_left(self, left):
        token = answered(search(page_size=20), answer(rest=left)).next_page_token
        query = asked(search(page_size=5, page_token=token))
        assert (query.ranking, query.hits_max) == (left, 5)

    @pytest.mark.parametrize(("depth", "bytes_max"), [(100, 15_000), (1_000, 120_000)])
    def test_a_token_of_the_longest_ranking_is_a_small_part_of_a_message(self, depth, bytes_max):
        chunks = [
            Fused(2**40 + number, 1 / 3, (LegScore(list(Leg)[number % 2], 1_000, 0.1, 0.1),), 0.1)
            for number in range(2 * depth)
        ]
        terms = [WeightedTerm(f"개인정보{number}", 1, 1, 10**6, 0.1) for number in range(64)]
        rest = Ranking(chunks, terms, dict.fromkeys(Leg, depth))
        assert len(answered(search(), answer(rest=rest)).next_page_token) < bytes_max

    def test_the_last_page_has_no_token(self):
        assert answered(search(), answer()).next_page_token == ""

    def test_a_token_of_another_question_is_refused(self):
        token = answered(search(), answer(rest=self.REST)).next_page_token
        assert violated(lambda: asked(search(query="other", page_token=token))) == ["page_token"]

    def test_a_token_of_another_tenant_is_refused(self):
        token = answered(search(), answer(rest=self.REST)).next_page_token
        request = search(page_token=token)
        assert violated(lambda: query_of(request, depth=100, token_key=b"secret of another")) == ["page_token"]

    @pytest.mark.parametrize("position", [b"\x00", b"10", b'["weekly", 1]', b"\x0a\x01\x07", b"\x22\x02\x08\x09"])
    def test_what_another_version_signed_is_refused_when_it_cannot_be_read(self, position):
        token = page_token(search(), KEY, position)
        assert violated(lambda: asked(search(page_token=token))) == ["page_token"]

    @pytest.mark.parametrize("position", [[], ["a"], ["a", "1"], [1, 1], ["a", 1, 1], [None, 1]])
    def test_a_position_in_the_utterances_that_another_version_signed_is_refused(self, position):
        request = search_pb2.ListUtterancesRequest()
        request.page_token = page_token(request, KEY, json.dumps(position).encode())
        assert violated(lambda: utterances_request(request, KEY)) == ["page_token"]

    @given(st.text(max_size=60).filter(bool))
    def test_no_text_passes_for_a_token_by_accident(self, text):
        assert violated(lambda: asked(search(page_token=text))) == ["page_token"]


class TestAnswers:
    HIT = Hit(
        fused=Fused(42, 0.5, (LegScore(Leg.LEXICAL, 1, 7.5, 0.3), LegScore(Leg.VECTOR, 4, 0.9, 0.2))),
        meeting=MEETING,
        lines=[
            Line(Utterance(3, "Ann", 61_500, None, "예산 and 예산"), ((0, 2), (7, 9)), frozenset({"예산"})),
            Line(Utterance(4, "", None, None, "네"), (), frozenset()),
        ],
        best_line=0,
        terms=[WeightedTerm("예산", 5, 1, 3, 1.25)],
    )

    def test_a_hit_carries_names_places_lines_and_highlights(self):
        response = answered(search(), answer(hits=[self.HIT]))
        (hit,) = response.hits
        assert (hit.name, hit.score, hit.best_line) == ("meetings/weekly-12/chunks/42", 0.5, 0)
        assert hit.meeting == search_pb2.MeetingSummary(name="meetings/weekly-12", title="Weekly", date="2024-03-05")
        assert [(each.leg, each.rank, each.score, each.contribution) for each in hit.legs] == [
            (search_pb2.LEG_LEXICAL, 1, 7.5, 0.3),
            (search_pb2.LEG_VECTOR, 4, 0.9, 0.2),
        ]
        first, second = hit.lines
        assert (first.utterance, first.speaker, first.text) == (
            "meetings/weekly-12/utterances/3",
            "Ann",
            "예산 and 예산",
        )
        assert (first.start_offset, first.HasField("end_offset")) == (Duration(seconds=61, nanos=500_000_000), False)
        assert [(each.start, each.end) for each in first.highlights] == [(0, 2), (7, 9)]
        assert not second.HasField("start_offset")

    def test_lines_around_a_hit_are_shown_like_its_own(self):
        before, after = self.HIT.lines
        hit = replace(self.HIT, lines_before=[before], lines_after=[after, before])
        (shown,) = answered(search(), answer(hits=[hit])).hits
        first, second = shown.lines
        assert list(shown.lines_before) == [first]
        assert list(shown.lines_after) == [second, first]

    def test_terms_and_legs_are_explained_only_when_asked_for(self):
        counts, choices = {Leg.LEXICAL: 3, Leg.VECTOR: 100}, {Leg.LEXICAL: "index of terms", Leg.VECTOR: "prefilter"}
        found = answer(hits=[self.HIT], terms=self.HIT.terms, candidate_counts=counts, choices=choices)
        silent = answered(search(), found)
        assert not silent.HasField("explanation")
        assert not silent.hits[0].matched_terms
        request = search(explain=True, fusion=search_pb2.Fusion(vector_weight=2))
        response = answered(request, found)
        term = search_pb2.MatchedTerm(term="예산", idf=1.25, document_count=3)
        assert list(response.hits[0].matched_terms) == list(response.explanation.terms) == [term]
        assert [(each.leg, each.weight, each.candidate_count, each.choice) for each in response.explanation.legs] == [
            (search_pb2.LEG_LEXICAL, 1.25, 3, "index of terms"),
            (search_pb2.LEG_VECTOR, 2.0, 100, "prefilter"),
        ]

    def test_a_degraded_answer_says_why(self):
        response = answered(search(), answer(degraded_reason="the embedder is down"))
        assert (response.degraded, response.degraded_reason) == (True, "the embedder is down")

    def test_a_partial_answer_says_what_was_left_out(self):
        whole, part = answered(search(), answer()), answered(search(), answer(partial_reason="too many words"))
        assert (whole.partial, whole.partial_reason) == (False, "")
        assert (part.partial, part.partial_reason) == (True, "too many words")

    def test_facets_name_meetings_as_everything_else_does(self):
        facets = [Facet("meeting", [("weekly-12", 3)]), Facet("speaker", [("Ann", 2), ("김철수", 1)]), Facet("tag", [])]
        response = answered(search(facets=True), answer(facets=facets))
        assert [(each.property, [(value.value, value.count) for value in each.values]) for each in response.facets] == [
            ("meeting", [("meetings/weekly-12", 3)]),
            ("speaker", [("Ann", 2), ("김철수", 1)]),
            ("tag", []),
        ]

    def test_every_stage_has_its_time(self):
        seconds = {"embed": 0.25, "lexical": 0.5, "vector": 1.0, "fuse": 0.125, "fetch": 2.0, "total": 3.5}
        timings = answered(search(), answer(stage_seconds=seconds)).timings
        assert {name: getattr(timings, name).ToNanoseconds() / 1e9 for name in seconds} == seconds

    def test_a_page_of_utterances_shows_what_was_asked_for_and_leads_on_when_there_is_more(self):
        request = search_pb2.ListUtterancesRequest(page_size=2)
        lines = [SpokenLine(MEETING, Utterance(ordinal, "Ann", None, None, "x")) for ordinal in range(3)]
        response = utterances_response(request, UtterancePage(lines, 8, [("weekly-12", 8)]), 2, token_key=KEY)
        assert [each.utterance for each in response.utterances] == [
            f"meetings/weekly-12/utterances/{ordinal}" for ordinal in range(2)
        ]
        assert response.total_size == 8
        assert list(response.meeting_counts) == [search_pb2.FacetValue(value="meetings/weekly-12", count=8)]
        request.page_token = response.next_page_token
        assert utterances_request(request, KEY) == (Filter(), ("weekly-12", 1), 2)

    def test_a_page_that_ends_the_list_has_no_token(self):
        lines = [SpokenLine(MEETING, Utterance(0, "Ann", None, None, "x"))]
        response = utterances_response(
            search_pb2.ListUtterancesRequest(), UtterancePage(lines, 1, []), 1, token_key=KEY
        )
        assert response.next_page_token == ""
