"""What is put after an exported graph, on a graph that looks vectors of tokens up in a table."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sagwan_embedder.build.head import Activation, Projection, add_head
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import ModelUnusable, Pooling

HIDDEN = 6
TABLE = np.random.default_rng(5).standard_normal((9, HIDDEN)).astype(np.float32)
TEXTS = [[1, 2, 3, 4], [5], [6, 7], [8, 1, 2]]
# What each pooling is, by its definition, of the vectors of one text's tokens.
POOLED = {
    Pooling.MEAN: lambda tokens: tokens.mean(axis=0),
    Pooling.CLS: lambda tokens: tokens[0],
    Pooling.MAX: lambda tokens: tokens.max(axis=0),
    Pooling.MEAN_SQRT_LEN_TOKENS: lambda tokens: tokens.sum(axis=0) / np.sqrt(len(tokens)),
    Pooling.WEIGHTED_MEAN: lambda tokens: np.average(tokens, axis=0, weights=np.arange(1, len(tokens) + 1)),
    Pooling.LAST_TOKEN: lambda tokens: tokens[-1],
}


def exported(*, inputs=("input_ids", "attention_mask", "token_type_ids"), output="last_hidden_state"):
    """A graph as exporters write it: segments move every vector, so they must be zero."""
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["words"])]
    if "token_type_ids" in inputs:
        nodes += [
            helper.make_node("Cast", ["token_type_ids"], ["segments"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["segments", "last"], ["moved"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["nothing"], ["moved"]))
    nodes.append(helper.make_node("Add", ["words", "moved"], [output]))
    graph = helper.make_graph(
        nodes,
        "exported",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "tokens", HIDDEN])],
        [
            numpy_helper.from_array(TABLE, "table"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def vectors_of(model):
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = padded([np.array(text, np.int32) for text in TEXTS])
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    return session.run(["embeddings"], inputs)[0]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("pooling", Pooling)
def test_each_pooling_is_what_its_name_says_of_every_text_of_a_padded_batch(pooling):
    model = exported()
    add_head(model, pooling, [], dimension=HIDDEN)
    expected = np.stack([POOLED[pooling](TABLE[text]) for text in TEXTS])
    np.testing.assert_allclose(vectors_of(model), unit(expected), atol=1e-6)


def test_a_graph_without_segments_is_as_good():
    model = exported(inputs=("input_ids", "attention_mask"), output="token_embeddings")
    add_head(model, Pooling.MEAN, [], dimension=HIDDEN)
    np.testing.assert_allclose(vectors_of(model), unit(np.stack([TABLE[text].mean(0) for text in TEXTS])), atol=1e-6)


def test_projections_follow_pooling_in_their_order():
    numbers = np.random.default_rng(6)
    layers = [
        Projection(
            numbers.standard_normal((4, HIDDEN)).astype(np.float32),
            numbers.standard_normal(4).astype(np.float32),
            Activation.TANH,
        ),
        Projection(numbers.standard_normal((3, 4)).astype(np.float32), np.zeros(3, np.float32), Activation.IDENTITY),
    ]
    model = exported()
    add_head(model, Pooling.MEAN, layers, dimension=3)
    means = np.stack([TABLE[text].mean(axis=0) for text in TEXTS])
    expected = np.tanh(means @ layers[0].weight.T + layers[0].bias) @ layers[1].weight.T
    np.testing.assert_allclose(vectors_of(model), unit(expected), atol=1e-6)


def test_a_shorter_dimension_keeps_the_first_numbers_at_unit_length():
    model = exported()
    add_head(model, Pooling.CLS, [], dimension=2)
    np.testing.assert_allclose(vectors_of(model), unit(TABLE[[text[0] for text in TEXTS], :2]), atol=1e-6)


@pytest.mark.parametrize(
    ("graph", "named"),
    [
        (exported(inputs=("input_ids", "attention_mask", "token_type_ids", "pixel_values")), "pixel_values"),
        (exported(output="logits"), "last_hidden_state"),
    ],
)
def test_a_graph_that_needs_or_gives_something_else_is_refused(graph, named):
    with pytest.raises(ModelUnusable, match=named):
        add_head(graph, Pooling.MEAN, [], dimension=HIDDEN)
