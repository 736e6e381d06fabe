"""After everything that the stack has done: no key, no question and no meeting's word is where operators look."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from stack import ROOT
from working import QUESTIONS, SPOKEN

SAMPLES = ROOT / "samples" / "meetings"


def spoken():
    """Lines of the samples that are long enough to be nobody else's."""
    for file in sorted(SAMPLES.iterdir()):
        for line in file.read_text(encoding="utf-8").splitlines():
            words = re.sub(r"<[^>]+>", "", line).strip()
            if len(words) > 30 and "-->" not in words and not words.startswith(("{", "NOTE", "WEBVTT")):
                yield words


@pytest.fixture(scope="module")
def logs(watched):
    described = watched.stack.description["services"]
    return {name: Path(each["log"]).read_text(encoding="utf-8") for name, each in described.items()}


@pytest.fixture(scope="module")
def pages(watched):
    found = {}
    for service in watched.stack.description["services"]:
        address = f"http://{watched.stack.metrics_address(service)}/metrics"
        # With exemplars, which the plain format leaves out.
        request = urllib.request.Request(address, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found[service] = answer.read().decode()
    return found


@pytest.fixture(scope="module")
def seen(watched, logs, pages):
    """Everything that an operator can read, by where."""
    spans = "\n".join(f"{service} {span}" for service, span in watched.collector.spans)
    own = (watched.stack.home / "up.log").read_text(encoding="utf-8")
    return {**{f"log of {k}": v for k, v in logs.items()}, **{f"page of {k}": v for k, v in pages.items()}} | {
        "spans": spans,
        "output of up": own,
    }


def test_there_is_much_to_read(seen, logs):
    assert {"log of search", "page of search", "spans", "output of up"} <= set(seen)
    assert all(len(text) > 100 for text in seen.values()), {where: len(text) for where, text in seen.items()}
    assert len(seen["spans"]) > 100_000
    assert all(logs.values())


def test_no_key_is_told(seen, watched):
    key = watched.stack.api_key
    for where, text in seen.items():
        assert key not in text, where
        assert "sgw_made_up" not in text, where
        assert key.removeprefix("sgw_")[:12] not in text, where


def test_no_question_is_told(seen):
    for where, text in seen.items():
        for question in QUESTIONS:
            assert question not in text, where
            assert json.dumps(question)[1:-1] not in text, where


def test_no_word_of_a_meeting_is_told(seen):
    said = [*spoken(), SPOKEN]
    assert len(said) > 200
    for where, text in seen.items():
        for words in said:
            assert words not in text, where
            # As JSON and as protobuf's text format write what is not ASCII.
            assert json.dumps(words)[1:-1] not in text, where
            octal = "".join(chr(b) if 32 <= b < 127 else f"\\{b:03o}" for b in words.encode())
            assert octal not in text, where


@pytest.mark.parametrize("service", ["embedder", "ingest", "search"])
def test_every_line_of_a_log_is_an_object_that_says_who_and_when(logs, service):
    lines = [json.loads(line) for line in logs[service].splitlines() if line.startswith("{")]
    others = [line for line in logs[service].splitlines() if not line.startswith("{")]
    assert lines
    assert {each["service"] for each in lines} == {f"sagwan-{service}"}
    assert all({"event", "level", "timestamp"} <= set(each) for each in lines)
    # gRPC's C core writes by itself, in its own way.
    assert all(re.match(r"(WARNING: All log messages|[IWE]\d{4} )", each) for each in others), others


def test_what_a_call_logs_carries_its_trace(logs):
    lines = [json.loads(line) for line in logs["search"].splitlines() if line.startswith("{")]
    of_calls = [each for each in lines if each.get("method")]
    assert of_calls
    assert all(re.fullmatch(r"[0-9a-f]{32}", each["trace_id"]) for each in of_calls)
