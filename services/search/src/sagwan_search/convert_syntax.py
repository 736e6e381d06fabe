"""The text syntax of a question: protobuf to domain and back."""

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import Violation
from sagwan_search.domain.conditions import refusals
from sagwan_search.domain.near_misses import Correction, Nearness
from sagwan_search.domain.syntax import ParsedText, UnclosedQuote, Words, parse_text

_KINDS = {
    Nearness.SPLIT: search_pb2.CORRECTION_KIND_SPLIT,
    Nearness.JOINED: search_pb2.CORRECTION_KIND_JOINED,
    Nearness.SPELLING: search_pb2.CORRECTION_KIND_SPELLING,
}


def parsed_query(text: str, violations: list[Violation], *, plain_text: bool) -> ParsedText:
    """The text of a question, taken apart unless it is words alone; what is wrong with it is added to `violations`."""
    if plain_text:
        return ParsedText((Words(text),))
    try:
        parsed = parse_text(text)
    except UnclosedQuote as unclosed:
        violations.append(Violation("query", f"{unclosed} has no closing quote"))
        return ParsedText()
    violations += [Violation("query", reason) for reason in refusals(parsed)]
    return parsed


def correction_message(correction: Correction) -> search_pb2.Correction:
    """What was looked for in place of something, as it goes over the wire."""
    return search_pb2.Correction(
        written=correction.written,
        replacement=correction.replacement,
        kind=_KINDS[correction.nearness],
        applied=correction.applied,
    )
