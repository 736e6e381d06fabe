"""Proto in, proto out."""

from typing import Any

import grpc

from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_runtime.auth import current_principal
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import SearchMetrics
from sagwan_runtime.status import status_name
from sagwan_search.batch import BatchSearching, End
from sagwan_search.context import ContextGathering
from sagwan_search.convert import (
    query_of,
    search_response,
    utterances_request,
    utterances_response,
)
from sagwan_search.convert_batch import batch_of, batch_result
from sagwan_search.convert_context import context_request, context_response
from sagwan_search.convert_similar import similar_query_of, similar_response
from sagwan_search.convert_suggest import suggest_request, suggest_response
from sagwan_search.ports import MeetingStore
from sagwan_search.searching import Searching
from sagwan_search.similar import SimilarSearching
from sagwan_search.suggesting import Suggesting

Context = grpc.aio.ServicerContext[Any, Any]


class SearchServicer(search_pb2_grpc.SearchServiceServicer):
    """Answers SearchService."""

    def __init__(
        self,
        searching: Searching,
        gathering: ContextGathering,
        batch: BatchSearching,
        similar: SimilarSearching,
        suggesting: Suggesting,
        store: MeetingStore,
        metrics: SearchMetrics,
        *,
        depth: int,
        call_timeout_s: float,
    ) -> None:
        self._searching = searching
        self._gathering = gathering
        self._batch = batch
        self._similar = similar
        self._suggesting = suggesting
        self._store = store
        self._metrics = metrics
        self._depth = depth
        self._call_timeout_s = call_timeout_s

    async def Search(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.SearchRequest, context: Context
    ) -> search_pb2.SearchResponse:
        """Finds chunks for a question, best first."""
        caller = current_principal()
        query = query_of(request, depth=self._depth, token_key=caller.token_key)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        answer = await self._searching.search(caller.tenant_id, query, deadline)
        return search_response(request, query, answer, token_key=caller.token_key)

    async def GetContext(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.GetContextRequest, context: Context
    ) -> search_pb2.GetContextResponse:
        """Finds passages for a language model, within a budget of tokens."""
        caller = current_principal()
        query, token_budget = context_request(request, depth=self._depth, token_key=caller.token_key)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        return context_response(await self._gathering.gather(caller.tenant_id, query, token_budget, deadline))

    async def BatchSearch(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.BatchSearchRequest, context: Context
    ) -> search_pb2.BatchSearchResponse:
        """Answers up to 100 searches, embedding their questions together. One failing does not fail the others."""
        caller = current_principal()
        questions = batch_of(request, depth=self._depth, token_key=caller.token_key)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        response = search_pb2.BatchSearchResponse(results=[search_pb2.BatchSearchResult() for _ in questions])

        def ended(place: int, end: End) -> None:
            result = batch_result(request.requests[place], end, token_key=caller.token_key)
            self._metrics.batch_questions.labels(status_name(result.error.code)).inc()
            response.results[place].CopyFrom(result)

        await self._batch.search(caller.tenant_id, questions, deadline, ended)
        return response

    async def FindSimilar(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.FindSimilarRequest, context: Context
    ) -> search_pb2.SearchResponse:
        """Finds chunks that are like a given one, or like a text."""
        caller = current_principal()
        query = similar_query_of(request, depth=self._depth, token_key=caller.token_key)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        answer = await self._similar.find(caller.tenant_id, query, deadline)
        return similar_response(request, answer, token_key=caller.token_key)

    async def Suggest(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.SuggestRequest, context: Context
    ) -> search_pb2.SuggestResponse:
        """Completes speakers, tags and titles."""
        prefix, count_max = suggest_request(request)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        found = await self._suggesting.suggest(current_principal().tenant_id, prefix, count_max, deadline)
        return suggest_response(found)

    async def ListUtterances(  # noqa: N802  # the name is the contract's
        self, request: search_pb2.ListUtterancesRequest, context: Context
    ) -> search_pb2.ListUtterancesResponse:
        """Lists utterances that pass a filter, in the order they were said."""
        caller = current_principal()
        condition, after, lines_max = utterances_request(request, caller.token_key)
        page = await self._store.utterances(
            caller.tenant_id,
            condition,
            after=after,
            lines_max=lines_max + 1,
            deadline=Deadline.of_call(context, longest_s=self._call_timeout_s),
        )
        return utterances_response(request, page, lines_max, token_key=caller.token_key)
