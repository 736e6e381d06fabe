"""What chunks should be like."""

from dataclasses import dataclass, field

from sagwan_search.domain.filters import Filter
from sagwan_search.domain.ranking import Ranking


@dataclass(frozen=True, slots=True)
class LikeChunk:
    """Like a stored chunk.

    Attributes:
        name: As the caller wrote it.
        meeting_id: Its meeting.
        chunk_id: Which.
    """

    name: str
    meeting_id: str
    chunk_id: int


@dataclass(frozen=True, slots=True)
class LikeUtterance:
    """Like the chunk that holds an utterance.

    Attributes:
        name: As the caller wrote it.
        meeting_id: Its meeting.
        ordinal: Which, from 0 within its meeting.
    """

    name: str
    meeting_id: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class LikeText:
    """Like a text that need not be stored anywhere.

    Attributes:
        text: Compared as a passage, not as a question.
    """

    text: str


@dataclass(frozen=True, slots=True)
class SimilarQuery:
    """A search for chunks like another.

    Attributes:
        like: What they should be like. A stored one is itself no hit.
        filter: What hits must satisfy; what they should be like need not.
        ranking: What the page before left to show; None for the first page.
        hits_max: Hits to return.
    """

    like: LikeChunk | LikeUtterance | LikeText
    filter: Filter = field(default_factory=Filter)
    ranking: Ranking | None = None
    hits_max: int = 10
