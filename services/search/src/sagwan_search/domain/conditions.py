"""What the conditions, phrases and exclusions of a question's text ask of a chunk, as a filter."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from sagwan_search.domain.filters import LANGUAGE_TAG, MEETING_PREFIX, UTTERANCE_KINDS, Filter
from sagwan_search.domain.syntax import Condition, Key, ParsedText
from sagwan_text.analysis import Term
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import term_id

CONDITIONS_MAX: Final = 20
PHRASES_MAX: Final = 10
PHRASE_CHARACTERS_MAX: Final = 300
VALUE_CHARACTERS_MAX: Final = 256

_DAY: Final = re.compile(r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2}))?)?")
_OFFSET: Final = re.compile(r"((?P<hours>[0-9]{1,3}):(?=[0-5][0-9]:))?(?P<minutes>[0-9]{1,4}):(?P<seconds>[0-5][0-9])")
_ONCE: Final = (Key.AFTER, Key.BEFORE, Key.FROM, Key.TO)
# A word may be another part of speech in other surroundings, and then be no term: what it is in all of these, it is
# nearly everywhere. Of the places of 2,100 phrases cut at random from two Korean corpora, 98 in 100 are found.
_SURROUNDINGS: Final = ("{}", "그 {}", "{}을", "{}은 했다", "아주 {} 등")


def refusals(parsed: ParsedText) -> Iterator[str]:
    """What is wrong with a question's conditions and phrases, for a person."""
    count = len(parsed.conditions) + len(parsed.excluded_words)
    if count > CONDITIONS_MAX:
        yield f"has {count} conditions and excluded words; at most {CONDITIONS_MAX} are taken"
    if len(parsed.phrases) > PHRASES_MAX:
        yield f"has {len(parsed.phrases)} phrases in quotes; at most {PHRASES_MAX} are taken"
    for phrase in parsed.phrases:
        if len(phrase.text) > PHRASE_CHARACTERS_MAX:
            yield f"has a phrase of {len(phrase.text):,} characters in quotes; {PHRASE_CHARACTERS_MAX} are taken"
    unfit = list(_unfit_values(parsed))
    yield from unfit
    if not unfit:
        yield from _contradictions(parsed)


def text_filter(parsed: ParsedText) -> Filter:
    """The filter of a question's conditions and phrases; nothing in it that needs analysis.

    Args:
        parsed: Nothing is wrong with it.
    """
    held = Filter()
    excluded = []
    for each in parsed.conditions:
        condition = _condition(each)
        if each.excluded:
            excluded.append(condition)
        else:
            held = _both(held, condition)
    phrases = [(Filter(phrase=each.text), each.excluded) for each in parsed.phrases]
    return replace(
        held,
        all_of=tuple(phrase for phrase, is_excluded in phrases if not is_excluded),
        none_of=(*excluded, *(phrase for phrase, is_excluded in phrases if is_excluded)),
    )


def with_terms(condition: Filter, parsed: ParsedText, analyze: Callable[[str], Sequence[Term]]) -> Filter:
    """A filter, and what analysis adds to it: words that must not occur, and terms by which phrases are found.

    Args:
        condition: Of the request and of the question's conditions and phrases.
        parsed: The question. A chunk that holds all terms of an excluded word does not pass; one without terms is taken
            literally. Terms of phrases are an index's way to them.
        analyze: The analysis that indexed the chunks.
    """
    terms = dict.fromkeys(
        term_id(term) for each in parsed.phrases if not each.excluded for term in _lasting_terms(each.text, analyze)
    )
    excluded = []
    for word in parsed.excluded_words:
        held = tuple(dict.fromkeys(term_id(term.text) for term in analyze(word.text)))
        excluded.append(Filter(term_ids=held) if held else Filter(phrase=word.text))
    if not terms and not excluded:
        return condition
    return both(condition, Filter(term_ids=tuple(terms), none_of=tuple(excluded)))


def both(one: Filter, other: Filter) -> Filter:
    """A filter that passes what two of them do."""
    if one == Filter():
        return other
    return one if other == Filter() else Filter(all_of=(one, other))


def _unfit_values(parsed: ParsedText) -> Iterator[str]:
    for each in parsed.conditions:
        try:
            _condition(each)
        except ValueError as error:
            yield f"{each.key.value}:{each.value[:40]} {error}"


def _contradictions(parsed: ParsedText) -> Iterator[str]:
    given = [each.key for each in parsed.conditions if not each.excluded]
    for key in _ONCE:
        if given.count(key) > 1:
            yield f"{key.value}: stands more than once"
    held = text_filter(parsed)
    if held.start_date and held.end_date and held.start_date > held.end_date:
        yield "before: lies before after:"
    if held.start_ms is not None and held.end_ms is not None and held.start_ms > held.end_ms:
        yield "to: lies before from:"


