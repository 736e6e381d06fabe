"""The conformance cases of vtt.js: what its parser and its renderer make of a file, and what is read here."""

import html
import json
import re
from itertools import groupby

import pytest

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_runtime.errors import InvalidRequest

pytestmark = pytest.mark.integration

CASES = 89

# What a case without a JSON file of its own is meant to give, by what its own suite compares it with.
SHARED = {
    "cue-settings_position": "bad-position",
    "cue-times": "with-data",
    "cue-times/missing-separator": "bad-data",
    "file-layout": "no-output",
    "file-layout/webvtt-no-bom": "with-data",
    "file-layout/webvtt-space": "with-data",
    "file-layout/webvtt-tab": "with-data",
    "file-layout/webvtt-with-bom": "with-data",
}

# Where the W3C's algorithm, which came later, reads a cue that vtt.js drops: times right under the signature, and times
# under an identifier that is an arrow.
READ_BESIDES = {
    "file-layout/header-no-new-line": [(11_000, 13_000, ["Test"], [])],
    "integration/id": [(4_000, 5_000, ["Test"], [])],
}


@pytest.fixture
def folder(eval_data):
    cases = eval_data / "formats" / "vttjs_conformance"
    if not cases.is_dir():
        pytest.skip("no conformance cases at ../shared/eval/formats/vttjs_conformance")
    return cases


def expected(folder, name):
    """(start, end, words, voices) of every cue that says something."""
    own = folder / f"{name}.json"
    shared = SHARED.get(name) or SHARED.get(name.split("/")[0], "")
    cues = json.loads((own if own.exists() else own.with_name(f"{shared}.json")).read_text())
    rendered = folder / f"{name}-proc.json"
    # Null where the renderer cannot render it; absent from a case that gives no cue.
    nodes = (json.loads(rendered.read_text()) if rendered.exists() else None) or []
    said = [(node["textContent"], list(voices(node))) for node in nodes]
    cues = cues["cues"] if cues else []
    if not said:
        said = [(html.unescape(re.sub(r"<[^>]*>?", "", cue["text"])), []) for cue in cues]
    return [
        (round(cue["startTime"] * 1_000), round(cue["endTime"] * 1_000), text.split(), names)
        for cue, (text, names) in zip(cues, said, strict=True)
        if text.split()
    ]


def voices(node):
    if node.get("title"):
        yield node["title"]
    for child in node.get("childNodes", []):
        yield from voices(child)


def read(path):
    try:
        (meeting,) = read_transcript(path.read_bytes(), Hints(file_name=path.name)).meetings
    except InvalidRequest:
        return []
    cues = groupby(meeting.utterances, key=lambda each: (each.start_ms, each.end_ms))
    return [
        (*times, [word for each in said for word in each.text.split()], [each.speaker for each in said if each.speaker])
        for times, group in cues
        for said in [list(group)]
    ]


def test_every_case_is_read_as_it_is_meant_to_be_and_one_that_says_nothing_is_refused(folder):
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.vtt"))
    assert len(names) == CASES

    differing = {}
    for name in names:
        meant, given = expected(folder, name), read(folder / f"{name}.vtt")
        besides = READ_BESIDES.get(name, [])
        if sorted(given) != sorted(meant + besides):
            differing[name] = (meant, given)

    assert differing == {}
