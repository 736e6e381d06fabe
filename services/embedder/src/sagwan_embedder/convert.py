"""Protobuf to domain, with every violation found, and back."""

from collections.abc import Iterator, Sequence

from google.protobuf import duration_pb2

from sagwan.embedder.v1 import embedder_pb2
from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.domain.windows import Overlong
from sagwan_embedder.embedding import Embedded, Request
from sagwan_runtime.errors import Violation, refuse_if_any
from sagwan_runtime.validation import texts_violations

_TEXTS_MAX = 1_024
_TEXT_CHARACTERS_MAX = 100_000

_KINDS = {
    embedder_pb2.TEXT_KIND_QUERY: Kind.QUERY,
    embedder_pb2.TEXT_KIND_PASSAGE: Kind.PASSAGE,
}
_OVERLONG = {
    embedder_pb2.OVERLONG_POLICY_UNSPECIFIED: Overlong.TRUNCATE,
    embedder_pb2.OVERLONG_POLICY_TRUNCATE: Overlong.TRUNCATE,
    embedder_pb2.OVERLONG_POLICY_REFUSE: Overlong.REFUSE,
    embedder_pb2.OVERLONG_POLICY_WINDOW: Overlong.WINDOW,
}
_ENCODINGS = (
    embedder_pb2.VECTOR_ENCODING_UNSPECIFIED,
    embedder_pb2.VECTOR_ENCODING_PACKED,
    embedder_pb2.VECTOR_ENCODING_VALUES,
)


def request_of(request: embedder_pb2.EmbedRequest, *, caller: str, deadline_s: float) -> Request:
    """What a request asks for.

    Raises:
        InvalidRequest: Fields are wrong; each text that cannot be embedded is named.
    """
    violations = list(_texts_violations(request.texts, request.kind))
    if request.encoding not in _ENCODINGS:
        violations.append(Violation("encoding", f"{request.encoding} is not an encoding"))
    if request.overlong_policy not in _OVERLONG:
        violations.append(Violation("overlong_policy", f"{request.overlong_policy} is not a policy"))
    refuse_if_any(violations)
    overlong = _OVERLONG[request.overlong_policy]
    return Request(list(request.texts), _KINDS[request.kind], overlong, caller, deadline_s)


def counted_texts_of(request: embedder_pb2.CountTokensRequest) -> tuple[list[str], Kind]:
    """The texts whose tokens are to be counted, and what they are for.

    Raises:
        InvalidRequest: Fields are wrong; each text that cannot be embedded is named.
    """
    refuse_if_any(_texts_violations(request.texts, request.kind))
    return list(request.texts), _KINDS[request.kind]


def embed_response(
    embedded: Embedded, model: embedder_pb2.Model, encoding: embedder_pb2.VectorEncoding.ValueType
) -> embedder_pb2.EmbedResponse:
    """Vectors as they go over the wire."""
    as_values = encoding == embedder_pb2.VECTOR_ENCODING_VALUES
    return embedder_pb2.EmbedResponse(
        embeddings=[
            embedder_pb2.Embedding(
                packed=b"" if as_values else vector.values.astype("<f4", copy=False).tobytes(),
                values=vector.values.tolist() if as_values else (),
                token_count=vector.token_count,
                truncated=vector.truncated,
            )
            for vector in embedded.vectors
        ],
        model=model,
        timings=embedder_pb2.EmbedTimings(
            tokenize=_duration(embedded.timings.tokenize_s),
            queue=_duration(embedded.timings.queue_s),
            inference=_duration(embedded.timings.inference_s),
        ),
    )


def model_message(card: ModelCard) -> embedder_pb2.Model:
    """The identity of a model as it goes over the wire."""
    return embedder_pb2.Model(
        name=card.name,
        revision=card.revision,
        quantization=card.quantization,
        sha256=card.sha256,
        dimension=card.dimension,
        tokens_max=card.tokens_max,
    )


def _texts_violations(texts: Sequence[str], kind: embedder_pb2.TextKind.ValueType) -> Iterator[Violation]:
    yield from texts_violations("texts", texts, count_min=1, count_max=_TEXTS_MAX, characters_max=_TEXT_CHARACTERS_MAX)
    if kind not in _KINDS:
        yield Violation("kind", "must be TEXT_KIND_QUERY or TEXT_KIND_PASSAGE")


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
