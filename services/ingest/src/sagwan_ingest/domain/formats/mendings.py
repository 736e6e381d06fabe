"""What was mended in a transcript, kept short enough to be read."""

from collections import Counter
from collections.abc import Iterable

from sagwan_ingest.domain.formats.format import Mending

MENDINGS_OF_A_SORT_MAX = 100


def bounded(mended: Iterable[Mending]) -> tuple[Mending, ...]:
    """The first 100 mendings of each sort in the order of the lines, and how many others there were."""
    seen: Counter[str] = Counter()
    kept: list[Mending] = []
    for each in sorted(mended, key=lambda each: each.line):
        seen[each.what] += 1
        if seen[each.what] <= MENDINGS_OF_A_SORT_MAX:
            kept.append(each)
    for what, times in seen.items():
        if times > MENDINGS_OF_A_SORT_MAX:
            kept.append(Mending(0, f"{times - MENDINGS_OF_A_SORT_MAX} more times: {what}"))
    return tuple(kept)
