"""`sagwan index` on a whole stack whose service looks after its index by itself."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from stack import ROOT, Stack, running

from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tended(new_folder, model_dir):
    settings = {"SAGWAN_SEARCH_INDEX_ROWS_MIN": "20", "SAGWAN_SEARCH_INDEX_UPKEEP_INTERVAL_S": "0.5"}
    with running(new_folder(), model_dir=model_dir, **settings) as stack:
        stack.run("ingest", str(ROOT / "samples" / "meetings"))
        yield stack


def status_of(stack: Stack) -> dict[str, object]:
    return dict(json.loads(stack.run("index", "status", "--json").stdout))


def eventually(stack: Stack, condition) -> dict[str, object]:
    give_up = time.monotonic() + 60
    while not condition(found := status_of(stack)):
        assert time.monotonic() < give_up, found
        time.sleep(0.2)
    return found


def test_an_index_appears_by_itself_is_measured_tuned_rebuilt_and_explained(tended: Stack):
    found = eventually(tended, lambda each: each["measured_recall"] > 0)
    assert (found["kind"], found["quantization"]) == ("INDEX_KIND_HNSW", "QUANTIZATION_HALFVEC")

    # Searches go on while another kind takes its place.
    with ThreadPoolExecutor(1) as pool:
        rebuilding = pool.submit(
            tended.run, "index", "rebuild", "--kind", "ivfflat", "--quantization", "halfvec", "--json"
        )
        while not rebuilding.done():
            answer = json.loads(tended.run("search", "budget", "--json").stdout)
            assert answer["hits"]
            assert not answer["degraded"]
    assert json.loads(rebuilding.result().stdout)["kind"] == "INDEX_KIND_IVFFLAT"

    steps = json.loads(tended.run("index", "tune", "--recall", "0.9", "--json").stdout)
    assert steps[-1]["chosen"]["recall"] >= 0.9
    assert steps[-1]["asked_count"] > 0
    assert status_of(tended)["recall_target"] == 0.9

    legs = json.loads(tended.run("index", "plan", "library budget", "--json").stdout)["legs"]
    assert [leg["leg"] for leg in legs] == ["lexical", "vector"]
    assert all(json.loads(leg["plan_json"]) and leg["verdict"] for leg in legs)
    assert "rows examined" in tended.run("index", "plan", "library budget").stdout


def test_only_an_administrator_may_look_or_build(tended: Stack):
    dsn = tended.database_url
    plain = tended.run("keys", "create", "--tenant", "local", SAGWAN_DATABASE_URL=dsn).stdout.strip()
    metadata = (("authorization", f"Bearer {plain}"),)
    with grpc.insecure_channel(tended.address("search")) as channel:
        stub = index_admin_pb2_grpc.IndexAdminServiceStub(channel)
        for call in (
            lambda: stub.GetIndexStatus(index_admin_pb2.GetIndexStatusRequest(), metadata=metadata),
            lambda: stub.PlanQuery(index_admin_pb2.PlanQueryRequest(query="x"), metadata=metadata),
            lambda: list(stub.TuneIndex(index_admin_pb2.TuneIndexRequest(recall=0.9), metadata=metadata)),
            lambda: list(stub.RebuildIndex(index_admin_pb2.RebuildIndexRequest(), metadata=metadata)),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
