import random
from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.chunking import Chunk, chunk
from sagwan_ingest.domain.meeting import Utterance, UtteranceKind
from sagwan_ingest.domain.splitting import sentence_spans
from sagwan_text.speakers import speaker_key
from sagwan_text.tokens import estimate_tokens

WORDS = [
    "budget",
    "예산안을",
    "검토하겠습니다.",
    "Dr.",
    "really?",
    "까요?",
    "그렇습니다.다음",
    "x" * 90,
    "가" * 60,
    "e\u0301" * 20,
    "👩‍💻",
    "\n",
    "  ",
    "3.5",
    "。",
]
SPEAKERS = ["", "Ann", "ANN", "위원장 김철수", "B" * 256]

texts = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join) | st.text(max_size=40)
utterances = st.lists(st.builds(Utterance, st.sampled_from(SPEAKERS), texts), max_size=12)
times = st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(10, 19))
timed_utterances = st.lists(
    st.builds(
        lambda text, time, kind: Utterance("Ann", text, *time, kind), texts, times, st.sampled_from(list(UtteranceKind))
    ),
    max_size=12,
)
counters = st.sampled_from([estimate_tokens, len, lambda text: len(text.split())])
budgets = st.tuples(st.integers(8, 60), st.integers(0, 60)).map(lambda pair: (pair[0], sum(pair)))


def slices(chunks: list[Chunk], spoken: list[Utterance]):
    """What each chunk's span says it holds: (utterance, text) in order, blank ones left out."""
    for each in chunks:
        for index in range(each.first_utterance, each.last_utterance + 1):
            first = each.first_character if index == each.first_utterance else 0
            last = each.last_character if index == each.last_utterance else None
            text = spoken[index].text[first:last].strip()
            if text:
                yield each.ordinal, index, text


def visible(text: str) -> str:
    return "".join(text.split())


@given(timed_utterances, counters, budgets)
def test_each_chunk_knows_the_kinds_and_times_of_the_utterances_that_it_holds_something_of(
    spoken, count_tokens, budget
):
    chunks = chunk(spoken, count_tokens=count_tokens, tokens_target=budget[0], tokens_max=budget[1])

    for each in chunks:
        held = [spoken[index] for ordinal, index, _ in slices([each], spoken) if ordinal == each.ordinal]
        times = [time for utterance in held for time in (utterance.start_ms, utterance.end_ms) if time is not None]
        assert set(each.kinds) == {utterance.kind for utterance in held}
        assert len(each.kinds) == len(set(each.kinds))
        assert (each.start_ms, each.end_ms) == (min(times, default=None), max(times, default=None))


@given(utterances, counters, budgets)
def test_every_visible_character_is_in_exactly_one_chunk_and_in_order(spoken, count_tokens, budget):
    chunks = chunk(spoken, count_tokens=count_tokens, tokens_target=budget[0], tokens_max=budget[1])

    held = "".join(visible(text) for _, _, text in slices(chunks, spoken))
    assert held == "".join(visible(each.text) for each in spoken)


@given(utterances, counters, budgets)
def test_no_chunk_passes_the_maximum(spoken, count_tokens, budget):
    target, maximum = budget
    chunks = chunk(spoken, count_tokens=count_tokens, tokens_target=target, tokens_max=maximum)

    assert all(count_tokens(each.text) <= maximum for each in chunks)


@given(utterances, counters, budgets)
def test_ordinals_count_up_and_spans_begin_and_end_on_visible_characters(spoken, count_tokens, budget):
    chunks = chunk(spoken, count_tokens=count_tokens, tokens_target=budget[0], tokens_max=budget[1])

    assert [each.ordinal for each in chunks] == list(range(len(chunks)))
    for each in chunks:
        first, last = spoken[each.first_utterance].text, spoken[each.last_utterance].text
        assert not first[each.first_character].isspace()
        assert not last[each.last_character - 1].isspace()


@given(utterances, counters, budgets)
def test_a_span_cuts_exactly_the_text_that_its_chunk_shows(spoken, count_tokens, budget):
    target, maximum = budget
    chunks = chunk(spoken, count_tokens=count_tokens, tokens_target=target, tokens_max=maximum)
    named = [each for each in spoken if count_tokens(f"{each.speaker}: ") * 4 <= maximum]

    cut = {ordinal: list(parts) for ordinal, parts in groupby(slices(chunks, spoken), key=lambda part: part[0])}
    for each in chunks:
        lines = []
        before = None
        for _, index, text in cut[each.ordinal]:
            speaker = spoken[index].speaker
            shown = speaker and spoken[index] in named and speaker_key(speaker) != before
            lines.append(f"{speaker}: {text}" if shown else text)
            before = speaker_key(speaker)
        assert each.text == "\n".join(lines)
        assert each.speakers == tuple(
            dict.fromkeys(filter(None, (speaker_key(spoken[index].speaker) for _, index, _ in cut[each.ordinal])))
        )


@given(utterances)
def test_the_same_utterances_give_the_same_chunks(spoken):
    assert chunk(spoken, count_tokens=estimate_tokens) == chunk(list(spoken), count_tokens=estimate_tokens)


