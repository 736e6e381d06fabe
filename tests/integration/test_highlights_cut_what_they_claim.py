"""Highlights over the wire cut exactly the words that were asked for, in whatever Unicode the lines are written."""

import json
import random
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from in_process import ingesting, searching

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_search.domain.lines import LineMarker, Utterance
from sagwan_text.analysis import Analyzer
from sagwan_text.folding import fold
from sagwan_text.korean import load_tagger
from sagwan_text.term_offsets import TermOffsets, packed_terms

pytestmark = pytest.mark.integration

HIT_COUNT = 2_000
MEETING_COUNT, TURN_COUNT = 24, 45

# Nouns and particles that the tagger reads in one way only, whatever stands around them.
KOREAN = ["예산", "결산", "급식", "위원회", "조례", "민원"]
PARTICLES = ["을", "에서", "은", "도", ""]
ENGLISH = {
    "budget": ["budget", "Budgets", "BUDGET", "bud\u00adget"],
    "garden": ["garden", "Gardens"],
    "latency": ["latency"],
}
# Hanja, of the basic plane and beyond it, and kana.
UNSPACED = ["豫算", "決算", "𠀋𠀍", "𪚥𪛖", "バンク"]
QUESTIONS = [*KOREAN, *ENGLISH, *UNSPACED]
NOISE = [
    "😀", "👩\u200d💻", "🇰🇷", "❤\ufe0f", "㎏", "½", "…", "—", "\u200b", "(3)", "\ufb01n", "네", "Łódź", "é", "e\u0301",
    "𝒳", "𐍈", "\U000f0000",
]  # fmt: skip
SPACES = [" ", "  ", "\t", "\u3000", " \u200b ", "\u00a0"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and where in it each word stands."""

    text: str
    places: tuple[tuple[str, int, int], ...]


def written(chance: random.Random, word: str) -> str:
    """A word in one of the forms in which keyboards, old systems and file names write it."""
    form = chance.choice(["as it is", "as it is", "decomposed", "wide"])
    if form == "decomposed":
        return unicodedata.normalize("NFD", word)
    if form == "wide":
        return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in word)
    return word


def line_of(chance: random.Random) -> Line:
    text, places = "", []
    for _ in range(chance.randint(2, 4)):
        for _ in range(chance.randint(0, 2)):
            text += chance.choice(NOISE) + chance.choice(SPACES)
        kind = chance.choice(["korean", "korean", "english", "unspaced"])
        if kind == "korean":
            word = chance.choice(KOREAN)
            core, after = written(chance, word), chance.choice(PARTICLES)
            if core != word:
                after = unicodedata.normalize("NFD", after)
        elif kind == "english":
            word = chance.choice(list(ENGLISH))
            core, after = written(chance, chance.choice(ENGLISH[word])), chance.choice(["", ".", ",", "!", "은"])
        else:
            word, after = chance.choice(UNSPACED), chance.choice(["", "。"])
            core = written(chance, word)
        places.append((word, len(text), len(text) + len(core)))
        text += core + after + chance.choice(SPACES)
    return Line(text.strip(), tuple(places))


async def test_every_highlight_is_the_word_that_was_asked_for_and_every_such_word_is_one(database_url, embedders, key):
    chance = random.Random(1)
    said = {f"m-{number}": [line_of(chance) for _ in range(TURN_COUNT)] for number in range(MEETING_COUNT)}
    hits = 0
    async with (
        ingesting(database_url, embedders) as ingest,
        searching(database_url, embedders, leg_depth=400) as search,
    ):
        for meeting_id, lines in said.items():
            turns = [meeting_pb2.Utterance(speaker="Ann", text=each.text) for each in lines]
            request = ingest_pb2.IngestMeetingRequest(meeting_id=meeting_id, utterances=turns)
            await ingest.IngestMeeting(request, metadata=key)
        for word in QUESTIONS:
            request = search_pb2.SearchRequest(query=word, mode=search_pb2.SEARCH_MODE_LEXICAL, page_size=100)
            while True:
                page = await search.stub.Search(request, metadata=key)
                hits += len(page.hits)
                for shown in (line for hit in page.hits for line in hit.lines):
                    _, meeting_id, _, ordinal = shown.utterance.split("/")
                    line = said[meeting_id][int(ordinal)]
                    begin = line.text.index(shown.text)
                    expected = [
                        (start - begin, end - begin)
                        for each, start, end in line.places
                        if each == word and begin <= start and end <= begin + len(shown.text)
                    ]
                    assert [(each.start, each.end) for each in shown.highlights] == expected, (word, shown.text)
                request.page_token = page.next_page_token
                if not request.page_token:
                    break
    assert hits >= HIT_COUNT


def passages(eval_data: Path, name: str, chance: random.Random) -> list[str]:
    """A line's worth of each of some real texts, half of them decomposed."""
    with (eval_data / name / "corpus.jsonl").open(encoding="utf-8") as file:
        texts = [json.loads(row)["text"] for row in file]
    cuts = []
    for text in chance.sample(texts, k=min(len(texts), 600)):
        begin = chance.randrange(max(1, len(text) - 200))
        cuts.append(unicodedata.normalize(chance.choice(["NFC", "NFD"]), text[begin : begin + 200]))
    return cuts


@pytest.mark.parametrize("name", ["ko_mrc", "seoul_edu/dev/qa_weak", "qmsum/val"])
def test_in_real_text_a_highlight_alone_or_in_its_place_has_a_term_of_the_question(eval_data, name):
    chance = random.Random(name)
    analyze = Analyzer(load_tagger()).terms
    seen = 0
    for text in passages(eval_data, name, chance):
        wanted = {term.text for term in analyze(chance.choice(text.split() or [""]))}
        line = LineMarker(wanted, analyze).marked(Utterance(0, "", None, None, text))
        # What was said as dictionaries know it, in which every character stands for itself.
        plain = fold(text).text
        in_place = [term for term in analyze(plain) if term.text in wanted]
        assert line.terms == {term.text for term in in_place}
        for start, end in line.highlights:
            before, cut = fold(text[:start]).text, fold(text[start:end]).text
            assert cut == cut.strip() != ""
            assert before + cut + fold(text[end:]).text == plain
            covered = {term.text for term in in_place if len(before) <= term.start < term.end <= len(before + cut)}
            assert covered
            assert covered & {term.text for term in analyze(text[start:end])} or "가" <= cut[0] <= "힣"
            seen += 1
    assert seen >= 400


@pytest.mark.parametrize("name", ["ko_mrc", "seoul_edu/dev/qa_weak", "qmsum/val"])
def test_a_line_of_real_text_is_marked_alike_whether_its_offsets_are_kept_or_it_is_analysed(eval_data, name):
    chance = random.Random(name)
    analyze = Analyzer(load_tagger()).terms
    seen = 0
    for passage in passages(eval_data, name, chance):
        # Behind characters that UTF-16 writes as two.
        text = f"😀 𝒳 {passage}"
        wanted = {term.text for word in chance.choices(text.split(), k=3) for term in analyze(word)}
        marker = LineMarker(wanted, analyze)
        packed = packed_terms(analyze(text))
        assert packed is not None
        line = Utterance(0, "", None, None, text)
        kept = Utterance(0, "", None, None, text, term_offsets=TermOffsets(packed))
        by_analysis, by_offsets = marker.marked(line), marker.marked(kept)
        assert (by_offsets.highlights, by_offsets.terms) == (by_analysis.highlights, by_analysis.terms)
        seen += len(by_offsets.highlights)
    assert seen >= 400
