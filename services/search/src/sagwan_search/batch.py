"""Several searches as one: embedded together, few searches at once, and each with its own end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

import structlog

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable, SagwanError
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.query import Mode, Query
from sagwan_search.ports import BatchEmbedder, QueryVector
from sagwan_search.searching import Searching

_log = structlog.get_logger(__name__)
# The rest is for sending the answers that are there: a batch that ends with its deadline reaches nobody.
_SHARE_OF_TIME = 0.9

End: TypeAlias = tuple[Query, Answer] | SagwanError
"""A question with its answer, or why it has none."""


class BatchSearching:
    """Answers questions that came together.

    Args:
        searching: Answers each of them.
        embedder: Asked for all of them together.
        searches_at_once_max: How many run at once, of all batches together, so that lone searches find a connection.
    """

    def __init__(self, searching: Searching, embedder: BatchEmbedder, *, searches_at_once_max: int) -> None:
        self._searching = searching
        self._embedder = embedder
        self._searches_at_once_max = searches_at_once_max
        self._slots = asyncio.Semaphore(searches_at_once_max)

    async def search(
        self,
        tenant_id: UUID,
        questions: Sequence[Query | SagwanError],
        deadline: Deadline,
        ended: Callable[[int, End], None],
    ) -> None:
        """Answers each question, or says why there is no answer to it.

        Args:
            tenant_id: Whose meetings are searched.
            questions: What is asked; an error in the place of a question is its end.
            deadline: When the answers must be there. What is not done when nine tenths of the time have passed ends as
                DeadlineExceeded.
            ended: Told once for each place how it ended, in any order. A hundred pages of hits take much memory, so
                none of them is held here.
        """
        deadline = deadline.no_later_than(deadline.remaining_s() * _SHARE_OF_TIME)
        vectors = await self._vectors([each for each in questions if isinstance(each, Query)], deadline)
        waiting = enumerate(questions)

        async def work() -> None:
            for place, each in waiting:
                if isinstance(each, SagwanError):
                    ended(place, each)
                else:
                    ended(place, await self._answered(tenant_id, each, vectors.get(each.text), deadline))

        # So many tasks and not one a question: several batches then take turns at the slots.
        async with asyncio.TaskGroup() as group:
            for _ in range(self._searches_at_once_max):
                group.create_task(work())

    async def _vectors(self, queries: Sequence[Query], deadline: Deadline) -> Mapping[str, QueryVector | SagwanError]:
        asking = [each for each in queries if each.mode is not Mode.LEXICAL and each.ranking is None]
        texts = list(dict.fromkeys(each.text for each in asking if each.text))
        if not texts:
            return {}
        try:
            # Half of the time stays for answers without vectors. Longer than a lone question may take: there are many.
            vectors = await self._embedder.embed_all(texts, deadline.no_later_than(deadline.remaining_s() / 2))
        except (DependencyUnavailable, DeadlineExceeded) as error:
            return dict.fromkeys(texts, error)
        return dict(zip(texts, vectors, strict=True))

    async def _answered(
        self, tenant_id: UUID, query: Query, known: QueryVector | SagwanError | None, deadline: Deadline
    ) -> End:
        try:
            async with asyncio.timeout(deadline.remaining_s()), self._slots:
                return query, await self._searching.search(tenant_id, query, deadline, known=known)
        except SagwanError as error:
            return error
        except TimeoutError:
            return DeadlineExceeded("the time of the batch was up before this search was done")
        except Exception:  # noqa: BLE001  # one question must not end the others, whatever it is
            _log.exception("search of a batch failed")
            return SagwanError("internal error")
