"""A container of the weights' layout, small enough to be written by hand."""

import struct

import numpy as np
import pytest

from sagwan_embedder.build.graph import quantized_rows
from sagwan_embedder.build.weights import UnreadableWeights, Weights

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "회의", "▁a"]
SCALES = [0.5, 2.0]
NIBBLES = [list(range(16)) * 2, [15] * 32]


def q4_0_block(scale, nibbles):
    low, high = nibbles[:16], nibbles[16:]
    return struct.pack("<e16B", scale, *(a | b << 4 for a, b in zip(low, high, strict=True)))


def container(*, magic=b"E5S1", version=1, block=32):
    encoded = [piece.encode() for piece in PIECES]
    blob = b"".join(encoded)
    offsets = np.cumsum([0, *map(len, encoded)]).astype("<u4").tobytes()
    scores = np.arange(len(PIECES), dtype="<f4").tobytes()
    head = magic + struct.pack("<I7ifi", version, 32, 1, 1, 64, 2, 4, 2, 1e-12, block)
    vocabulary = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + offsets + scores + blob
    folding = (
        struct.pack("<iI", 2, 18) + struct.pack("<IB2I", ord("㎏"), 2, ord("k"), ord("g")) + struct.pack("<IB", 0xAD, 0)
    )
    matrix = b"".join(map(q4_0_block, SCALES, NIBBLES))
    vector = np.array([1.5, -2.5], "<f4").tobytes()
    entries = [("m", 1, 64, matrix), ("v", 0, 2, vector)]
    directory_bytes = 4 + sum(2 + len(name) + 21 for name, *_ in entries)
    offset = len(head) + len(vocabulary) + len(folding) + directory_bytes
    directory = struct.pack("<i", len(entries))
    for name, kind, elements, data in entries:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, elements, offset, len(data))
        offset += len(data)
    return head + vocabulary + folding + directory + matrix + vector


def test_the_head_and_the_vocabulary_are_read():
    weights = Weights(container())
    assert (weights.shape.hidden, weights.shape.layers, weights.shape.feed_forward) == (32, 1, 64)
    assert weights.vocabulary.pieces == PIECES
    assert weights.vocabulary.scores.tolist() == [0, 1, 2, 3, 4, 5]
    assert (weights.vocabulary.bos, weights.vocabulary.pad, weights.vocabulary.eos) == (0, 1, 2)
    assert weights.vocabulary.normalization == {"㎏": "kg", "\N{SOFT HYPHEN}": ""}


def test_a_nibble_less_eight_times_the_scale_of_its_block_is_the_value():
    matrix = Weights(container()).matrix("m", 32)
    expected = [[(nibble - 8) * scale for nibble in row] for scale, row in zip(SCALES, NIBBLES, strict=True)]
    assert matrix.dtype == np.float32
    assert matrix.tolist() == expected


def test_some_rows_are_the_same_rows():
    weights = Weights(container())
    assert weights.matrix("m", 32, slice(1, 9)).tolist() == weights.matrix("m", 32)[1:].tolist()


def test_a_vector_is_read_as_it_is():
    assert Weights(container()).vector("v").tolist() == [1.5, -2.5]


@pytest.mark.parametrize("name", ["absent", "m"])
def test_a_tensor_that_is_missing_or_of_another_type_is_named(name):
    with pytest.raises(UnreadableWeights, match=name):
        Weights(container()).vector(name)


@pytest.mark.parametrize("data", [b"", b"E5S1", container()[:90], container(magic=b"GGUF"), container(version=2)])
def test_a_damaged_or_unknown_file_is_refused(data):
    with pytest.raises(UnreadableWeights):
        Weights(data)


def test_int8_rows_come_back_within_half_a_step():
    values = np.random.default_rng(7).normal(size=(50, 384)).astype(np.float32)
    values[3] = 0
    integers, scales = quantized_rows(values)
    assert integers.dtype == np.int8
    assert np.abs(integers).max() == 127
    restored = integers.astype(np.float32) * scales[:, None]
    assert np.all(np.abs(restored - values) <= scales[:, None] * 0.501)
    assert not integers[3].any()
