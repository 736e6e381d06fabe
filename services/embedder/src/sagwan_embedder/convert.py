"""Protobuf to domain, with every violation found, and back."""

from google.protobuf import duration_pb2

from sagwan.embedder.v1 import embedder_pb2
from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.embedding import Embedded
from sagwan_runtime.errors import NotImplementedYet, Violation, refuse_if_any
from sagwan_runtime.validation import texts_violations

_TEXTS_MAX = 1_024
_TEXT_CHARACTERS_MAX = 100_000

_KINDS = {
    embedder_pb2.TEXT_KIND_QUERY: Kind.QUERY,
    embedder_pb2.TEXT_KIND_PASSAGE: Kind.PASSAGE,
}
_OVERLONG = (embedder_pb2.OVERLONG_POLICY_UNSPECIFIED, embedder_pb2.OVERLONG_POLICY_TRUNCATE)
_ENCODINGS = (
    embedder_pb2.VECTOR_ENCODING_UNSPECIFIED,
    embedder_pb2.VECTOR_ENCODING_PACKED,
    embedder_pb2.VECTOR_ENCODING_VALUES,
)


def texts_of(request: embedder_pb2.EmbedRequest) -> tuple[list[str], Kind]:
    """The texts of a request and what they are for.

    Raises:
        InvalidRequest: Fields are wrong; each text that cannot be embedded is named.
        NotImplementedYet: Overlong texts are to be treated in a way that this version does not know.
    """
    violations = list(
        texts_violations("texts", request.texts, count_min=1, count_max=_TEXTS_MAX, characters_max=_TEXT_CHARACTERS_MAX)
    )
    if request.kind not in _KINDS:
        violations.append(Violation("kind", "must be TEXT_KIND_QUERY or TEXT_KIND_PASSAGE"))
    if request.encoding not in _ENCODINGS:
        violations.append(Violation("encoding", f"{request.encoding} is not an encoding"))
    refuse_if_any(violations)
    if request.overlong_policy not in _OVERLONG:
        raise NotImplementedYet("overlong_policy: this version truncates only")
    return list(request.texts), _KINDS[request.kind]


def embed_response(
    embedded: Embedded, card: ModelCard, encoding: embedder_pb2.VectorEncoding.ValueType
) -> embedder_pb2.EmbedResponse:
    """Vectors as they go over the wire."""
    as_values = encoding == embedder_pb2.VECTOR_ENCODING_VALUES
    return embedder_pb2.EmbedResponse(
        embeddings=[
            embedder_pb2.Embedding(
                packed=b"" if as_values else vector.astype("<f4").tobytes(),
                values=vector.tolist() if as_values else (),
                token_count=token_count,
                truncated=truncated,
            )
            for vector, token_count, truncated in zip(
                embedded.vectors, embedded.token_counts, embedded.truncated, strict=True
            )
        ],
        model=model_message(card),
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


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