def _condition(each: Condition) -> Filter:
    """The filter of one condition, as if it were not excluded.

    Raises:
        ValueError: The value is none of its key; the message says what would be.
    """
    value = each.value.strip()
    if not value:
        raise ValueError("has no value")
    if len(value) > VALUE_CHARACTERS_MAX:
        raise ValueError(f"has {len(value):,} characters; at most {VALUE_CHARACTERS_MAX} are taken")
    return _READERS[each.key](value)


def _both(one: Filter, other: Filter) -> Filter:
    """One filter of two without groups: values of one kind mean any of them."""
    return Filter(
        start_date=other.start_date or one.start_date,
        end_date=other.end_date or one.end_date,
        meeting_ids=one.meeting_ids + other.meeting_ids,
        speaker_keys=one.speaker_keys + other.speaker_keys,
        series_keys=one.series_keys + other.series_keys,
        participant_keys=one.participant_keys + other.participant_keys,
        tag_keys=one.tag_keys + other.tag_keys,
        languages=one.languages + other.languages,
        utterance_kinds=one.utterance_kinds + other.utterance_kinds,
        start_ms=one.start_ms if other.start_ms is None else other.start_ms,
        end_ms=one.end_ms if other.end_ms is None else other.end_ms,
    )


def _meeting_id(value: str) -> str:
    meeting_id = value.removeprefix(MEETING_PREFIX)
    if not meeting_id or "/" in meeting_id:
        raise ValueError("is not the id of a meeting")
    return meeting_id


def _language(value: str) -> str:
    folded = speaker_key(value)
    if not LANGUAGE_TAG.fullmatch(folded):
        raise ValueError("is not a language such as ko or en-GB")
    return folded


def _kind(value: str) -> str:
    folded = speaker_key(value)
    if folded not in UTTERANCE_KINDS:
        raise ValueError(f"is none of {', '.join(UTTERANCE_KINDS)}")
    return folded


def _days(value: str) -> tuple[date, date]:
    """The first and the last day that a day, a month or a year has."""
    match = _DAY.fullmatch(speaker_key(value))
    reason = "is not a day; write YYYY-MM-DD, YYYY-MM or YYYY"
    if match is None:
        raise ValueError(reason)
    year, month, day = (int(part) if part else 0 for part in match.group("year", "month", "day"))
    try:
        first = date(year, month or 1, day or 1)
        last = date(year, month or 12, day or monthrange(year, month or 12)[1])
    except ValueError:
        raise ValueError(reason) from None
    return first, last


def _offset_ms(value: str) -> int:
    match = _OFFSET.fullmatch(speaker_key(value))
    if match is None:
        raise ValueError("is not a point of the recording; write h:mm:ss or m:ss")
    hours, minutes, seconds = (int(part) if part else 0 for part in match.group("hours", "minutes", "seconds"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000


def _lasting_terms(phrase: str, analyze: Callable[[str], Sequence[Term]]) -> list[str]:
    """The terms that a phrase has wherever it stands, as far as can be told."""
    found = [dict.fromkeys(term.text for term in analyze(each.format(phrase))) for each in _SURROUNDINGS]
    # A syllable by itself is too often the end of another word.
    return [term for term in found[0] if all(term in other for other in found) and (len(term) > 1 or term.isascii())]


_READERS: Final[Mapping[Key, Callable[[str], Filter]]] = {
    Key.SPEAKER: lambda value: Filter(speaker_keys=(speaker_key(value),)),
    Key.PARTICIPANT: lambda value: Filter(participant_keys=(speaker_key(value),)),
    Key.SERIES: lambda value: Filter(series_keys=(speaker_key(value),)),
    Key.TAG: lambda value: Filter(tag_keys=(speaker_key(value),)),
    Key.MEETING: lambda value: Filter(meeting_ids=(_meeting_id(value),)),
    Key.LANGUAGE: lambda value: Filter(languages=(_language(value),)),
    Key.KIND: lambda value: Filter(utterance_kinds=(_kind(value),)),
    Key.AFTER: lambda value: Filter(start_date=_days(value)[0]),
    Key.BEFORE: lambda value: Filter(end_date=_days(value)[1]),
    Key.FROM: lambda value: Filter(start_ms=_offset_ms(value)),
    # A second is the whole of it, as a month is.
    Key.TO: lambda value: Filter(end_ms=_offset_ms(value) + 999),
}
