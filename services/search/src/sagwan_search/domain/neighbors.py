"""Chunks of a meeting lend each other support: what a question is about is rarely said in one chunk alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from sagwan_search.domain.fusion import Fused

_DISTANCE_MAX = 2


class Place(NamedTuple):
    """Where a chunk stands.

    Attributes:
        meeting_key: In which meeting.
        ordinal: Its place in the meeting, from 0.
    """

    meeting_key: int
    ordinal: int


def supported(ranked: Sequence[Fused], places: Mapping[int, Place], share: float) -> list[Fused]:
    """Adds to each score what the chunks beside it lend.

    support(d) = sum over neighbours c of share ** distance * max(0, score(c) - mean), the mean that of all candidates.
    Neighbours are the candidates of the same meeting that lie one or two chunks away; what they were lent themselves
    does not travel on. Only what lies above the mean is lent: otherwise chunks of long meetings would always be lent
    more than those of short ones.

    Args:
        ranked: Fused candidates.
        places: Where they stand, by chunk id. What is not there has gone, and neither lends nor is lent anything.
        share: What a chunk lends those next to it, from 0 to 1.

    Returns:
        Best first; equal scores by chunk id.
    """
    mean = fmean(each.score for each in ranked) if ranked else 0.0
    excess = {places[each.chunk_id]: max(0.0, each.score - mean) for each in ranked if each.chunk_id in places}

    def support(place: Place) -> float:
        return sum(
            share ** abs(distance) * excess.get(Place(place.meeting_key, place.ordinal + distance), 0.0)
            for distance in range(-_DISTANCE_MAX, _DISTANCE_MAX + 1)
            if distance
        )

    def raised_by(each: Fused, lent: float) -> Fused:
        return replace(each, score=each.score + lent, neighbor_support=lent) if lent else each

    raised = [raised_by(each, support(places[each.chunk_id])) if each.chunk_id in places else each for each in ranked]
    raised.sort(key=lambda each: (-each.score, each.chunk_id))
    return raised
