"""The one table from domain errors to gRPC status, with details that a caller can act on."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2

from sagwan_runtime.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    NotImplementedYet,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    SagwanError,
    Unauthenticated,
)

_DOMAIN = "sagwan"
_DETAILS_KEY = "grpc-status-details-bin"
_PUSHBACK_KEY = "grpc-retry-pushback-ms"
# gRPC drops a status whose metadata is larger than 8 KiB, after percent-encoding (x 3) the message and base64 (x 4/3).
_MESSAGE_BYTES_MAX = 600
_VIOLATIONS_BYTES_MAX = 2_400

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class RichStatus:
    """A gRPC status ready to be sent.

    Attributes:
        code: The status code.
        message: For a person.
        trailing_metadata: Carries google.rpc.Status with its details and, where it helps, a retry pushback.
    """

    code: grpc.StatusCode
    message: str
    trailing_metadata: Metadata


def rich_status(error: SagwanError) -> RichStatus:
    """The status of a domain error. An error that is not in the table is INTERNAL."""
    for kind, code, details_of in _TABLE:
        if isinstance(error, kind):
            return _rich(error, code, details_of(error))
    return internal_status()


def internal_status() -> RichStatus:
    """The status of a fault of ours: it says nothing about its cause, which is in the log."""
    return RichStatus(grpc.StatusCode.INTERNAL, "internal error", ())


def status_code_number(code: grpc.StatusCode) -> int:
    """The number that google.rpc.Status and batch items use for a code."""
    return int(code.value[0])


def status_name(number: int) -> str:
    """The name of a code by its number, as metrics and spans have it."""
    return next((each.name for each in grpc.StatusCode if each.value[0] == number), grpc.StatusCode.UNKNOWN.name)


def _rich(error: SagwanError, code: grpc.StatusCode, details: list[message.Message]) -> RichStatus:
    text = _shortened(str(error), _MESSAGE_BYTES_MAX)
    status = status_pb2.Status(code=status_code_number(code), message=text)
    state = error.state if isinstance(error, Overloaded) else {}
    reason = error_details_pb2.ErrorInfo(reason=_reason(type(error)), domain=_DOMAIN, metadata=state)
    for detail in [reason, *details]:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    metadata: Metadata = ((_DETAILS_KEY, status.SerializeToString()),)
    if isinstance(error, Overloaded | DependencyUnavailable):
        metadata += ((_PUSHBACK_KEY, str(error.retry_after_ms)),)
    return RichStatus(code, text, metadata)


def _reason(kind: type[SagwanError]) -> str:
    """`InvalidRequest` becomes `INVALID_REQUEST`, as google.rpc.ErrorInfo wants it."""
    name = kind.__name__
    return "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(name)).upper()


def _field_violations(error: InvalidRequest) -> list[message.Message]:
    """As many of the violations as fit, and at least the first; the last one says how many are left out."""
    violations: list[error_details_pb2.BadRequest.FieldViolation] = []
    left_bytes = _VIOLATIONS_BYTES_MAX
    for each in error.violations:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_shortened(each.field, _MESSAGE_BYTES_MAX), description=_shortened(each.reason, _MESSAGE_BYTES_MAX)
        )
        left_bytes -= violation.ByteSize()
        if left_bytes < 0:
            break
        violations.append(violation)
    left_out = len(error.violations) - len(violations)
    if left_out:
        violations.append(error_details_pb2.BadRequest.FieldViolation(description=f"and {left_out:,} more"))
    return [error_details_pb2.BadRequest(field_violations=violations)]


def _shortened(text: str, bytes_max: int) -> str:
    encoded = text.encode()
    if len(encoded) <= bytes_max:
        return text
    return encoded[:bytes_max].decode(errors="ignore") + "…"


def _resource(error: NotFound) -> list[message.Message]:
    kind = error.resource.split("/", maxsplit=1)[0]
    name = _shortened(error.resource, _MESSAGE_BYTES_MAX)
    return [error_details_pb2.ResourceInfo(resource_type=_shortened(kind, _MESSAGE_BYTES_MAX), resource_name=name)]


def _precondition(error: PreconditionFailed) -> list[message.Message]:
    kind = error.resource.split("/", maxsplit=1)[0]
    violation = error_details_pb2.PreconditionFailure.Violation(
        type=_shortened(kind, _MESSAGE_BYTES_MAX),
        subject=_shortened(error.resource, _MESSAGE_BYTES_MAX),
        description=_shortened(str(error), _MESSAGE_BYTES_MAX),
    )
    return [error_details_pb2.PreconditionFailure(violations=[violation])]


def _retry(error: Overloaded | DependencyUnavailable) -> list[message.Message]:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(error.retry_after_ms)
    return [error_details_pb2.RetryInfo(retry_delay=delay)]


def _nothing(_: SagwanError) -> list[message.Message]:
    return []


_TABLE: tuple[tuple[type[SagwanError], grpc.StatusCode, Callable[..., list[message.Message]]], ...] = (
    (InvalidRequest, grpc.StatusCode.INVALID_ARGUMENT, _field_violations),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED, _nothing),
    (PermissionDenied, grpc.StatusCode.PERMISSION_DENIED, _nothing),
    (NotFound, grpc.StatusCode.NOT_FOUND, _resource),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS, _nothing),
    (Conflict, grpc.StatusCode.ABORTED, _nothing),
    (PreconditionFailed, grpc.StatusCode.FAILED_PRECONDITION, _precondition),
    (Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED, _retry),
    (DependencyUnavailable, grpc.StatusCode.UNAVAILABLE, _retry),
    (DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED, _nothing),
    (NotImplementedYet, grpc.StatusCode.UNIMPLEMENTED, _nothing),
)
