"""Requests whose bytes are not the message that they should be: the caller's mistake, and told as one.

gRPC itself answers INTERNAL to them. The usual cause is a text that is not UTF-8 (a lone surrogate, a legacy encoding),
which some languages' protobuf lets a caller send; the field that holds it is looked for, so that callers find it too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from sagwan_runtime.errors import InvalidRequest, Violation

# The walk holds up the event loop: about a microsecond a field.
_FIELDS_MAX = 50_000
_DEPTH_MAX = 16
_VARINT_BYTES_MAX = 10
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands where a request should: what the caller is to be told."""

    error: InvalidRequest


def tolerant(deserializer: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """The same deserializer, giving `Undecodable` where it would raise.

    Args:
        deserializer: `FromString` of a message class, as generated code registers it.
    """

    def decoded(data: bytes) -> Any:
        try:
            return deserializer(data)
        except DecodeError:
            message_class: Any = getattr(deserializer, "__self__", None)
            descriptor = message_class.DESCRIPTOR
            violations = tuple(_utf8_violations(data, descriptor))
            unknown = Violation("", f"the request is not a {descriptor.full_name}")
            return Undecodable(InvalidRequest(*(violations or (unknown,))))

    return decoded


def _utf8_violations(data: bytes, descriptor: Descriptor) -> Iterator[Violation]:
    """The string fields of a serialized message that are not UTF-8. Ends where the bytes make no sense."""
    try:
        yield from _Walk().violations(memoryview(data), descriptor, "", 0)
    except _Malformed:
        return


class _Malformed(Exception):
    """The bytes are not a serialized message, or too many to look through."""


class _Walk:
    def __init__(self) -> None:
        self._fields = 0

    def violations(self, data: memoryview, descriptor: Descriptor, path: str, depth: int) -> Iterator[Violation]:
        seen: Counter[int] = Counter()
        for number, value in self._length_delimited(data):
            field = descriptor.fields_by_number.get(number)
            if field is None:
                continue
            name = f"{path}{field.name}[{seen[number]}]" if field.is_repeated else f"{path}{field.name}"
            seen[number] += 1
            if field.type == FieldDescriptor.TYPE_STRING:
                yield from _not_utf8(name, value)
            elif field.message_type is not None and depth < _DEPTH_MAX:
                yield from self.violations(value, field.message_type, f"{name}.", depth + 1)

    def _length_delimited(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Number and bytes of each field that holds a text, bytes or a message."""
        offset = 0
        while offset < len(data):
            self._fields += 1
            if self._fields > _FIELDS_MAX:
                raise _Malformed
            key, offset = _varint(data, offset)
            wire_type = key & 7
            if wire_type == _VARINT:
                _, offset = _varint(data, offset)
            elif wire_type == _FIXED64:
                offset += 8
            elif wire_type == _FIXED32:
                offset += 4
            elif wire_type == _LENGTH_DELIMITED:
                length, offset = _varint(data, offset)
                if offset + length > len(data):
                    raise _Malformed
                yield key >> 3, data[offset : offset + length]
                offset += length
            else:
                raise _Malformed


def _varint(data: memoryview, offset: int) -> tuple[int, int]:
    value = 0
    for position in range(_VARINT_BYTES_MAX):
        if offset + position >= len(data):
            raise _Malformed
        byte = data[offset + position]
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, offset + position + 1
    raise _Malformed


def _not_utf8(name: str, value: memoryview) -> Iterator[Violation]:
    try:
        bytes(value).decode()
    except UnicodeDecodeError as error:
        yield Violation(name, f"is not UTF-8: the bytes from position {error.start} are no character")
