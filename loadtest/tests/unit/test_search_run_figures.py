import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sagwan_loadtest.search_run import ClientView, client_figures, server_figures

from sagwan_bench.pages import parse
from sagwan_bench.quantiles import CounterReset
from sagwan_runtime.metrics import RpcMetrics, SearchMetrics

SEARCH = "sagwan.search.v1.SearchService/Search"


class Service:
    """The search service's registry, fed by hand."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.rpc = RpcMetrics(self.registry)
        self.search = SearchMetrics(self.registry)

    def answer(self, seconds, *, status="OK", method=SEARCH, count=1):
        for _ in range(count):
            self.rpc.duration.labels(method, status).observe(seconds)

    def page(self):
        return parse(generate_latest(self.registry).decode())


def by_name(figures):
    return {figure.name: figure for figure in figures}


def test_the_server_s_quantiles_are_those_of_the_run_alone():
    service = Service()
    service.answer(9.0, count=100)
    before = service.page()
    service.answer(0.04, count=100)
    figures = by_name(server_figures(before, service.page()))
    assert 35 < figures["search_server_p50_ms"].value <= 50
    assert 35 < figures["search_server_p99_ms"].value <= 50
    assert figures["search_server_p99_ms"].passes


def test_calls_that_were_refused_at_once_do_not_flatter_the_quantiles():
    service = Service()
    before = service.page()
    service.answer(0.001, status="RESOURCE_EXHAUSTED", count=1_000)
    service.answer(1.5, count=10)
    figures = by_name(server_figures(before, service.page()))
    assert figures["search_server_p50_ms"].value > 1_000
    assert figures["search_server_p50_ms"].passes is False


def test_other_methods_are_not_counted():
    service = Service()
    before = service.page()
    service.answer(0.01, method="sagwan.search.v1.SearchService/ListUtterances")
    assert by_name(server_figures(before, service.page()))["search_server_p50_ms"].value is None


def test_a_run_without_answers_misses_its_latency_targets():
    page = Service().page()
    figures = by_name([*client_figures(ClientView.of([])), *server_figures(page, page)])
    for name in ("search_client_p50_ms", "search_client_p99_ms", "search_server_p99_ms"):
        assert figures[name].passes is False


def test_each_stage_gets_its_figures():
    service = Service()
    before = service.page()
    service.search.stage_seconds.labels("embed").observe(0.004)
    service.search.stage_seconds.labels("vector").observe(0.02)
    figures = by_name(server_figures(before, service.page()))
    assert 2.5 < figures["search_stage_embed_p99_ms"].value <= 5
    assert 10 < figures["search_stage_vector_p50_ms"].value <= 20
    assert figures["search_stage_vector_p50_ms"].passes is None


def test_a_degraded_answer_is_a_miss():
    service = Service()
    before = service.page()
    service.search.degraded.labels("embedder_unavailable").inc()
    figure = by_name(server_figures(before, service.page()))["search_degraded_answers"]
    assert (figure.value, figure.passes) == (1, False)


def test_a_restart_during_the_run_is_noticed():
    service = Service()
    service.answer(0.04, count=10)
    with pytest.raises(CounterReset):
        server_figures(service.page(), Service().page())


def entry(times, *, failures=0, start=100.0, last=110.0):
    return {
        "num_requests": sum(times.values()),
        "num_failures": failures,
        "response_times": {str(ms): count for ms, count in times.items()},
        "start_time": start,
        "last_request_timestamp": last,
    }


def test_the_client_s_view_adds_up_plain_and_filtered_searches():
    view = ClientView.of([entry({10: 98}), entry({1_200: 2}, failures=1, start=101.0, last=120.0)])
    assert (view.requests, view.failures, view.seconds) == (100, 1, 20.0)
    figures = by_name(client_figures(view))
    assert figures["search_client_p50_ms"].value == 10
    assert figures["search_client_p99_ms"].value == 1_200
    assert figures["search_client_p99_ms"].passes is False
    assert figures["search_failures"].passes is False
    assert figures["search_requests_per_second"].value == 5.0


def test_the_limit_itself_is_a_miss_for_a_latency_and_a_pass_for_failures():
    figures = by_name(client_figures(ClientView.of([entry({500: 10})])))
    assert figures["search_client_p50_ms"].passes is False
    assert figures["search_failures"].passes is True


def test_a_figure_is_written_in_the_shape_of_the_project_s_result_files():
    figures = by_name(client_figures(ClientView.of([entry({10: 3})])))
    assert figures["search_client_p99_ms"].as_json() == {
        "name": "search_client_p99_ms",
        "value": 10.0,
        "unit": "ms",
        "target": "< 1000",
        "pass": True,
    }
    assert figures["search_requests"].as_json()["target"] is None
    assert figures["search_requests"].as_json()["pass"] is None
