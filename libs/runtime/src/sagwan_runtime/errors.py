"""What can go wrong, as callers should understand it. Pure: `status` knows how each travels over gRPC."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is wrong.

    Attributes:
        field: Path from the request's root, such as `filter.start_date` or `utterances[3].text`.
        reason: What is wrong and what would be right, for a person.
    """

    field: str
    reason: str

    def under(self, prefix: str) -> "Violation":
        """The same violation of a field that lies inside `prefix`."""
        return Violation(f"{prefix}.{self.field}" if self.field else prefix, self.reason)


class SagwanError(Exception):
    """Anything that a caller is told about. The message is written for the caller."""


class InvalidRequest(SagwanError):
    """The request can never succeed as it is.

    Attributes:
        violations: Every field found to be wrong, at least one.
    """

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(f"{each.field}: {each.reason}" for each in violations))
        self.violations = violations

    @classmethod
    def field(cls, field: str, reason: str) -> "InvalidRequest":
        """An error about one field."""
        return cls(Violation(field, reason))

    def under(self, prefix: str) -> "InvalidRequest":
        """The same error about a message that lies inside `prefix`."""
        return InvalidRequest(*(each.under(prefix) for each in self.violations))


def refuse_if_any(violations: Iterable[Violation]) -> None:
    """Raises InvalidRequest when there is at least one violation."""
    found = tuple(violations)
    if found:
        raise InvalidRequest(*found)


class Unauthenticated(SagwanError):
    """No key, or one that is not known."""


class PermissionDenied(SagwanError):
    """The key is known and does not allow this."""


class NotFound(SagwanError):
    """A named resource is not there, or not this tenant's.

    Attributes:
        resource: Its resource name.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} does not exist")
        self.resource = resource


class AlreadyExists(SagwanError):
    """An id is taken by something else."""


class Conflict(SagwanError):
    """Somebody else changed the resource first; read it again and retry."""


class PreconditionFailed(SagwanError):
    """The request is sound, and what it asks for is not in the state for it.

    Attributes:
        resource: The resource's name.
    """

    def __init__(self, resource: str, reason: str) -> None:
        super().__init__(f"{resource} {reason}")
        self.resource = resource


class Overloaded(SagwanError):
    """The service is full; nothing was done.

    Attributes:
        retry_after_ms: When to try again.
        state: What is full and how full, by name; few and short.
    """

    def __init__(self, reason: str, *, retry_after_ms: int, state: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.retry_after_ms = retry_after_ms
        self.state = state or {}


class DependencyUnavailable(SagwanError):
    """Something this service needs is down or answers nonsense.

    Attributes:
        retry_after_ms: When to try again.
    """

    def __init__(self, reason: str, *, retry_after_ms: int = 1_000) -> None:
        super().__init__(reason)
        self.retry_after_ms = retry_after_ms


class DeadlineExceeded(SagwanError):
    """The caller's time is up."""


class NotImplementedYet(SagwanError):
    """The RPC is part of the contract and not of this version."""
