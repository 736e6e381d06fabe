"""Filters: protobuf to domain, with every violation found, each at its path."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import Violation
from sagwan_runtime.validation import parsed_date, texts_violations
from sagwan_search.domain.filters import LANGUAGE_TAG, MEETING_PREFIX, UTTERANCE_KINDS, Filter
from sagwan_text.speakers import speaker_key

NAME_CHARACTERS_MAX: Final = 256
DEPTH_MAX = 5
FILTERS_MAX = 50
_MEETINGS_MAX = 1_000
_NAMES_MAX = 100
_LANGUAGE_CHARACTERS_MAX = 35  # RFC 5646, section 4.4.1
_OFFSET_S_MAX = 315_576_000_000  # the longest google.protobuf.Duration
_GROUPS = ("all_of", "any_of", "none_of")


def filter_of(condition: search_pb2.Filter, violations: list[Violation]) -> Filter:
    """The filter of a request; what is wrong with it is added to `violations`."""
    size = _filter_count(condition)
    if size > FILTERS_MAX:
        violations.append(Violation("filter", f"is made of {size:,} filters; at most {FILTERS_MAX} are taken"))
        return Filter()
    return _filter(condition, "filter", 1, violations)


def _filter_count(condition: search_pb2.Filter) -> int:
    return 1 + sum(_filter_count(each) for group in _GROUPS for each in getattr(condition, group))


def _filter(condition: search_pb2.Filter, path: str, depth: int, violations: list[Violation]) -> Filter:
    if depth > DEPTH_MAX:
        violations.append(Violation(path, f"lies deeper than {DEPTH_MAX} filters, which is as deep as is taken"))
        return Filter()

    def names(field: str, characters_max: int = NAME_CHARACTERS_MAX) -> tuple[str, ...]:
        given = getattr(condition, field)
        violations.extend(
            texts_violations(f"{path}.{field}", given, count_max=_NAMES_MAX, characters_max=characters_max)
        )
        return tuple(given)

    def group(field: str) -> tuple[Filter, ...]:
        return tuple(
            _filter(each, f"{path}.{field}[{index}]", depth + 1, violations)
            for index, each in enumerate(getattr(condition, field))
        )

    start_date = parsed_date(f"{path}.start_date", condition.start_date, violations)
    end_date = parsed_date(f"{path}.end_date", condition.end_date, violations)
    if start_date and end_date and start_date > end_date:
        violations.append(Violation(f"{path}.end_date", f"lies before {path}.start_date"))
    start_ns = _offset_ns(condition, "start_offset", path, violations)
    end_ns = _offset_ns(condition, "end_offset", path, violations)
    if start_ns is not None and end_ns is not None and start_ns > end_ns:
        violations.append(Violation(f"{path}.end_offset", f"lies before {path}.start_offset"))
    return Filter(
        start_date=start_date,
        end_date=end_date,
        meeting_ids=_meeting_ids(condition.meetings, f"{path}.meetings", violations),
        speaker_keys=_folded(names("speakers")),
        series_keys=_folded(names("series")),
        participant_keys=_folded(names("participants")),
        tag_keys=_folded(names("tags")),
        languages=_languages(names("languages", _LANGUAGE_CHARACTERS_MAX), f"{path}.languages", violations),
        utterance_kinds=_kinds(names("utterance_kinds"), f"{path}.utterance_kinds", violations),
        # Utterances are timed in whole milliseconds.
        start_ms=None if start_ns is None else -(-start_ns // 1_000_000),
        end_ms=None if end_ns is None else end_ns // 1_000_000,
        all_of=group("all_of"),
        any_of=group("any_of"),
        none_of=group("none_of"),
    )


def _meeting_ids(names: Sequence[str], path: str, violations: list[Violation]) -> tuple[str, ...]:
    violations += texts_violations(path, names, count_max=_MEETINGS_MAX, characters_max=NAME_CHARACTERS_MAX)
    for index, name in enumerate(names):
        meeting_id = name.removeprefix(MEETING_PREFIX)
        if not name.startswith(MEETING_PREFIX) or not meeting_id or "/" in meeting_id:
            violations.append(Violation(f"{path}[{index}]", "is not a name like meetings/weekly-12"))
    return tuple(name.removeprefix(MEETING_PREFIX) for name in names)


def _languages(tags: Iterable[str], path: str, violations: list[Violation]) -> tuple[str, ...]:
    for index, tag in enumerate(tags):
        if tag.strip() and not LANGUAGE_TAG.fullmatch(tag):
            violations.append(Violation(f"{path}[{index}]", "is not a BCP-47 language tag such as ko or en-GB"))
    return tuple(tag.lower() for tag in tags)


def _kinds(names: Iterable[str], path: str, violations: list[Violation]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name.strip() and name not in UTTERANCE_KINDS:
            violations.append(Violation(f"{path}[{index}]", f"is none of {', '.join(UTTERANCE_KINDS)}"))
    return tuple(names)


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(speaker_key(name) for name in names)


def _offset_ns(
    condition: search_pb2.Filter,
    field: Literal["start_offset", "end_offset"],
    path: str,
    violations: list[Violation],
) -> int | None:
    """Nanoseconds from the start of the recording; None when the filter does not say."""
    if not condition.HasField(field):
        return None
    given = getattr(condition, field)
    if not 0 <= given.seconds <= _OFFSET_S_MAX or not 0 <= given.nanos < 10**9:
        violations.append(Violation(f"{path}.{field}", "is not an offset of 0 seconds or more"))
        return None
    return int(given.seconds) * 10**9 + int(given.nanos)
