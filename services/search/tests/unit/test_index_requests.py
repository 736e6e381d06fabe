import math

import pytest

from sagwan.search.v1 import index_admin_pb2, search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_search.convert_index import plan_request, rebuild_request, tune_request
from sagwan_search.domain.indexes import IndexKind, Quantization


def fields_of(caught) -> list[str]:
    return [each.field for each in caught.value.violations]


def test_what_a_rebuild_leaves_out_is_left_to_the_service():
    assert rebuild_request(index_admin_pb2.RebuildIndexRequest()) == (None, None)
    request = index_admin_pb2.RebuildIndexRequest(
        kind=index_admin_pb2.INDEX_KIND_IVFFLAT, quantization=index_admin_pb2.QUANTIZATION_BINARY
    )
    assert rebuild_request(request) == (IndexKind.IVFFLAT, Quantization.BINARY)


def test_kinds_that_there_are_not_are_refused_each_at_its_field():
    with pytest.raises(InvalidRequest) as caught:
        rebuild_request(index_admin_pb2.RebuildIndexRequest(kind=9, quantization=9))
    assert fields_of(caught) == ["kind", "quantization"]
    with pytest.raises(InvalidRequest) as caught:
        rebuild_request(
            index_admin_pb2.RebuildIndexRequest(
                kind=index_admin_pb2.INDEX_KIND_EXACT, quantization=index_admin_pb2.QUANTIZATION_HALFVEC
            )
        )
    assert fields_of(caught) == ["quantization"]


@pytest.mark.parametrize("recall", [0, -1, 1.1, math.nan, math.inf])
def test_a_recall_that_is_no_share_is_refused(recall):
    with pytest.raises(InvalidRequest) as caught:
        tune_request(index_admin_pb2.TuneIndexRequest(recall=recall, quantizations=[1, 0, 7]))
    assert fields_of(caught) == ["recall", "quantizations[1]", "quantizations[2]"]


def test_quantizations_to_try_count_once_and_are_bounded():
    assert tune_request(index_admin_pb2.TuneIndexRequest(recall=1, quantizations=[2, 2])) == (
        1,
        (Quantization.HALFVEC,),
    )
    with pytest.raises(InvalidRequest) as caught:
        tune_request(index_admin_pb2.TuneIndexRequest(recall=1, quantizations=[2, 2, 2, 2]))
    assert fields_of(caught) == ["quantizations"]


def test_a_plan_takes_a_question_and_a_filter():
    request = index_admin_pb2.PlanQueryRequest(query="budget", filter=search_pb2.Filter(speakers=["Ann"]))
    query = plan_request(request, token_key=b"k")
    assert (query.text, query.filter.speaker_keys) == ("budget", ("ann",))
    with pytest.raises(InvalidRequest) as caught:
        plan_request(index_admin_pb2.PlanQueryRequest(filter=search_pb2.Filter(start_date="soon")), token_key=b"k")
    assert fields_of(caught) == ["query", "filter.start_date"]
