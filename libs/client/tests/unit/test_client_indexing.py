"""Long work on an index over a real stream: what is told of it, and streams that are cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from small_services import served

from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc
from sagwan_client import SagwanCallError, SagwanClient, indexing

STEPS = 12


class _Working(index_admin_pb2_grpc.IndexAdminServiceServicer):
    """Builds and tunes in as many steps as there are calls, and cuts each of them but the last."""

    def __init__(self, *, standing_still: bool = False) -> None:
        self._standing_still = standing_still
        self.calls = 0

    @property
    def _done(self) -> int:
        return 1 if self._standing_still else self.calls

    def GetIndexStatus(self, request, context):  # noqa: N802
        return index_admin_pb2.IndexStatus(build_time=Timestamp(seconds=1))

    def RebuildIndex(self, request, context):  # noqa: N802
        self.calls += 1
        yield index_admin_pb2.RebuildIndexProgress(phase="building", progress=self._done / STEPS)
        if self.calls < STEPS:
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut")

    def TuneIndex(self, request, context):  # noqa: N802
        self.calls += 1
        for step in range(self._done):
            yield index_admin_pb2.TuneIndexProgress(progress=(step + 1) / STEPS)
        if self.calls < STEPS:
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut")


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(indexing, "_REOPEN_PAUSE_S", 0.0)


@asynccontextmanager
async def _client_of(servicer: _Working) -> AsyncIterator[SagwanClient]:
    with served(index_admin_pb2_grpc.add_IndexAdminServiceServicer_to_server, servicer) as address:
        async with SagwanClient(search_target=address) as client:
            yield client


@pytest.mark.parametrize("work", ["rebuild", "tune"])
async def test_work_is_followed_through_any_number_of_cuts_while_it_goes_on(work):
    async with _client_of(_Working()) as client:
        steps = client.rebuild_index() if work == "rebuild" else client.tune_index(0.95)
        told = [step.progress async for step in steps]

    assert told == pytest.approx([(step + 1) / STEPS for step in range(STEPS)])


@pytest.mark.parametrize("work", ["rebuild", "tune"])
async def test_work_that_stands_still_is_given_up(work):
    servicer = _Working(standing_still=True)
    async with _client_of(servicer) as client:
        steps = client.rebuild_index() if work == "rebuild" else client.tune_index(0.95)
        with pytest.raises(SagwanCallError) as failure:
            async for _ in steps:
                pass

    assert failure.value.code is grpc.StatusCode.UNAVAILABLE
    assert 1 < servicer.calls < STEPS
