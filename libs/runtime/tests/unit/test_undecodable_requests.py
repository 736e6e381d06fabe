"""Requests whose bytes are not the message that they should be."""

from hypothesis import given
from hypothesis import strategies as st

from sagwan.embedder.v1 import embedder_pb2
from sagwan_runtime.decoding import Undecodable, tolerant

decode = tolerant(embedder_pb2.EmbedRequest.FromString)
decode_streamed = tolerant(embedder_pb2.EmbedStreamRequest.FromString)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NOT_UTF8 = [b"\xed\xa0\x80", b"\xff", b"caf\xe9", b"\xb0\xa1"]


def field(number, value):
    """A length-delimited field on the wire."""
    return bytes([number << 3 | 2, len(value)]) + value


def fields_of(undecodable):
    return [violation.field for violation in undecodable.error.violations]


@given(st.lists(words, max_size=10))
def test_a_sound_request_is_decoded_as_ever(texts):
    request = embedder_pb2.EmbedRequest(texts=texts, kind=embedder_pb2.TEXT_KIND_QUERY)
    assert decode(request.SerializeToString()) == request


@given(st.lists(words, max_size=10), st.sampled_from(NOT_UTF8), st.data())
def test_a_text_that_is_not_utf8_is_named_by_its_index(texts, bad, data):
    index = data.draw(st.integers(min_value=0, max_value=len(texts)))
    encoded = [text.encode() for text in texts]
    encoded.insert(index, b"ok " + bad)
    decoded = decode(b"".join(field(1, text) for text in encoded))
    assert isinstance(decoded, Undecodable)
    assert fields_of(decoded) == [f"texts[{index}]"]
    assert "position 3" in decoded.error.violations[0].reason or bad == b"caf\xe9"


def test_every_such_text_is_named_and_one_inside_a_message_by_its_path():
    batch = field(1, b"\xff") + field(1, b"fine") + field(1, b"\xfe")
    decoded = decode_streamed(bytes([1 << 3, 7]) + field(2, batch))
    assert fields_of(decoded) == ["batch.texts[0]", "batch.texts[2]"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_the_callers_mistake(data):
    decoded = decode_streamed(data)
    assert isinstance(decoded, embedder_pb2.EmbedStreamRequest) or decoded.error.violations


def test_bytes_that_make_no_sense_are_called_by_the_message_they_are_not():
    (violation,) = decode(b"\x0a\xff").error.violations
    assert "sagwan.embedder.v1.EmbedRequest" in violation.reason
