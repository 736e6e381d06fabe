"""The use case of completing speakers, tags and titles."""

from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.suggestions import Suggestion, best_suggestions
from sagwan_search.ports import SuggestionStore
from sagwan_text.completion import prefix_ranges

# Of so many words that begin with a prefix the values are counted; of a prefix that more begin with, the first ones.
_WORDS_MAX = 20_000
# Spellings of one value become one: so many times as many are asked for as are wanted.
_SPELLINGS = 3


class Suggesting:
    """Completes what is being typed."""

    def __init__(self, store: SuggestionStore) -> None:
        self._store = store

    async def suggest(self, tenant_id: UUID, prefix: str, count_max: int, deadline: Deadline) -> list[Suggestion]:
        """Values with a word that begins with a prefix, the most frequent first.

        Raises:
            DependencyUnavailable: The database is down.
            DeadlineExceeded: Time ran out.
        """
        ranges = prefix_ranges(prefix)
        if not ranges:
            return []
        found = await self._store.completions(
            tenant_id, ranges, words_max=_WORDS_MAX, values_max=_SPELLINGS * count_max, deadline=deadline
        )
        return best_suggestions(found, count_max)
