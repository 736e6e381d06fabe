"""How many hits a meeting may have."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sagwan_search.domain.fusion import Fused
from sagwan_search.domain.neighbors import Place


def at_most_per_meeting(ranked: Sequence[Fused], places: Mapping[int, Place], hits_max: int) -> list[Fused]:
    """The best chunks of each meeting, in the order of the ranking.

    It looks at the whole ranking, before pages are cut, so that pages of the result follow one another.

    Args:
        ranked: Best first.
        places: Where each chunk stands, by chunk id. Chunks that are not there are gone, and are left out.
        hits_max: Chunks of one meeting that are kept, at least 1.
    """
    kept: list[Fused] = []
    counts: Counter[int] = Counter()
    for each in ranked:
        place = places.get(each.chunk_id)
        if place is not None and counts[place.meeting_key] < hits_max:
            counts[place.meeting_key] += 1
            kept.append(each)
    return kept
