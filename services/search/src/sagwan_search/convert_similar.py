"""Protobuf to domain and back, for chunks like another."""

import re

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import Violation, refuse_if_any
from sagwan_runtime.tokens import page_position, page_token
from sagwan_runtime.validation import page_size_violations, text_violations
from sagwan_search.convert import (
    HITS_DEFAULT,
    HITS_MAX,
    ORDINAL_MAX,
    QUERY_CHARACTERS_MAX,
    answer_message,
)
from sagwan_search.convert_filter import filter_of
from sagwan_search.convert_page import position_of, ranking_of
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.likeness import LikeChunk, LikeText, LikeUtterance, SimilarQuery

_NAME_CHARACTERS_MAX = 300
# What the column holds. Larger numbers are well-formed names of nothing, and so is this one.
_CHUNK_ID_MAX = 2**63 - 1
_CHUNK_NAME = re.compile(r"meetings/([^/]+)/chunks/(0|[1-9][0-9]*)")
_UTTERANCE_NAME = re.compile(r"meetings/([^/]+)/utterances/(0|[1-9][0-9]*)")


def similar_query_of(request: search_pb2.FindSimilarRequest, *, depth: int, token_key: bytes) -> SimilarQuery:
    """What a request looks for.

    Args:
        request: From the wire.
        depth: How far pages reach.
        token_key: The tenant's secret that page tokens are signed with.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations = list(page_size_violations("page_size", request.page_size, largest=HITS_MAX))
    like = _like(request, violations)
    condition = filter_of(request.filter, violations)
    refuse_if_any(violations)
    return SimilarQuery(
        like=like,
        filter=condition,
        ranking=ranking_of(page_position(request, token_key, request.page_token)),
        hits_max=min(request.page_size or HITS_DEFAULT, depth),
    )


def similar_response(
    request: search_pb2.FindSimilarRequest, answer: Answer, *, token_key: bytes
) -> search_pb2.SearchResponse:
    """The answer as it goes over the wire."""
    response = answer_message(answer, explain=False)
    if answer.rest is not None:
        response.next_page_token = page_token(request, token_key, position_of(answer.rest))
    return response


def _like(request: search_pb2.FindSimilarRequest, violations: list[Violation]) -> LikeChunk | LikeUtterance | LikeText:
    match request.WhichOneof("like"):
        case "text":
            violations += text_violations("text", request.text, characters_max=QUERY_CHARACTERS_MAX, required=True)
            return LikeText(request.text)
        case "utterance":
            meeting_id, number = _parts("utterance", request.utterance, _UTTERANCE_NAME, violations)
            return LikeUtterance(request.utterance, meeting_id, min(number, ORDINAL_MAX))
        case "chunk":
            meeting_id, number = _parts("chunk", request.chunk, _CHUNK_NAME, violations)
            return LikeChunk(request.chunk, meeting_id, min(number, _CHUNK_ID_MAX))
    violations.append(Violation("like", "must be a chunk, an utterance or a text"))
    return LikeText("")


def _parts(field: str, name: str, pattern: re.Pattern[str], violations: list[Violation]) -> tuple[str, int]:
    """Meeting id and number in a resource name; what is wrong with it is added to `violations`."""
    unfit = list(text_violations(field, name, characters_max=_NAME_CHARACTERS_MAX))
    match = None if unfit else pattern.fullmatch(name)
    if match is None:
        violations += unfit or [Violation(field, f"is not a name like meetings/weekly-12/{field}s/345")]
        return "", 0
    return match[1], int(match[2])