def chunked(*spoken: Utterance, target: int = 10, maximum: int = 20) -> list[str]:
    """Chunk texts with a token a word."""
    chunks = chunk(spoken, count_tokens=lambda text: len(text.split()), tokens_target=target, tokens_max=maximum)
    return [each.text for each in chunks]


def test_turns_are_merged_and_the_speaker_is_written_where_it_changes():
    assert chunked(
        Utterance("Ann", "Shall we begin?"),
        Utterance("ann", "It is ten."),
        Utterance("김철수", "네."),
        Utterance("", "(laughter)"),
    ) == ["Ann: Shall we begin?\nIt is ten.\n김철수: 네.\n(laughter)"]


def test_a_short_rest_is_merged_back_when_it_fits():
    assert chunked(Utterance("A", "one two three four five six seven eight nine"), Utterance("B", "yes")) == [
        "A: one two three four five six seven eight nine\nB: yes"
    ]


def test_sizes_come_out_even_and_not_full_then_short():
    spoken = [Utterance(name, "w " * 5) for name in "ABAB"]

    assert [text.count("w") for text in chunked(*spoken, target=16)] == [10, 10]


def test_a_cut_is_rather_made_where_the_speaker_changes():
    spoken = [Utterance("A", "w " * 5), Utterance("A", "w " * 4), Utterance("B", "w " * 5), Utterance("B", "w " * 4)]

    assert [text[0] for text in chunked(*spoken, target=10, maximum=14)] == ["A", "B"]


def test_a_long_utterance_is_cut_at_sentences_and_the_speaker_repeated():
    text = "첫째 예산을 봅니다. 둘째 인력을 봅니다! 셋째 일정을 볼까요? 넷째 기타입니다."

    assert chunked(Utterance("김", text), target=4, maximum=6) == [
        "김: 첫째 예산을 봅니다.",
        "김: 둘째 인력을 봅니다!",
        "김: 셋째 일정을 볼까요?",
        "김: 넷째 기타입니다.",
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words():
    assert chunked(Utterance("", "a b c d e f g"), target=3, maximum=4) == ["a b c", "d e f g"]


def test_a_word_that_is_too_long_is_cut_but_not_inside_of_what_is_seen_as_one_character():
    spoken = [Utterance("", "e\u0301" * 8)]

    chunks = chunk(spoken, count_tokens=len, tokens_target=5, tokens_max=5)

    assert [each.text for each in chunks] == ["e\u0301e\u0301"] * 4


def test_an_utterance_up_to_the_maximum_stays_whole():
    assert len(chunked(Utterance("", "One two. " * 10), target=5, maximum=20)) == 1


def test_blank_utterances_give_no_chunk_and_keep_the_numbering():
    spoken = [Utterance("A", " "), Utterance("B", "Yes."), Utterance("C", "")]

    (only,) = chunk(spoken, count_tokens=estimate_tokens)

    assert (only.text, only.first_utterance, only.last_utterance) == ("B: Yes.", 1, 1)
    assert only.speakers == ("b",)
    assert chunk([Utterance("A", "\n")], count_tokens=estimate_tokens) == []


def test_a_name_that_would_fill_the_chunk_is_left_out_of_its_text_but_not_of_its_speakers():
    (only,) = chunk([Utterance("A" * 200, "Yes.")], count_tokens=len, tokens_target=40, tokens_max=40)

    assert only.text == "Yes."
    assert only.speakers == ("a" * 200,)


@pytest.mark.parametrize(("target", "maximum"), [(0, 10), (11, 10)])
def test_a_target_outside_of_its_bounds_is_an_error(target, maximum):
    with pytest.raises(ValueError, match="tokens_target"):
        chunk([], count_tokens=len, tokens_target=target, tokens_max=maximum)


def test_a_word_more_in_one_utterance_leaves_chunks_far_away_as_they_were():
    rng = random.Random(11)
    spoken = [
        Utterance(rng.choice("ABCD"), " ".join(rng.choice(WORDS[:5]) for _ in range(rng.randint(1, 60))))
        for _ in range(600)
    ]
    before = chunk(spoken, count_tokens=estimate_tokens)
    changed = []
    for _ in range(20):
        edited = list(spoken)
        place = rng.randrange(len(spoken))
        edited[place] = replace(spoken[place], text=f"{spoken[place].text} indeed")
        kept = Counter(each.text for each in before)
        kept.subtract(each.text for each in chunk(edited, count_tokens=estimate_tokens))
        changed.append(sum(count for count in kept.values() if count > 0))

    assert len(before) > 100
    assert sum(changed) / len(changed) < 4
    assert max(changed) < 20


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It works. Does it? It does!", ["It works.", "Does it?", "It does!"]),
        ("Ask Dr. Kim, e.g. today. Good.", ["Ask Dr. Kim, e.g. today.", "Good."]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("3.5 percent, see a.b.", ["3.5 percent, see a.b."]),
        ("알겠습니다. 그런데요.그렇죠? 네", ["알겠습니다.", "그런데요.", "그렇죠?", "네"]),
        ("一つ。二つ。", ["一つ。", "二つ。"]),
        ("one\ntwo", ["one", "two"]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_korean_and_english_ones_do(text, sentences):
    assert [text[first:last] for first, last in sentence_spans(text)] == sentences
