"""Counts what is mended while a transcript is read, and keeps the report of it short."""

from collections.abc import Iterable

from sagwan_ingest.domain.formats.format import MENDINGS_MAX, Mending


class Mendings:
    """What was mended: each place, up to MENDINGS_MAX of a sort; of the rest how many there were."""

    def __init__(self) -> None:
        self._kept: list[Mending] = []
        self._places: dict[str, int] = {}

    def add(self, line: int, sort: str, where: str = "") -> None:
        """Adds one place.

        Args:
            line: As in Mending.
            sort: What was wrong and what was done, the same for all places of a sort.
            where: Set before it, such as `segments[3]`.
        """
        self._places[sort] = self._places.get(sort, 0) + 1
        if self._places[sort] <= MENDINGS_MAX:
            self._kept.append(Mending(line, f"{where} {sort}" if where else sort))

    def all(self) -> tuple[Mending, ...]:
        """In the order of the lines, what is summed up last."""
        more = ((sort, places - MENDINGS_MAX) for sort, places in self._places.items() if places > MENDINGS_MAX)
        rest = [Mending(0, f"{places} more places: {sort}") for sort, places in more]
        return (*sorted(self._kept, key=lambda each: each.line), *rest)


def bounded(mended: Iterable[Mending]) -> tuple[Mending, ...]:
    """The same, kept as short: in the order of the lines, at most MENDINGS_MAX of a sort."""
    kept = Mendings()
    for each in sorted(mended, key=lambda each: each.line):
        kept.add(each.line, each.what)
    return kept.all()
