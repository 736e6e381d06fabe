"""What a caller is told when something fails: one error for calls, one for what runs on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2
from grpc_status import rpc_status

_PUSHBACK_KEY = "grpc-retry-pushback-ms"
# Codes after which the same call may succeed.
_RETRYABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
    }
)


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is wrong.

    Attributes:
        field: Its path, such as `filter.start_date`.
        reason: What is wrong with it.
    """

    field: str
    reason: str


class SagwanCallError(Exception):
    """A call that failed.

    Attributes:
        code: The gRPC status.
        message: In words, from the service.
        violations: Field by field what to change; empty unless the request was invalid.
        retry_after_s: When the service asks to be tried again; None when it did not say.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        violations: Iterable[FieldViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.code in _RETRYABLE

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Self:
        """The same failure with its google.rpc.Status details decoded, as far as there are any."""
        violations: list[FieldViolation] = []
        retry_after_s = _pushback_s(error)
        for detail in _details(error):
            if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad_request = error_details_pb2.BadRequest()
                detail.Unpack(bad_request)
                violations += [FieldViolation(each.field, each.description) for each in bad_request.field_violations]
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                retry_info = error_details_pb2.RetryInfo()
                detail.Unpack(retry_info)
                retry_after_s = retry_info.retry_delay.ToTimedelta().total_seconds()
        return cls(error.code(), error.details() or "", violations=violations, retry_after_s=retry_after_s)


class StackError(Exception):
    """Why something on this machine cannot run. The message is for the person at the terminal.

    Attributes:
        log_tail: The last lines of the log that tells more; empty when there is none.
    """

    def __init__(self, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail


def status_code(number: int) -> grpc.StatusCode:
    """The gRPC status of a number, as items of a batch carry it; UNKNOWN for a number without one."""
    return next((each for each in grpc.StatusCode if each.value[0] == number), grpc.StatusCode.UNKNOWN)


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # Details that contradict the status come from a middlebox, not from us: the status itself still counts.
        return []
    return [] if status is None else list(status.details)


def _pushback_s(error: grpc.aio.AioRpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == _PUSHBACK_KEY and isinstance(value, str) and value.isdecimal():
            return int(value) / 1_000
    return None
