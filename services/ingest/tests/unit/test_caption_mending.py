"""What is mended in captions, in every format that has cues."""

import pytest

from sagwan_ingest.domain.formats import cues, srt, webvtt
from sagwan_ingest.domain.formats.format import Mending
from sagwan_runtime.errors import InvalidRequest

FORMATS = [
    pytest.param(webvtt.FORMAT, "WEBVTT\n\n", id="webvtt"),
    pytest.param(srt.FORMAT, "", id="srt"),
]
pytestmark = pytest.mark.parametrize(("format_", "header"), FORMATS)

REPEATED = "cue repeats the one before it and was joined with it"
ROLLED = "cue begins with the end of the one before it; the repeated words were left out"
BACKWARDS = "cue begins before the one above it; it was kept in the order of the file"
OVERLAPPING = "cue begins before an earlier one ends; both were kept with their times"
EMPTY = "cue has no text and was left out"


def clock(seconds):
    return f"00:{int(seconds) // 60:02}:{int(seconds) % 60:02}.{round(seconds % 1 * 1_000):03}"


def read(format_, header, *cues):
    """What the format makes of cues (start, end, text): (start, end, speaker, text) of each, and what was mended.

    The times of cue n, from 0, stand on line 3 n, and on line 3 n + 2 under a header.
    """
    text = header + "".join(f"{clock(start)} --> {clock(end)}\n{text}\n\n" for start, end, text in cues)
    parsed = format_.parse(text)
    first = header.count("\n") + 1
    told = [(1 + (each.line - first) // 3 if each.line >= first else each.line, each.what) for each in parsed.mended]
    utterances = parsed.meetings[0].utterances
    return [(each.start_ms / 1_000, each.end_ms / 1_000, each.speaker, each.text) for each in utterances], told


def texts(format_, header, *cues):
    return [text for _, _, _, text in read(format_, header, *cues)[0]]


def test_a_cue_that_is_there_twice_is_kept_once_and_lasts_as_long_as_either(format_, header):
    cues = (0, 2, "One."), (0, 3, "One."), (4, 5, "Two.")

    assert read(format_, header, *cues) == ([(0, 3, "", "One."), (4, 5, "", "Two.")], [(2, REPEATED)])


def test_words_that_are_said_again_are_kept(format_, header):
    said = "Is it done?", "Is it done?", "Is it done? Yes.", "Good.", "Then we go on.", "So."
    cues = [(at, at + 1, text) for at, text in enumerate(said)]

    assert read(format_, header, *cues) == ([(start, end, "", text) for start, end, text in cues], [])


def test_captions_that_roll_by_lines_say_every_line_once(format_, header):
    cues = (0, 2, "we begin"), (2, 4, "we begin\nwith the budget"), (4, 6, "with the budget\nand then"), (7, 8, "go")

    assert read(format_, header, *cues) == (
        [(0, 2, "", "we begin"), (2, 4, "", "with the budget"), (4, 6, "", "and then"), (7, 8, "", "go")],
        [(2, ROLLED), (3, ROLLED)],
    )


def test_captions_that_grow_word_by_word_say_every_word_once(format_, header):
    cues = (
        (0, 1, "예산은"),
        (1, 2, "예산은 어제"),
        (2, 3, "예산은 어제 통과됐습니다"),
        (3, 4, "예산은 어제 통과됐습니다"),
    )

    utterances, told = read(format_, header, *cues)

    assert utterances == [(0, 1, "", "예산은"), (1, 2, "", "어제"), (2, 4, "", "통과됐습니다")]
    assert told == [(2, ROLLED), (3, ROLLED), (4, REPEATED)]


def test_words_that_happen_to_be_those_before_stay_in_captions_that_roll(format_, header):
    cues = (0, 1, "so that"), (1, 2, "so that\nis that"), (2, 3, "that is it"), (9, 10, "that is it")

    assert texts(format_, header, *cues) == ["so that", "is that", "that is it", "that is it"]


def test_two_that_say_the_same_are_both_kept(format_, header):
    cues = (0, 2, "Ann: Hello."), (0, 2, "Bob: Hello.")

    assert read(format_, header, *cues) == (
        [(0, 2, "Ann", "Hello."), (0, 2, "Bob", "Hello.")],
        [(2, OVERLAPPING)],
    )


def test_cues_that_overlap_keep_their_times_and_are_reported(format_, header):
    cues = (0, 60, "Introduction"), (10, 20, "Topics"), (30, 40, "People"), (60, 70, "End")

    assert read(format_, header, *cues) == (
        [(start, end, "", text) for start, end, text in cues],
        [(2, OVERLAPPING), (3, OVERLAPPING)],
    )


def test_cues_that_go_back_keep_their_place_and_what_follows_is_measured_from_there(format_, header):
    cues = (100, 110, "The end of one."), (0, 5, "The beginning of another."), (5, 9, "It goes on.")

    assert read(format_, header, *cues) == ([(start, end, "", text) for start, end, text in cues], [(2, BACKWARDS)])


def test_a_cue_that_ends_before_it_begins_ends_where_it_begins(format_, header):
    assert read(format_, header, (5, 4, "Hi")) == (
        [(5, 5, "", "Hi")],
        [(1, "cue ended before it began; it now ends where it begins")],
    )


def test_more_than_a_hundred_of_a_sort_are_summed_up(format_, header):
    cues = [(2 * at, 2 * at + 1, "Hi" if at % 2 else "<b> </b>") for at in range(240)]

    utterances, told = read(format_, header, *cues)

    assert len(utterances) == 120
    assert told[:100] == [(2 * at + 1, EMPTY) for at in range(100)]
    assert told[100:] == [(0, f"20 more places: {EMPTY}")]


def test_mendings_come_in_the_order_of_the_lines(format_, header):
    text = header + "00:00:05.000 --> 00:00:04.000\nOne\n\n00:00:01.000 --> 00:00:02.000\n \n\n"

    first = header.count("\n") + 1
    assert [each.line for each in format_.parse(text).mended] == [first, first + 3]
    assert format_.parse(text).mended[1] == Mending(first + 3, EMPTY)


def test_each_line_of_a_dialogue_is_an_utterance_as_it_is_written(format_, header):
    cues = (0, 2, "- Ready?\n- Ready.\nGo on."), (3, 4, "- One line."), (5, 6, "Not all\n- do.")

    assert read(format_, header, *cues)[0] == [
        (0, 2, "", "- Ready?"),
        (0, 2, "", "- Ready. Go on."),
        (3, 4, "", "- One line."),
        (5, 6, "", "Not all - do."),
    ]


@pytest.mark.parametrize(
    ("written", "speaker"),
    [
        ("Ann Lee: Hello.", "Ann Lee"),
        ("김민수: Hello.", "김민수"),
        ("김민수：Hello.", "김민수"),
        ("김민수:\nHello.", "김민수"),
        ("- Ann: Hello.", "Ann"),
        ("[Ann] Hello.", "Ann"),
        ("[SPEAKER_00]: Hello.", "SPEAKER_00"),
        ("(김민수) Hello.", "김민수"),
        ("【김민수】Hello.", "김민수"),
    ],
)
def test_names_that_open_most_cues_are_speakers(format_, header, written, speaker):
    assert read(format_, header, (0, 1, written), (2, 3, "(laughs)"))[0] == [
        (0, 1, speaker, "Hello."),
        (2, 3, "", "(laughs)"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        "So the question for all of us is: what?",
        "Who: me?",
        "[Music]",
        "(웃음)",
        "at 10:30 we met",
        "see https://x.org",
    ],
)
def test_what_only_looks_like_a_name_is_none(format_, header, written):
    assert read(format_, header, (0, 1, written), (2, 3, "Well."), (4, 5, "I see."))[0][0] == (0, 1, "", written)


def test_a_sound_in_brackets_is_what_a_cue_says(format_, header):
    assert texts(format_, header, (0, 1, "[Music]"), (2, 3, "[Applause]")) == ["[Music]", "[Applause]"]


def test_who_is_named_at_a_change_of_speaker_goes_on_until_the_next(format_, header):
    cues = (
        (0, 1, "Good evening."),
        (1, 2, "&gt;&gt; ANN LEE: We begin\nwith the budget."),
        (2, 3, "It is late."),
        (3, 4, "[APPLAUSE]"),
        (4, 5, "Thank you.\n&gt;&gt; BOB: Note: it is.\n&gt;&gt; No."),
        (5, 6, "Never."),
    )

    assert [said[2:] for said in read(format_, header, *cues)[0]] == [
        ("", "Good evening."),
        ("ANN LEE", "We begin with the budget."),
        ("ANN LEE", "It is late."),
        ("", "[APPLAUSE]"),
        ("ANN LEE", "Thank you."),
        ("BOB", "Note: it is."),
        ("", ">> No."),
        ("", "Never."),
    ]


def test_captions_that_roll_say_every_line_once_where_speakers_change_in_them_too(format_, header):
    cues = (0, 1, "we begin"), (1, 2, "we begin\n&gt;&gt; yes now"), (2, 3, "&gt;&gt; yes now\n&gt;&gt; good")

    assert texts(format_, header, *cues) == ["we begin", ">> yes now", ">> good"]


def test_more_cues_than_a_meeting_can_have_are_refused_on_the_line_of_the_first_too_many(monkeypatch, format_, header):
    monkeypatch.setattr(cues, "CUES_MAX", 10)
    line = header.count("\n") + 1 + 2 * 10

    with pytest.raises(InvalidRequest, match=f"line {line}: holds more than 10 cues"):
        format_.parse(header + "00:00:01.000 --> 00:00:02.000\nHi\n" * 11)


@pytest.mark.parametrize("written", ["결정: 예산을 승인한다", "ACTION: Kim writes it", "[결정] 예산을 승인한다"])
def test_the_mark_of_a_decision_is_no_name(format_, header, written):
    assert texts(format_, header, (0, 1, written), (2, 3, written)) == [written, written]


def test_a_number_below_zero_opens_no_dialogue(format_, header):
    assert texts(format_, header, (0, 1, "-1 degree\n-2 degrees")) == ["-1 degree -2 degrees"]
