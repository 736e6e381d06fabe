"""Where the terms of a text stand, kept with it: a question's terms are then found in it without another analysis."""

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from sagwan_text.terms import Term, term_id

# The id of a term, its first code point, and how many it has: fixed, so that those of a part are found by halving.
_RECORD: Final = Struct("<IHB")
_START_MAX: Final = 2**16 - 1
_LENGTH_MAX: Final = 2**8 - 1


@dataclass(frozen=True, slots=True)
class TermOffsets:
    """The terms of a text, or of a part of one, with where they stand.

    Attributes:
        packed: Those of the whole text, in order: 7 bytes each.
        begin: Code point of the text where the part begins.
        end: One past the part's last code point.
    """

    packed: bytes
    begin: int = 0
    end: int = _START_MAX + _LENGTH_MAX

    def within(self, begin: int, end: int) -> "TermOffsets":
        """The terms that lie in a part of this one whole, counted from where the part begins."""
        return TermOffsets(self.packed, self.begin + begin, min(self.begin + end, self.end))

    def of(self, wanted: Container[int]) -> list[tuple[int, int, int]]:
        """Wherever one of some terms stands, in order: its id, its first code point, one past its last one.

        Args:
            wanted: Ids of terms.
        """
        begin, end = self.begin, self.end
        return [
            (term, start - begin, start + length - begin)
            for term, start, length in _RECORD.iter_unpack(self._records())
            if term in wanted and start + length <= end
        ]

    def _records(self) -> memoryview:
        """The records of terms that begin in the part."""
        records = memoryview(self.packed)
        places = range(len(records) // _RECORD.size)

        def start(place: int) -> int:
            found: int = _RECORD.unpack_from(records, place * _RECORD.size)[1]
            return found

        first = bisect_left(places, self.begin, key=start) if self.begin else 0
        last = bisect_left(places, self.end, lo=first, key=start) if self.end <= _START_MAX else len(places)
        return records[first * _RECORD.size : last * _RECORD.size]


def packed_terms(terms: Sequence[Term]) -> bytes | None:
    """The terms of a text as `TermOffsets` keeps them; None where one begins too far behind or is too long for that.

    Args:
        terms: In the order in which they begin, as analysis gives them.
    """
    if any(term.start > _START_MAX or term.end - term.start > _LENGTH_MAX for term in terms):
        return None
    return b"".join(_RECORD.pack(term_id(term.text), term.start, term.end - term.start) for term in terms)
