"""The service as its callers see it: every RPC, every way of asking, and whatever texts people have."""

import json
import os
import random
import subprocess
import sys
import time

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc

pytestmark = pytest.mark.integration

PASSAGE, QUERY = embedder_pb2.TEXT_KIND_PASSAGE, embedder_pb2.TEXT_KIND_QUERY
LONG = "안건을 심의한다. " * 300 + "예산은 늘린다."
WORDS = ["예산", "회의", "the", "결정", "schedule", "review", "서버", "budget", "안건", "3분기", "동의합니다"]
START_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def address(model_dir, tmp_path_factory):
    """Where a service of its own listens."""
    log = tmp_path_factory.mktemp("embedder") / "log"
    environment = os.environ | {
        "SAGWAN_EMBEDDER_MODEL": str(model_dir),
        "SAGWAN_EMBEDDER_PORT": "0",
        "SAGWAN_EMBEDDER_METRICS_PORT": "0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, "-m", "sagwan_embedder"], env=environment, stderr=file, stdout=file)
    give_up = time.monotonic() + START_TIMEOUT_S
    try:
        while not (lines := [line for line in log.read_text().splitlines() if '"listening"' in line]):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < give_up, log.read_text()
            time.sleep(0.05)
        yield f"127.0.0.1:{json.loads(lines[0])['port']}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def stub(address):
    with grpc.insecure_channel(address) as channel:
        yield embedder_pb2_grpc.EmbedderServiceStub(channel)


@pytest.fixture(scope="module")
def embed_bytes(address):
    """Embed with a request that no protobuf library would write."""
    with grpc.insecure_channel(address) as channel:
        yield channel.unary_unary(
            "/sagwan.embedder.v1.EmbedderService/Embed",
            request_serializer=bytes,
            response_deserializer=embedder_pb2.EmbedResponse.FromString,
        )


def request_of(*texts, kind=PASSAGE, **options):
    return embedder_pb2.EmbedRequest(texts=texts, kind=kind, **options)


def vectors_of(response):
    return np.stack([np.frombuffer(each.packed, "<f4") for each in response.embeddings])


def violated_fields(error):
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    bad_request = error_details_pb2.BadRequest()
    for detail in rpc_status.from_call(error).details:
        detail.Unpack(bad_request)
    return [violation.field for violation in bad_request.field_violations]


def texts_of_words(count, words_max):
    chosen = random.Random(11)
    return [" ".join(chosen.choices(WORDS, k=chosen.randint(1, words_max))) for _ in range(count)]


def refusal_of(call, request):
    with pytest.raises(grpc.RpcError) as refused:
        call(request)
    return refused.value


def test_every_answer_names_the_model_and_where_the_time_went(stub):
    response = stub.Embed(request_of("회의를 시작하겠습니다."))
    model = stub.GetModel(embedder_pb2.GetModelRequest())
    assert response.model == model
    assert (model.name, model.quantization) == ("intfloat/multilingual-e5-small", "int8")
    assert (model.dimension, model.tokens_max, len(model.sha256)) == (384, 512, 64)
    assert model.revision
    timings = response.timings
    assert timings.inference.ToNanoseconds() > 0
    assert timings.tokenize.ToNanoseconds() > 0
    assert timings.HasField("queue")


def test_vectors_travel_packed_or_as_numbers_and_are_the_same(stub):
    text = "예산 심의"
    packed = stub.Embed(request_of(text, encoding=embedder_pb2.VECTOR_ENCODING_PACKED))
    values = stub.Embed(request_of(text, encoding=embedder_pb2.VECTOR_ENCODING_VALUES))
    assert not packed.embeddings[0].values
    assert not values.embeddings[0].packed
    assert np.array_equal(vectors_of(packed)[0], np.array(values.embeddings[0].values, np.float32))


def test_a_stream_is_answered_in_order_with_the_vectors_of_single_calls(stub):
    batches = [["첫째 안건"], ["second item", "둘째 안건 " * 60], ["third item"]]
    requests = [
        embedder_pb2.EmbedStreamRequest(sequence=7 + number, batch=request_of(*texts))
        for number, texts in enumerate(batches)
    ]
    responses = list(stub.EmbedStream(iter(requests)))
    assert [response.sequence for response in responses] == [7, 8, 9]
    for texts, response in zip(batches, responses, strict=True):
        cosines = np.sum(vectors_of(response.batch) * vectors_of(stub.Embed(request_of(*texts))), axis=1)
        assert cosines.min() >= 0.999
        assert response.batch.model.dimension == 384


def test_a_stream_ends_at_a_batch_that_cannot_be_embedded_and_names_it(stub):
    requests = [
        embedder_pb2.EmbedStreamRequest(sequence=1, batch=request_of("fine")),
        embedder_pb2.EmbedStreamRequest(sequence=2, batch=request_of("fine", " ")),
    ]
    responses = stub.EmbedStream(iter(requests))
    assert next(responses).sequence == 1
    with pytest.raises(grpc.RpcError) as refused:
        next(responses)
    assert violated_fields(refused.value) == ["batch.texts[1]"]


def test_tokens_are_counted_as_the_model_sees_them(stub):
    texts = ["예산 심의", "budget", LONG]
    counts = stub.CountTokens(embedder_pb2.CountTokensRequest(texts=texts, kind=QUERY)).token_counts
    embedded = stub.Embed(request_of(*texts, kind=QUERY)).embeddings
    assert list(counts[:2]) == [each.token_count for each in embedded[:2]]
    assert counts[2] > 512 == embedded[2].token_count


def test_an_overlong_text_is_truncated_refused_or_windowed_as_the_caller_asks(stub):
    truncated = stub.Embed(request_of("짧다.", LONG))
    assert [each.truncated for each in truncated.embeddings] == [False, True]
    refused = refusal_of(stub.Embed, request_of("짧다.", LONG, overlong_policy=embedder_pb2.OVERLONG_POLICY_REFUSE))
    assert violated_fields(refused) == ["texts[1]"]
    windowed = stub.Embed(request_of(LONG, overlong_policy=embedder_pb2.OVERLONG_POLICY_WINDOW)).embeddings[0]
    assert not windowed.truncated
    assert windowed.token_count > 512
    assert np.isclose(np.linalg.norm(np.frombuffer(windowed.packed, "<f4")), 1)


def test_the_windows_of_a_long_text_hold_what_the_cut_one_has_lost(stub):
    tail = "서버 이전 일정을 두 주 미루기로 했습니다. " * 40
    text = "학교 급식의 질을 높여야 한다는 지적이 있었다. " * 30 + tail
    cut = vectors_of(stub.Embed(request_of(text)))[0]
    windowed = vectors_of(stub.Embed(request_of(text, overlong_policy=embedder_pb2.OVERLONG_POLICY_WINDOW)))[0]
    of_the_tail = vectors_of(stub.Embed(request_of(tail)))[0]
    assert windowed @ of_the_tail > cut @ of_the_tail


def test_texts_of_all_lengths_come_back_in_order(stub):
    texts = texts_of_words(12, 60)
    alone = np.concatenate([vectors_of(stub.Embed(request_of(text))) for text in texts])
    assert np.sum(vectors_of(stub.Embed(request_of(*texts))) * alone, axis=1).min() >= 0.999


def test_callers_at_once_get_their_own_vectors(stub):
    texts = texts_of_words(6, 40)
    alone = np.concatenate([vectors_of(stub.Embed(request_of(text))) for text in texts])
    calls = [stub.Embed.future(request_of(text)) for text in texts]
    together = np.concatenate([vectors_of(call.result()) for call in calls])
    assert np.sum(together * alone, axis=1).min() >= 0.999


def test_equal_texts_get_equal_vectors_wherever_they_stand(stub):
    vectors = vectors_of(stub.Embed(request_of("같은 말", "다른 말", "같은 말")))
    assert np.array_equal(vectors[0], vectors[2])


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n\u3000", "a\0b", "가" * 100_001, "x" * 1_000_000],
    ids=["empty", "space", "white space", "NUL", "one too many", "1 MB"],
)
def test_a_text_that_cannot_be_embedded_is_named_by_its_index(stub, text):
    assert violated_fields(refusal_of(stub.Embed, request_of("fine", text))) == ["texts[1]"]
    count = embedder_pb2.CountTokensRequest(texts=["fine", "fine", text], kind=PASSAGE)
    assert violated_fields(refusal_of(stub.CountTokens, count)) == ["texts[2]"]


