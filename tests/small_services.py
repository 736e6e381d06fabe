"""Services of a few lines for clients to talk to, over real gRPC: what a test serves, and a search service."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from sagwan.search.v1 import search_pb2, search_pb2_grpc

KEY = "sgw_test"


def refuse(context, code: grpc.StatusCode, message: str, *violations: tuple[str, str]) -> None:
    status = status_pb2.Status(code=code.value[0], message=message)
    if violations:
        packed = any_pb2.Any()
        packed.Pack(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=field, description=reason)
                    for field, reason in violations
                ]
            )
        )
        status.details.append(packed)
    context.abort_with_status(rpc_status.to_status(status))


def require_key(context) -> None:
    if dict(context.invocation_metadata()).get("authorization") != f"Bearer {KEY}":
        refuse(context, grpc.StatusCode.UNAUTHENTICATED, "the API key is not known or was revoked")


@dataclass(frozen=True, slots=True)
class Said:
    """A chunk of one line."""

    meeting: search_pb2.MeetingSummary
    ordinal: int
    line: search_pb2.Line


BUDGET = search_pb2.MeetingSummary(name="meetings/m1", title="예산", date="2026-03-04")
OUTAGE = search_pb2.MeetingSummary(name="meetings/m2", title="Outage review", date="2026-02-11")


def _said(meeting: search_pb2.MeetingSummary, ordinal: int, speaker: str, text: str) -> Said:
    name = f"{meeting.name}/utterances/{ordinal}"
    offset = Duration(seconds=60 * ordinal)
    return Said(meeting, ordinal, search_pb2.Line(utterance=name, speaker=speaker, start_offset=offset, text=text))


SAID = (
    _said(BUDGET, 0, "봉현택", "열람실은 자정까지"),
    _said(BUDGET, 1, "라은경", "심야버스는 7월부터"),
    _said(BUDGET, 2, "봉현택", "열람실 예산은 그대로"),
    _said(OUTAGE, 0, "Ann", "the cache of the 열람실 kiosk failed"),
    _said(OUTAGE, 1, "Bob", "and nobody was told"),
    _said(BUDGET, 3, "국진호", "열람실 표결은 다음 주"),
)


class Search(search_pb2_grpc.SearchServiceServicer):
    """Finds the lines that hold the question, in the order of `SAID`; refuses questions without words.

    Attributes:
        requests: All that came, in order.
        busy: Whether searches are turned away.
    """

    def __init__(self) -> None:
        self.requests: list[object] = []
        self.busy = False

    def Search(self, request, context):  # noqa: N802
        require_key(context)
        self.requests.append(request)
        if self.busy:
            refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "too many searches at once")
        if not request.query.strip():
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "query: is empty", ("query", "is empty"))
        found = [each for each in SAID if request.query in each.line.text]
        answer = _page(found, request.page_token, request.page_size or 10)
        for hit in answer.hits:
            _mark(hit, request.query, request.neighbor_count)
        if request.facets:
            answer.facets.add(property="speaker").values.add(value="봉현택", count=2)
        if request.explain:
            answer.explanation.match_share = 0.5
            answer.explanation.legs.add(leg=search_pb2.LEG_LEXICAL, weight=1, candidate_count=len(found))
            answer.explanation.terms.add(term="열람실", idf=1.25, document_count=4)
        return answer

    def FindSimilar(self, request, context):  # noqa: N802
        self.requests.append(request)
        return _page(SAID, request.page_token, request.page_size or 10)

    def GetContext(self, request, context):  # noqa: N802
        self.requests.append(request)
        passage = search_pb2.Passage(meeting=BUDGET, lines=[SAID[0].line, SAID[1].line], citation="예산: 봉현택")
        return search_pb2.GetContextResponse(passages=[passage], token_count=17)

    def Suggest(self, request, context):  # noqa: N802
        self.requests.append(request)
        speakers = sorted({each.line.speaker for each in SAID if each.line.speaker.startswith(request.prefix)})
        shown = [search_pb2.Suggestion(value=each, property="speaker") for each in speakers]
        return search_pb2.SuggestResponse(suggestions=shown[: request.page_size or 10])

    def ListUtterances(self, request, context):  # noqa: N802
        line = search_pb2.Line(utterance="meetings/m1/utterances/0", speaker="Ann", text="hello")
        return search_pb2.ListUtterancesResponse(utterances=[line], total_size=1)


def _page(found: list[Said], token: str, size: int) -> search_pb2.SearchResponse:
    begin = int(token or 0)
    hits = [
        search_pb2.Hit(
            name=f"{each.meeting.name}/chunks/{each.ordinal}",
            meeting=each.meeting,
            lines=[each.line],
            legs=[search_pb2.LegScore(leg=search_pb2.LEG_LEXICAL, rank=rank, score=1 / rank)],
        )
        for rank, each in enumerate(found, start=1)
    ]
    more = str(begin + size) if begin + size < len(hits) else ""
    return search_pb2.SearchResponse(hits=hits[begin : begin + size], next_page_token=more)


def _mark(hit: search_pb2.Hit, query: str, neighbor_count: int) -> None:
    start = hit.lines[0].text.index(query)
    hit.lines[0].highlights.add(start=start, end=start + len(query))
    of_meeting = [each.line for each in SAID if each.meeting == hit.meeting]
    place = int(hit.name.rpartition("/")[2])
    hit.lines_before.extend(of_meeting[max(0, place - neighbor_count) : place])
    hit.lines_after.extend(of_meeting[place + 1 : place + 1 + neighbor_count])


@contextmanager
def served(add, servicer, *, serving: bool = True) -> Iterator[str]:
    """Serves a servicer while the block runs; gives its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    add(servicer, server)
    healths = health.HealthServicer()
    status = health_pb2.HealthCheckResponse
    healths.set("", status.SERVING if serving else status.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
