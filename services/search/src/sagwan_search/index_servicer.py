"""Proto in, proto out, for the administration of indexes."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc
from sagwan_runtime.auth import require_scope
from sagwan_runtime.deadline import Deadline
from sagwan_search.convert_index import (
    index_status,
    plan_request,
    plan_response,
    rebuild_progress,
    rebuild_request,
    tune_progress,
    tune_request,
)
from sagwan_search.explaining import Explaining
from sagwan_search.index_admin import IndexAdmin

Context = grpc.aio.ServicerContext[Any, Any]

_SCOPE = "admin"


class IndexAdminServicer(index_admin_pb2_grpc.IndexAdminServiceServicer):
    """Answers IndexAdminService. An index is all tenants', so every call takes a key with the scope `admin`."""

    def __init__(self, admin: IndexAdmin, explaining: Explaining, *, call_timeout_s: float) -> None:
        self._admin = admin
        self._explaining = explaining
        self._call_timeout_s = call_timeout_s

    async def GetIndexStatus(  # noqa: N802  # the name is the contract's
        self,
        request: index_admin_pb2.GetIndexStatusRequest,  # noqa: ARG002  # the signature is gRPC's
        context: Context,
    ) -> index_admin_pb2.IndexStatus:
        """Says how the index is."""
        require_scope(_SCOPE)
        return index_status(await self._admin.status(self._deadline(context)))

    async def PlanQuery(  # noqa: N802  # the name is the contract's
        self, request: index_admin_pb2.PlanQueryRequest, context: Context
    ) -> index_admin_pb2.PlanQueryResponse:
        """Explains a query's legs, as they run for the caller's tenant."""
        principal = require_scope(_SCOPE)
        query = plan_request(request, token_key=principal.token_key)
        return plan_response(await self._explaining.explain(principal.tenant_id, query, self._deadline(context)))

    async def TuneIndex(  # noqa: N802  # the name is the contract's
        self,
        request: index_admin_pb2.TuneIndexRequest,
        context: Context,  # noqa: ARG002  # the signature is gRPC's; the time limit is each statement's
    ) -> AsyncIterator[index_admin_pb2.TuneIndexProgress]:
        """Tunes the index."""
        require_scope(_SCOPE)
        target, quantizations = tune_request(request)
        async with aclosing(self._admin.tune(target, apply=request.apply, quantizations=quantizations)) as steps:
            async for each in steps:
                yield tune_progress(each)

    async def RebuildIndex(  # noqa: N802  # the name is the contract's
        self,
        request: index_admin_pb2.RebuildIndexRequest,
        context: Context,  # noqa: ARG002  # the signature is gRPC's; a build takes as long as it takes
    ) -> AsyncIterator[index_admin_pb2.RebuildIndexProgress]:
        """Builds the index."""
        require_scope(_SCOPE)
        kind, quantization = rebuild_request(request)
        async with aclosing(self._admin.rebuild(kind, quantization)) as steps:
            async for each in steps:
                yield rebuild_progress(each)

    def _deadline(self, context: Context) -> Deadline:
        return Deadline.of_call(context, longest_s=self._call_timeout_s)
