"""The terms of a question, with what is looked for in place of words that occur nowhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from sagwan_search.domain.lexical import TermStatistics, WeightedTerm, distinct_terms, weighted_terms
from sagwan_search.domain.near_misses import (
    Correction,
    Nearness,
    QuestionWord,
    compound_split,
    compound_terms,
    is_one,
    joined_neighbors,
    question_words,
)
from sagwan_search.domain.near_names import nearest_values, nearest_words, word_halves
from sagwan_search.domain.phrases import without_particle
from sagwan_search.domain.syntax import Condition, Key
from sagwan_search.ports import SearchSession
from sagwan_text.analysis import Term
from sagwan_text.completion import completion_key
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import term_id

# Of a question with more words that occur nowhere, the first ones: a pasted page in another language has nothing else.
_MISSING_MAX = 5
# A missing word may stand in a question many times, with another neighbour each time: as if it stood there once.
_JOINED_MAX = 2 * _MISSING_MAX
# Names that are equally near to a word.
_NAMES_MAX = 3
# Analysis may take a name apart in another way where it stands before what somebody said.
_NAME_SURROUNDINGS = ("{}", "{}: ")
# What a replacement counts for, where the word itself would count 1.
_SHARE = 0.5
_PROPERTIES = {Key.SPEAKER: "speaker", Key.TAG: "tag"}


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """The terms of a question.

    Attributes:
        weighted: Those of words that occur nowhere replaced where something else is looked for.
        corrections: What that is.
        left_out_count: Distinct terms of the question that do not count, because there are too many.
    """

    weighted: Sequence[WeightedTerm] = ()
    corrections: Sequence[Correction] = ()
    left_out_count: int = 0


@dataclass(frozen=True, slots=True)
class _Replacement:
    words: Sequence[QuestionWord]
    terms: Sequence[str]
    correction: Correction


class _LookedUp:
    """What is known of terms so far."""

    def __init__(self, session: SearchSession, statistics: TermStatistics) -> None:
        self.session = session
        self.statistics = statistics
        self.occurring: set[str] = set()

    async def look_up(self, terms: Iterable[str]) -> None:
        """Learns how common terms are."""
        ids = {term: term_id(term) for term in terms}
        if ids:
            found = await self.session.term_statistics(list(ids.values()))
            counts = {**self.statistics.chunk_counts, **found.chunk_counts}
            self.statistics = replace(self.statistics, chunk_counts=counts)
            self.occurring |= {term for term, identifier in ids.items() if found.chunk_counts.get(identifier)}

    def occur(self, terms: Sequence[str]) -> bool:
        """Whether there are terms, and all of them occur."""
        return bool(terms) and all(term in self.occurring for term in terms)


class NearMisses:
    """Finds the terms of questions, and what near misses may have meant.

    Args:
        analyze: The analysis that indexed the chunks.
        terms_max: Distinct terms of a question that count.
    """

    def __init__(self, analyze: Callable[[str], Sequence[Term]], *, terms_max: int) -> None:
        self._analyze = analyze
        self._terms_max = terms_max

    async def question_terms(self, session: SearchSession, text: str, demanded: Sequence[str] = ()) -> QuestionTerms:
        """The terms of a question with their weights.

        Args:
            session: Where terms and names are looked up.
            text: The question's words, those of its phrases among them.
            demanded: Words of phrases. They are literal: nothing else would pass.
        """
        terms = self._analyze(text)
        distinct = distinct_terms(terms)
        counts = dict(list(distinct.items())[: self._terms_max])
        left_out_count = len(distinct) - len(counts)
        known = await session.term_statistics([term_id(term) for term in counts])
        weighted = weighted_terms(counts, known)
        # What was cut off was not looked up, and is not known to be missing.
        absent = {each.text for each in weighted if not each.chunk_count}
        if not absent or not known.corpus_count:
            return QuestionTerms(weighted, (), left_out_count)
        words = question_words(text, terms)
        # A particle may stand behind the quote.
        literal = set(demanded)
        replaceable = [w for w in dict.fromkeys(words) if literal.isdisjoint((w.text, *without_particle(w.text)))]
        missing = [each for each in replaceable if each.is_missing(absent)][:_MISSING_MAX]
        if not missing:
            return QuestionTerms(weighted, (), left_out_count)
        looked_up = _LookedUp(session, known)
        found = await self._compounds(looked_up, words, missing)
        replaced = {word for each in found for word in each.words}
        found += await self._names(looked_up, [each for each in missing if each not in replaced])
        weighted = _with_replacements(counts, words, found, looked_up.statistics)
        return QuestionTerms(weighted, [each.correction for each in found], left_out_count)

    async def _compounds(
        self, looked_up: "_LookedUp", words: Sequence[QuestionWord], missing: Sequence[QuestionWord]
    ) -> list["_Replacement"]:
        """Words that are one when put together, and compounds that are cut."""
        joined = {
            place: (text, [term.text for term in analyzed])
            for place, text in islice(joined_neighbors(words, missing), _JOINED_MAX)
            if is_one(analyzed := self._analyze(text), len(words[place].text))
        }
        await looked_up.look_up(
            chain(
                chain.from_iterable(terms for _, terms in joined.values()),
                chain.from_iterable(compound_terms(each.text) for each in missing),
            )
        )
        found = []
        for place, (text, terms) in joined.items():
            pair = words[place : place + 2]
            if looked_up.occur(terms):
                correction = Correction(" ".join(each.text for each in pair), text, Nearness.JOINED)
                found.append(_Replacement([each for each in pair if each in missing], terms, correction))
        replaced = {word for each in found for word in each.words}
        for word in missing:
            pieces = None if word in replaced else compound_split(word.text, looked_up.occurring)
            if pieces:
                found.append(_Replacement([word], pieces, Correction(word.text, " ".join(pieces), Nearness.SPLIT)))
        return found

    async def _names(self, looked_up: "_LookedUp", misspelt: Sequence[QuestionWord]) -> list["_Replacement"]:
        """Words that are nearly names."""
        heads, tails = word_halves(each.text for each in misspelt)
        if not heads:
            return []
        names = list(dict.fromkeys(each.value for each in await looked_up.session.names_near(heads, tails)))
        near = [
            (word, name, [self._terms_of(each.format(name)) for each in _NAME_SURROUNDINGS])
            for word in misspelt
            for name in nearest_words(word.text, names)[:_NAMES_MAX]
        ]
        await looked_up.look_up(chain.from_iterable(terms for _, _, forms in near for terms in forms))
        found = []
        for word, name, forms in near:
            terms = list(dict.fromkeys(chain.from_iterable(form for form in forms if looked_up.occur(form))))
            if not set(terms) <= set(word.terms):
                found.append(_Replacement([word], terms, Correction(word.text, name, Nearness.SPELLING)))
        return found

    def _terms_of(self, text: str) -> list[str]:
        return [term.text for term in self._analyze(text)]

    async def suggestions(self, session: SearchSession, conditions: Sequence[Condition]) -> list[Correction]:
        """Who or what may have been meant by the values of conditions that nobody and nothing is called."""
        named = [each for each in conditions if each.key in _PROPERTIES and not each.excluded][:_MISSING_MAX]
        if not named:
            return []
        keys = [completion_key(each.value) for each in named]
        known = {(each.property, speaker_key(each.value)) for each in await session.names_of(keys)}
        unknown = [each for each in named if (_PROPERTIES[each.key], speaker_key(each.value)) not in known]
        heads, tails = word_halves(
            word for each in unknown for word in (completion_key(each.value), *each.value.split())
        )
        if not heads:
            return []
        found = await session.names_near(heads, tails)
        return [
            Correction(each.value.strip(), name, Nearness.SPELLING, applied=False)
            for each in unknown
            for name in nearest_values(
                each.value, [like.value for like in found if like.property == _PROPERTIES[each.key]]
            )[:_NAMES_MAX]
        ]


def _with_replacements(
    counts: Mapping[str, int],
    words: Sequence[QuestionWord],
    replacements: Sequence[_Replacement],
    statistics: TermStatistics,
) -> list[WeightedTerm]:
    """The terms of a question without those of the words replaced, and with what replaces them."""
    replaced = {word for each in replacements for word in each.words}
    left = dict(counts)
    for word in words:
        for term in word.terms if word in replaced else ():
            if term in left:
                left[term] -= 1
    left = {term: count for term, count in left.items() if count > 0}
    instead = {term: 1 for each in replacements for term in each.terms if term not in left}
    return weighted_terms(left, statistics) + weighted_terms(instead, statistics, share=_SHARE)
