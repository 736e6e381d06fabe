import html
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import reason_of

from sagwan_ingest.domain.formats.format import Mending, Parsed
from sagwan_ingest.domain.formats.webvtt import FORMAT
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest


def parsed(text):
    return FORMAT.parse("WEBVTT\n\n" + text)


def spoken(text):
    (meeting,) = parsed(text).meetings
    return [(each.speaker, each.text) for each in meeting.utterances]


def cue(payload, times="00:01.000 --> 00:02.000"):
    return f"{times}\n{payload}\n\n"


ZOOM = """WEBVTT

1
00:04:01.680 --> 00:04:02.770
Mario Havel: Hey, Pooja.

2
00:04:03.430 --> 00:04:04.509
Mario Havel: What are you doing: testing?

3
00:04:06.750 --> 00:04:08.130
Pooja R. (host): Good. Really
good.

4
00:04:09.000 --> 00:04:10.000
(laughs)
"""


def test_a_zoom_recording_gives_a_turn_a_cue_with_its_speaker():
    transcript = FORMAT.parse(ZOOM)

    assert transcript.meetings[0].utterances == (
        Utterance("Mario Havel", "Hey, Pooja.", 241_680, 242_770),
        Utterance("Mario Havel", "What are you doing: testing?", 243_430, 244_509),
        Utterance("Pooja R. (host)", "Good. Really good.", 246_750, 248_130),
        Utterance("", "(laughs)", 249_000, 250_000),
    )
    assert transcript.mended == ()


def test_a_remark_with_a_colon_names_nobody_in_a_file_without_names():
    assert spoken(cue("So the question is: what now?") + cue("Well.") + cue("I do not know.")) == [
        ("", "So the question is: what now?"),
        ("", "Well."),
        ("", "I do not know."),
    ]


def test_voices_are_speakers():
    assert spoken(cue("<v Roger Bingham>We are in New York.") + cue("<v.loud.first  Neil  T. >Yes</v>")) == [
        ("Roger Bingham", "We are in New York."),
        ("Neil T.", "Yes"),
    ]


def test_the_voices_of_one_cue_are_utterances_of_their_own_with_its_times():
    (meeting,) = parsed(cue("<v Ann>Ready?</v>\n<v Bob>Ready.</v>\n<i>Laughter</i>")).meetings

    assert meeting.utterances == (
        Utterance("Ann", "Ready?", 1_000, 2_000),
        Utterance("Bob", "Ready.", 1_000, 2_000),
        Utterance("", "Laughter", 1_000, 2_000),
    )


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("<c.yellow>We</c> <b>all</b> <lang en>agree</lang>", "We all agree"),
        ("<00:00:01.500>word <00:00:01.900>by word", "word by word"),
        ("Q&amp;A &lt;live&gt; caf&#233;&nbsp;x", "Q&A <live> café\xa0x"),
        ("R&D; &unknown; &amp", "R&D; &unknown; &amp"),
        ("I <3 you", "I <3 you"),
        ("a < b", "a < b"),
        ("This is </c awesome", "This is"),
        ("We <c.loud all</c> agree", "We  agree"),
        ("a < b and c > d", "a < b and c > d"),
        ("<bad>Well</bad> < 00:01.000>then", "Well then"),
        ("two\nlines", "two lines"),
    ],
)
def test_tags_go_and_character_references_are_resolved(payload, text):
    assert spoken(cue(payload)) == [("", text)]


@pytest.mark.parametrize(
    ("times", "start_ms", "end_ms"),
    [
        ("00:01.000 --> 00:02.500", 1_000, 2_500),
        ("00:00:01.000 --> 00:00:02.500 align:start position:10%,line-left", 1_000, 2_500),
        ("\t1:00:01.000-->1:00:02.500\tline:0", 3_601_000, 3_602_500),
        ("123:00:00.000 --> 123:00:01.000", 442_800_000, 442_801_000),
        ("90:30.000 --> 90:31.000", 325_800_000, 325_860_000),
    ],
)
def test_times_are_read_and_settings_passed_over(times, start_ms, end_ms):
    (meeting,) = parsed(cue("Hi", times)).meetings

    assert meeting.utterances == (Utterance("", "Hi", start_ms, end_ms),)


@pytest.mark.parametrize(
    "times",
    [
        "00:01,000 --> 00:02,000",
        "00:01.00 --> 00:02.000",
        "00:61.000 --> 00:62.000",
        "01:60:00.000 --> 02:00:00.000",
        "1 --> 2",
        "-->",
        "9999999:00:00.000 --> 9999999:00:01.000",
    ],
)
def test_a_cue_whose_times_cannot_be_read_is_left_out_and_reported(times):
    transcript = parsed("first\n" + cue("lost", times) + cue("kept"))

    assert [each.text for each in transcript.meetings[0].utterances] == ["kept"]
    assert transcript.mended == (Mending(4, "times of a cue cannot be read; it was left out"),)


