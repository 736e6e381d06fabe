"""`sagwan index` against a service whose index the test chooses."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc
from sagwan_client.cli.main import main

PLAN = [
    {
        "Plan": {
            "Node Type": "Limit", "Actual Rows": 2, "Actual Loops": 1, "Actual Total Time": 1.5, "Shared Hit Blocks": 7,
            "Plans": [
                {
                    "Node Type": "Index Scan", "Index Name": "chunk_vectors_1_hnsw", "Relation Name": "chunk_vectors_1",
                    "Actual Rows": 2, "Actual Loops": 1, "Actual Total Time": 1.4, "Shared Hit Blocks": 7,
                    "Rows Removed by Filter": 40, "Filter": "(held_on >= '2024-01-01'::date)",
                    "Order By": f"(embedding <#> '[{'0.1,' * 384}]'::vector)",
                }
            ],
        },
        "Execution Time": 1.6,
    }
]  # fmt: skip


def _point(ef_search: int, recall: float, p50_ms: float) -> index_admin_pb2.TuningPoint:
    settings = ["kind=hnsw", f"hnsw.ef_search={ef_search}", "quantization=none"]
    return index_admin_pb2.TuningPoint(settings=settings, recall=recall, p50_ms=p50_ms)


POINTS = [_point(40, 0.91, 1.25), _point(100, 0.97, 2.5), _point(400, 0.999, 9.0)]


class _Index(index_admin_pb2_grpc.IndexAdminServiceServicer):
    """An HNSW index; streams are cut off until `cuts` is used up, after which the build has ended if `ends` says so."""

    def __init__(self) -> None:
        self.cuts = 0
        self.ends = False
        self.calls: list[object] = []
        self.status = index_admin_pb2.IndexStatus(
            kind=index_admin_pb2.INDEX_KIND_HNSW, row_count=20_000, m=16, ef_construction=64, ef_search=100,
            size_bytes=40 << 20, buffered_share=0.5, scan_count=7, tuple_count=700, measured_recall=0.962,
            advice="nothing: it finds 0.962 of the nearest ten", quantization=index_admin_pb2.QUANTIZATION_NONE,
            iterative_scan="relaxed_order", rescored=1, model="e5@1/int8", build_memory_bytes=45 << 20,
        )  # fmt: skip
        self.status.build_time.FromSeconds(1)

    def GetIndexStatus(self, request, context):  # noqa: N802  # the name is the contract's
        return self.status

    def PlanQuery(self, request, context):  # noqa: N802
        self.calls.append(request)
        leg = index_admin_pb2.LegExplain(
            leg="vector", plan_json=json.dumps(PLAN), verdict="the index of vectors chunk_vectors_1_hnsw was used",
            rows_examined=42, rows_filtered=40, buffers_hit=7, choice="index: no filter; hnsw",
        )  # fmt: skip
        return index_admin_pb2.PlanQueryResponse(legs=[leg, index_admin_pb2.LegExplain(leg="lexical", verdict="none")])

    def TuneIndex(self, request, context):  # noqa: N802
        self.calls.append(request)
        for place, point in enumerate(POINTS):
            if self.cuts and place == 1:
                self.cuts -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
            yield index_admin_pb2.TuneIndexProgress(progress=place / 3, point=point)
        yield index_admin_pb2.TuneIndexProgress(progress=1, chosen=POINTS[1], asked_count=3, drawn_count=97)

    def RebuildIndex(self, request, context):  # noqa: N802
        self.calls.append(request)
        yield index_admin_pb2.RebuildIndexProgress(phase="building index: loading tuples", progress=0.4)
        if self.cuts:
            self.cuts -= 1
            if self.ends:
                self.status.build_time.FromSeconds(2)
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        yield index_admin_pb2.RebuildIndexProgress(phase="done", progress=1)


@pytest.fixture
def service(monkeypatch, tmp_path):
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = _Index()
    index_admin_pb2_grpc.add_IndexAdminServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("SAGWAN_SEARCH_TARGET", f"127.0.0.1:{port}")
    monkeypatch.setenv("SAGWAN_HOME", str(tmp_path))
    monkeypatch.setenv("SAGWAN_API_KEY", "sk-test")
    yield servicer
    server.stop(None).wait()


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["index", *arguments])
    return int(caught.value.code or 0)


def test_status_shows_the_figures_of_its_kind_and_what_comes_next(service, capsys):
    assert _run("status") == 0
    shown = capsys.readouterr().out
    for words in ("hnsw over floats", "about 20,000", "m 16", "40.0 MB, 50% of it", "0.962", "nothing: it finds"):
        assert words in shown
    assert "lists" not in shown
    assert _run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["row_count"] == "20000"


def test_a_plan_is_a_tree_with_its_meaning_in_words(service, capsys):
    assert _run("plan", "budget", "--speaker", "Ann") == 0
    shown = capsys.readouterr().out
    for words in (
        "chunk_vectors_1_hnsw was used",
        "Chosen was index: no filter; hnsw.",
        "42 rows examined, 40 removed",
        "└── Index Scan",
        "40 removed",
        "held_on",
    ):
        assert words in shown
    assert len(shown) < 2_000
    assert (service.calls[0].query, list(service.calls[0].filter.speakers)) == ("budget", ["Ann"])


@pytest.mark.parametrize("cuts", [0, 2])
def test_tuning_shows_each_setting_once_and_the_choice_however_often_it_is_cut_off(service, capsys, cuts):
    service.cuts = cuts
    assert _run("tune", "--recall", "0.95", "--quantization", "halfvec") == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[:5] for line in lines] == [
        ["kind=hnsw", "ef_search=40", "quantization=none", "0.910", "1.25"],
        ["kind=hnsw", "ef_search=100", "quantization=none", "0.970", "2.50"],
        ["kind=hnsw", "ef_search=400", "quantization=none", "0.999", "9.00"],
    ]
    assert [("chosen" in line) for line in lines] == [False, True, False]
    assert len(service.calls) == cuts + 1
    assert all(call.apply and list(call.quantizations) == [2] for call in service.calls)


def test_a_recall_that_no_setting_reaches_ends_with_1(service, capsys):
    assert _run("tune", "--recall", "0.99", "--dry-run", "--json") == 1
    assert not service.calls[0].apply
    assert json.loads(capsys.readouterr().out)[-1]["asked_count"] == 3


def test_the_curve_is_drawn_into_a_picture(service, tmp_path, capsys):
    assert _run("tune", "--recall", "0.9", "--chart", str(tmp_path / "curve.png")) == 0
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert _run("tune", "--recall", "0.9", "--chart", str(tmp_path / "none" / "curve.png")) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_rebuild_is_followed_to_its_end(service, capsys):
    assert _run("rebuild", "--kind", "ivfflat", "--quantization", "binary") == 0
    assert (service.calls[0].kind, service.calls[0].quantization) == (3, 3)
    assert "hnsw over floats" in capsys.readouterr().out


@pytest.mark.parametrize(("ends", "calls"), [(True, 1), (False, 2)])
def test_a_rebuild_that_is_cut_off_is_not_asked_for_again_when_it_has_ended(service, ends, calls):
    service.cuts, service.ends = 1, ends
    assert _run("rebuild") == 0
    assert len(service.calls) == calls
