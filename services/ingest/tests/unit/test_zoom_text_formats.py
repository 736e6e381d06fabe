import pytest

from sagwan_ingest.domain.formats import zoom_chat, zoom_transcript
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Mending
from sagwan_runtime.errors import InvalidRequest

ASSUMED = "times are times of day; they were counted from the first one, {}"


def started(transcript):
    (meeting,) = transcript.meetings
    return [(each.start_ms, each.speaker, each.text) for each in meeting.utterances]


def test_the_chat_of_a_cloud_recording_counts_from_its_start():
    text = '00:13:46\tAnn (host):\tgm\n00:14:00\tkingy_sigp:\tReplying to "gm"\n\nhello: all\n  two\n'

    transcript = zoom_chat.FORMAT.parse(text)

    assert started(transcript) == [
        (826_000, "Ann (host)", "gm"),
        (840_000, "kingy_sigp", 'Replying to "gm"\n\nhello: all\n  two'),
    ]
    assert transcript.mended == ()


@pytest.mark.parametrize(
    "text",
    [
        "10:00:01\t From  Ann : Hi\n10:00:05\t From  김철수 : 네\n",
        "10:00:01 From Ann to Everyone: Hi\n10:00:05 From 김철수 to Everyone : 네\n",
        "10:00:01 From  Ann  to  Everyone:\n\tHi\n10:00:05 From  김철수  to  Everyone:\n\t네\n",
        "10:00:01 발신자 Ann 수신자 모두에게:\n\tHi\n10:00:05 발신자 김철수 수신자 모두에게:\n\t네\n",
        "2024-03-05 10:00:01 From Ann to Everyone:\nHi\n2024-03-05 10:00:05 From 김철수 to Everyone:\n네\n",
    ],
)
def test_chats_of_the_desktop_client_count_from_the_first_message(text):
    transcript = zoom_chat.FORMAT.parse(text)

    assert zoom_chat.FORMAT.sniff(text) == CERTAIN
    assert started(transcript) == [(0, "Ann", "Hi"), (4_000, "김철수", "네")]
    assert transcript.mended == (Mending(0, ASSUMED.format("10:00:01")),)


def test_reactions_private_and_empty_messages_are_reported():
    text = (
        '00:00:01\tAnn:\tshipping today\n00:00:02\tBob:\tReacted to "shipping to..." with 🔥\n'
        '00:00:03\tCat:\tReacted to shipping to... with "🎉"\n00:00:04\tDan:\t\n'
        "00:00:05 From Eve to Ann(Direct Message):\n\tpsst\n"
    )

    transcript = zoom_chat.FORMAT.parse(text)

    assert [each.speaker for each in transcript.meetings[0].utterances] == ["Ann", "Eve"]
    assert [each.line for each in transcript.mended] == [2, 3, 4, 5]
    assert "reaction" in transcript.mended[0].what
    assert "whom" in transcript.mended[3].what


def test_many_reactions_are_summed_up():
    text = "00:00:01\tAnn:\thi\n" + '00:00:02\tBob:\tReacted to "hi" with 🔥\n' * 150

    mended = zoom_chat.FORMAT.parse(text).mended

    assert len(mended) == 101
    assert mended[-1].line == 0
    assert mended[-1].what.startswith("50 more places: ")


def test_a_saved_transcript_counts_from_its_first_time():
    text = "[Johnny Doe] 11:02:09\nHow are you?\nFine?\n\n[김철수] 11:02:11\n네.\n\n[Ann] 11:02:12\n"

    transcript = zoom_transcript.FORMAT.parse(text)

    assert zoom_transcript.FORMAT.sniff(text) == CERTAIN
    assert started(transcript) == [(0, "Johnny Doe", "How are you?\nFine?"), (2_000, "김철수", "네.")]
    assert transcript.mended == (
        Mending(0, ASSUMED.format("11:02:09")),
        Mending(8, "name has no text after it; the turn was left out"),
    )


def test_times_from_the_start_of_the_recording_are_kept():
    assert started(zoom_transcript.FORMAT.parse("[Ann] 00:04:09\nHi")) == [(249_000, "Ann", "Hi")]
    assert zoom_transcript.FORMAT.sniff("[Ann] 00:04:09\nHi") == LIKELY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ann: Hi.\nBob: Ho.",
        "[00:00:01] Ann: Hi",
        "00:00:01\tAnn\tHi",
        "00:00:01 Ann: Hi",
        "1\n00:00:01,000 --> 00:00:02,000\nHi",
        "[2024-03-05 10:00:01] INFO: x",
    ],
)
def test_other_text_is_neither(text):
    assert (zoom_chat.FORMAT.sniff(text), zoom_transcript.FORMAT.sniff(text)) == (NEVER, NEVER)


@pytest.mark.parametrize("parse", [zoom_chat.FORMAT.parse, zoom_transcript.FORMAT.parse])
def test_nothing_is_refused(parse):
    with pytest.raises(InvalidRequest, match="content: line 1"):
        parse("")
