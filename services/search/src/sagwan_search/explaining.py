"""The use case of explaining a search: run it, and keep how each leg was done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.plans import LegPlan
from sagwan_search.domain.query import Query
from sagwan_search.ports import MeetingStore
from sagwan_search.searching import Searching


class ExplainingStore(MeetingStore, Protocol):
    """A store that keeps the plans of the legs that were asked of it."""

    plans: list[LegPlan]


class Explaining:
    """Explains searches.

    Args:
        open_store: Makes a store for one search.
        searching_in: Makes the search use case over a store, as it is for everybody else.
    """

    def __init__(
        self, open_store: Callable[[], ExplainingStore], searching_in: Callable[[MeetingStore], Searching]
    ) -> None:
        self._open_store = open_store
        self._searching_in = searching_in

    async def explain(self, tenant_id: UUID, query: Query, deadline: Deadline) -> Sequence[LegPlan]:
        """The plans of a search's legs, in the order in which they ran; one without a plan says why the leg did not.

        Raises:
            DependencyUnavailable: The database is down.
            DeadlineExceeded: Time ran out.
        """
        store = self._open_store()
        answer = await self._searching_in(store).search(tenant_id, replace(query, hits_max=0), deadline)
        if answer.ranking.degraded_reason:
            return [*store.plans, LegPlan("vector", "", (), answer.ranking.degraded_reason, 0, 0, 0, 0, 0.0)]
        return store.plans
