"""What a text is made of once analysed, and the number each term goes by in a sparse vector."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

TERM_IDS_MAX: Final = 1_000_000_000
"""As many as a pgvector `sparsevec` has dimensions, which are counted from 1."""


@dataclass(frozen=True, slots=True)
class Term:
    """A normalised word and where it stands.

    Attributes:
        text: What is matched: folded, lower-cased, stemmed.
        start: First code point, counted from 0.
        end: One past the last code point.
    """

    text: str
    start: int
    end: int


def term_id(term: str) -> int:
    """Return the term's dimension, from 1 to `TERM_IDS_MAX`, the same in every process for ever.

    No dictionary has to be kept or agreed upon, at the price of collisions. Among n distinct terms
    one has company with a chance of about n / 1e9: 0.01 % of terms with 100,000 of them, 0.1 % with
    a million. Two terms that collide share one document frequency, which costs a little precision
    and never a match.
    """
    digest = blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TERM_IDS_MAX + 1