def test_a_lone_surrogate_is_named_by_its_index(embed_bytes):
    texts = [b"fine", "\ud83d".encode("utf-8", "surrogatepass")]
    message = b"".join(b"\x0a" + bytes([len(text)]) + text for text in texts) + b"\x10\x02"
    assert violated_fields(refusal_of(embed_bytes, message)) == ["texts[1]"]


def test_too_many_texts_are_refused_with_the_limit(stub):
    refused = refusal_of(stub.Embed, request_of(*["x"] * 10_000))
    assert violated_fields(refused) == ["texts"]
    assert "1,024" in refused.details()


def test_fields_out_of_range_are_all_named(stub):
    request = embedder_pb2.EmbedRequest(texts=["x"], overlong_policy=9, encoding=9)
    assert set(violated_fields(refusal_of(stub.Embed, request))) == {"kind", "overlong_policy", "encoding"}


odd_texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
    st.text(st.sampled_from("🙏🎉👍🏽👩‍👩‍👧‍👦🇰🇷"), min_size=1, max_size=100),
    st.text(st.sampled_from(" \t\r\n\u00a0\u200b\u3000\ufeff"), min_size=1, max_size=20),
    st.text(st.sampled_from("\u0301\u1100\u1161\u11a8\u200d\ufe0f"), min_size=1, max_size=50),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(odd_texts, min_size=1, max_size=6), st.sampled_from([PASSAGE, QUERY]))
def test_any_texts_get_unit_vectors_or_are_named(stub, texts, kind):
    unusable = [f"texts[{index}]" for index, text in enumerate(texts) if "\0" in text or not text.strip()]
    request = request_of(*texts, kind=kind)
    if unusable:
        assert violated_fields(refusal_of(stub.Embed, request)) == unusable
    else:
        vectors = vectors_of(stub.Embed(request))
        assert vectors.shape == (len(texts), 384)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