def test_a_cue_that_ends_before_it_begins_ends_where_it_begins():
    transcript = parsed("id\n" + cue("Hi", "00:02.000 --> 00:01.999"))

    assert transcript.meetings[0].utterances == (Utterance("", "Hi", 2_000, 2_000),)
    assert transcript.mended == (Mending(4, "cue ended before it began; it now ends where it begins"),)


@pytest.mark.parametrize("payload", ["", " ", "<v Ann></v>", "<i> </i>", "&nbsp;"])
def test_a_blank_cue_is_left_out_and_counted(payload):
    transcript = parsed(cue(payload) + cue("kept"))

    assert [each.text for each in transcript.meetings[0].utterances] == ["kept"]
    assert transcript.mended == (Mending(3, "cue has no text and was left out"),)


def test_a_zoom_cue_with_a_name_and_nothing_else_is_blank():
    transcript = parsed(cue("Ann: Hello.") + cue("Bob:"))

    assert [each.speaker for each in transcript.meetings[0].utterances] == ["Ann"]
    assert [each.line for each in transcript.mended] == [6]


def test_notes_styles_and_regions_are_passed_over_without_a_word():
    transcript = parsed(
        "STYLE\n::cue { color: red }\n\nREGION\nid:fred\n\nNOTE a remark\nwith two lines\n\n"
        + cue("Hi")
        + "NOTE\nanother\n"
    )

    assert [each.text for each in transcript.meetings[0].utterances] == ["Hi"]
    assert transcript.mended == ()


def test_text_outside_of_a_cue_is_left_out_and_reported():
    transcript = parsed(cue("Hi") + "stray\ntext\n\n" + cue("Ho", "00:02.000 --> 00:03.000"))

    assert transcript.mended == (Mending(6, "text outside of a cue was left out"),)


def test_cues_without_an_empty_line_between_them_are_told_apart():
    assert spoken("00:01.000 --> 00:02.000\nOne\n00:02.000 --> 00:03.000\nTwo\nid\n00:03.000 --> 00:04.000\nThree") == [
        ("", "One"),
        ("", "Two id"),
        ("", "Three"),
    ]


def test_a_cue_right_under_the_signature_is_read():
    assert FORMAT.parse("WEBVTT\n00:11.000 --> 00:13.000\nHi").meetings[0].utterances[0].text == "Hi"


@pytest.mark.parametrize(
    "text",
    ["WEBVTT - Kickoff\nKind: captions\nLanguage: en-us\n\n", 'WEBVTT\n\nNOTE duration:"1"\n\nNOTE language:en-us\n\n'],
)
def test_the_language_is_taken_from_the_header_or_a_note(text):
    assert FORMAT.parse(text + cue("Hi")).meetings[0].language == "en-us"


@pytest.mark.parametrize("tag", ["1", "en_US", "a" * 40, "en-" + "x" * 9])
def test_a_language_that_is_no_tag_is_passed_over(tag):
    assert FORMAT.parse(f"WEBVTT\nLanguage: {tag}\n\n" + cue("Hi")).meetings[0].language == ""


def test_a_title_and_the_fields_of_the_header_are_kept():
    text = "WEBVTT - Minutes of the council\nKind: captions\nLanguage: en\nStyle:\n::cue(c) { color: red;\n }\n##\n\n"

    (meeting,) = FORMAT.parse(text + cue("Hi")).meetings

    assert (meeting.title, meeting.language) == ("Minutes of the council", "en")
    assert meeting.attributes == {"Kind": "captions"}


def test_a_title_that_is_too_long_is_cut_and_reported():
    transcript = FORMAT.parse(f"WEBVTT - {'x' * 600}\n\n" + cue("Hi"))

    assert transcript.meetings[0].title == "x" * 512
    assert transcript.mended == (Mending(1, "title has 600 characters and was cut to 512"),)


YOUTUBE = """WEBVTT
Kind: captions
Language: ko

00:00:00.160 --> 00:00:02.149 align:start position:0%
\x20
회의를<00:00:00.480><c> 시작하겠습니다</c>

00:00:02.149 --> 00:00:02.159 align:start position:0%
회의를 시작하겠습니다
\x20

00:00:02.159 --> 00:00:04.500 align:start position:0%
회의를 시작하겠습니다
첫<00:00:02.480><c> 안건은</c><00:00:03.000><c> 예산입니다</c>

00:00:04.500 --> 00:00:04.510 align:start position:0%
첫 안건은 예산입니다
\x20

00:00:04.510 --> 00:00:06.000 align:start position:0%
첫 안건은 예산입니다
네
"""


def test_youtubes_rolling_captions_say_every_line_once():
    transcript = FORMAT.parse(YOUTUBE)

    assert transcript.meetings[0].utterances == (
        Utterance("", "회의를 시작하겠습니다", 160, 2_159),
        Utterance("", "첫 안건은 예산입니다", 2_159, 4_510),
        Utterance("", "네", 4_510, 6_000),
    )
    assert [each.line for each in transcript.mended] == [9, 13, 17, 21]


