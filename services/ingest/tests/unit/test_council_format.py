from datetime import date, datetime, timedelta, timezone

import pytest

from sagwan_ingest.domain.formats.council import FORMAT
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Mending

COUNCIL = """제10호
(21시17분 개의)
○위원장 김철수  의석을 정돈해 주시기 바랍니다.
  순서: 다음과 같습니다.
◯박영희 위원  (위원장석 앞에서)
  회의록을 봅니다.
○ 보고 사항
○교육정책국장 이순신\u3000네, 보고드리겠습니다.
○위원장 김철수
감사합니다.
○박영희 위원 수고하셨습니다.
"""

ASSEMBLY = """
제368회국회
사법개혁특별위원회회의록
제10호

국 회 사 무 처
일  시  2019년4월26일(금)
장  소  문화체육관광위원회회의실
    상정된 안건
1. 지정동의의 건\t3


(21시17분 개의)
&#9711;위원장 이상민  의석을 정돈해 주십시오. 사&#8228;보임
    (장내 소란)

  그러면 시작합니다.

1. 지정동의의 건
(21시24분)
&#9711;표창원 위원  참석을 안 하시니까.
(22시13분 산회)

&#9711;출석 위원(3인)
곽상도  박범계  이상민
&#9711;출석 전문위원

전문위원
전상수
"""


def spoken(text):
    (meeting,) = FORMAT.parse(text).meetings
    return [(each.speaker, each.text) for each in meeting.utterances]


def test_the_minutes_of_a_korean_council_are_read():
    assert spoken(COUNCIL) == [
        ("", "제10호\n(21시17분 개의)"),
        ("위원장 김철수", "의석을 정돈해 주시기 바랍니다.\n순서: 다음과 같습니다."),
        ("박영희 위원", "(위원장석 앞에서)\n회의록을 봅니다.\n○ 보고 사항"),
        ("교육정책국장 이순신", "네, 보고드리겠습니다."),
        ("위원장 김철수", "감사합니다."),
        ("박영희 위원", "수고하셨습니다."),
    ]


def test_the_agenda_and_the_attendance_are_nobodys_turn():
    assert spoken(ASSEMBLY) == [
        ("", "국 회 사 무 처"),
        ("", "상정된 안건\n1. 지정동의의 건\t3"),
        ("", "(21시17분 개의)"),
        ("위원장 이상민", "의석을 정돈해 주십시오. 사․보임\n(장내 소란)\n그러면 시작합니다."),
        ("", "1. 지정동의의 건\n(21시24분)"),
        ("표창원 위원", "참석을 안 하시니까.\n(22시13분 산회)"),
        ("", "◯출석 위원(3인)\n곽상도  박범계  이상민"),
        ("", "◯출석 전문위원"),
        ("", "전문위원\n전상수"),
    ]


def test_the_head_and_the_attendance_become_the_meetings_fields():
    transcript = FORMAT.parse(ASSEMBLY)
    (meeting,) = transcript.meetings

    assert meeting.title == "제368회국회 사법개혁특별위원회회의록 제10호"
    assert meeting.held_on == date(2019, 4, 26)
    assert meeting.started_at == datetime(2019, 4, 26, 21, 17, tzinfo=timezone(timedelta(hours=9)))
    assert meeting.participants == ("곽상도", "박범계", "이상민")
    assert meeting.attributes["장  소"] == "문화체육관광위원회회의실"
    assert transcript.mended == (
        Mending(0, "character references such as &#9711; were read as the characters they stand for"),
        Mending(0, "the time of the opening was taken for Korean time"),
    )


def test_a_name_with_nothing_after_it_is_left_out_and_reported():
    transcript = FORMAT.parse("○위원장 김철수\n○박영희 위원  네.\n")

    assert [each.speaker for each in transcript.meetings[0].utterances] == ["박영희 위원"]
    assert transcript.mended == (Mending(1, "name has no text after it; the turn was left out"),)


def test_what_has_the_marks_is_certain():
    assert FORMAT.sniff(COUNCIL) == FORMAT.sniff(ASSEMBLY) == CERTAIN
    assert FORMAT.sniff("○위원장 김철수  의석을 정돈해 주십시오.") == LIKELY


@pytest.mark.parametrize("text", ["○ 회의 개요\n○ 참석자\n○예산안을 심사하였습니다.", "김철수: 네.\n박영희: 네.", ""])
def test_a_list_with_round_bullets_is_no_councils_minutes(text):
    assert FORMAT.sniff(text) == NEVER
