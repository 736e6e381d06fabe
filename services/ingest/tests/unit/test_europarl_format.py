from sagwan_ingest.domain.formats.europarl import FORMAT
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Mending

DEBATE = """<CHAPTER ID="019">
The welfare of animals (debate)
<SPEAKER ID="210" NAME="President">
The next item is the report.
<SPEAKER ID="211" NAME="Ann O&apos;Neill " LANGUAGE="DE">
Mr President, a < b.
<P>
I thank you.
<SPEAKER ID="212" NAME="Bob">
"""


def test_a_debate_is_read_by_speaker_and_paragraph():
    transcript = FORMAT.parse(DEBATE)
    (meeting,) = transcript.meetings

    assert meeting.title == "The welfare of animals (debate)"
    assert [(each.speaker, each.text) for each in meeting.utterances] == [
        ("President", "The next item is the report."),
        ("Ann O'Neill", "Mr President, a < b."),
        ("Ann O'Neill", "I thank you."),
    ]
    assert transcript.mended == (Mending(9, "name has no text after it; the turn was left out"),)


def test_the_headings_of_several_debates_stay_where_they_are():
    (meeting,) = FORMAT.parse(DEBATE + DEBATE.replace("animals", "fish")).meetings

    assert meeting.title == ""
    assert [each.text for each in meeting.utterances if not each.speaker] == [
        "The welfare of animals (debate)",
        "The welfare of fish (debate)",
    ]


def test_only_its_own_tags_are_taken():
    assert FORMAT.sniff(DEBATE) == CERTAIN
    assert FORMAT.sniff("<html><P>Hi</P></html>") == FORMAT.sniff("<SPEAKERS>\nAnn") == FORMAT.sniff("") == NEVER