TEAMS = """WEBVTT

0f5b7c3e-5d3c-4a57-9a53-0b1e6f1a2c3d/12-0
00:00:03.300 --> 00:00:06.870
<v 김 민수>안녕하세요, 시작할까요?
네.</v>

0f5b7c3e-5d3c-4a57-9a53-0b1e6f1a2c3d/13-0
00:00:06.900 --> 00:00:08.000
<v Lee, Ann (Guest)>Sure &amp; thanks.</v>
"""


def test_teams_voices_are_speakers_and_its_identifiers_are_passed_over():
    transcript = FORMAT.parse(TEAMS)

    assert transcript.meetings[0].utterances == (
        Utterance("김 민수", "안녕하세요, 시작할까요? 네.", 3_300, 6_870),
        Utterance("Lee, Ann (Guest)", "Sure & thanks.", 6_900, 8_000),
    )
    assert transcript.mended == ()


@pytest.mark.parametrize("text", ["WEBVTTX\n\n", "webvtt\n\n", "\nWEBVTT\n\n", " WEBVTT\n\n", "Hi"])
def test_content_without_the_signature_is_refused(text):
    assert reason_of(FORMAT.parse, text) == "line 1: does not begin with WEBVTT"
    assert FORMAT.sniff(text) == 0


def test_a_file_without_text_is_refused_with_the_first_reason():
    assert reason_of(FORMAT.parse, "WEBVTT") == "line 1: holds no cue with text in it"
    assert reason_of(FORMAT.parse, "WEBVTT\n\n00:01,000 --> 00:02,000\nHi") == (
        "line 3: holds no cue with text in it: times of a cue cannot be read; it was left out"
    )


def test_a_speaker_who_is_named_in_the_identifier_of_a_cue_says_it():
    assert spoken(
        '1 "김 민수" (3456)\n' + cue("네.") + '2 "Ann" (7)\n' + cue("Hi <v Bob>Ho") + '"Ann"\n' + cue("Well")
    ) == [
        ("김 민수", "네."),
        ("Ann", "Hi"),
        ("Bob", "Ho"),
        ("", "Well"),
    ]


word = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
phrase = st.lists(word, min_size=1, max_size=5).map(" ".join)


@st.composite
def meetings(draw):
    """What WebVTT can carry: a title, a language, and turns that name their speaker, with a second between them."""
    at_ms, utterances = 0, []
    for _ in range(draw(st.integers(1, 6))):
        start_ms = at_ms + draw(st.integers(1_000, 10**7))
        at_ms = start_ms + draw(st.integers(0, 10**6))
        utterances.append(Utterance(draw(phrase), draw(phrase), start_ms, at_ms))
    language = draw(st.sampled_from(["", "ko", "en-US"]))
    return Meeting(title=draw(st.just("") | phrase), language=language, utterances=tuple(utterances))


def clock(milliseconds):
    seconds, thousandths = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"


def voice(name):
    # A name that ends with two hyphens would make an arrow of the end of its tag, and so another cue.
    return html.escape(name, quote=False).replace("--", "-&#45;")


def written(meeting):
    title = f" - {meeting.title}" if meeting.title else ""
    language = f"\nLanguage: {meeting.language}" if meeting.language else ""
    cues = (
        f"{clock(each.start_ms)} --> {clock(each.end_ms)}\n"
        f"<v {voice(each.speaker)}>{html.escape(each.text, quote=False)}\n\n"
        for each in meeting.utterances
    )
    return f"WEBVTT{title}{language}\n\n{''.join(cues)}"


@given(meetings())
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_reads_as_itself(meeting):
    assert FORMAT.parse(written(meeting)) == Parsed((meeting,))


PARTS = [
    "\n",
    "\n\n",
    "-->",
    " --> ",
    "00:01.000",
    "9" * 30 + ":",
    "<v Ann>",
    "<v",
    "<",
    ">",
    "</v>",
    "&amp;",
    "&#x110000;",
    "&#" + "9" * 30 + ";",
    "Ann: ",
    "NOTE",
    "hi",
]


@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
def test_any_text_is_read_or_refused(text):
    try:
        utterances = parsed(text).meetings[0].utterances
    except InvalidRequest as refused:
        utterances, violations = (), refused.violations
    else:
        violations = ()

    assert bool(utterances) != bool(violations)
    assert all(each.text.strip() for each in utterances)


@pytest.mark.parametrize(
    "unit", ["<", "<v ", "<c ", "<1:0", "&#", "- ", "[", "a: ", "\t", "00:", "--> ", "-->\n", "a ", "<i>"]
)
def test_a_long_line_of_anything_takes_time_in_proportion(unit):
    def seconds(times):
        text = "WEBVTT\n\n00:01.000 --> 00:02.000\n" + unit * times
        began = time.process_time()
        with suppress(InvalidRequest):
            FORMAT.parse(text)
        return time.process_time() - began

    assert seconds(30_000) < 2
