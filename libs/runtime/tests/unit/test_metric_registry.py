import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry

from sagwan_runtime import metrics
from sagwan_runtime.exposition import serve_metrics
from sagwan_runtime.metrics import LATENCY_BUCKETS_S, new_registry

FAMILIES = [
    metrics.RpcMetrics,
    metrics.RpcClientMetrics,
    metrics.DatabaseMetrics,
    metrics.EmbedderMetrics,
    metrics.IngestMetrics,
    metrics.SearchMetrics,
    metrics.IndexMetrics,
]


def test_all_metrics_have_names_of_their_own():
    registry = CollectorRegistry()

    # A registry refuses a name that it has already.
    for family in FAMILIES:
        family(registry)

    names = [each.name for each in registry.collect()]
    assert len(names) == len(set(names)) > 15


def test_every_family_of_metrics_is_held_to_these_tests():
    classes = {each for each in vars(metrics).values() if isinstance(each, type) and each.__name__.endswith("Metrics")}

    assert classes == set(FAMILIES)


def test_latency_is_counted_at_the_targets_of_the_project():
    assert {0.1, 0.5, 1.0} <= set(LATENCY_BUCKETS_S)
    assert list(LATENCY_BUCKETS_S) == sorted(set(LATENCY_BUCKETS_S))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.__name__)
def test_every_duration_is_counted_at_the_targets(family):
    durations = {
        name: each
        for name, each in vars(family(CollectorRegistry())).items()
        if isinstance(each, metrics.Histogram) and name.endswith("seconds")
    }
    rpc = family in (metrics.RpcMetrics, metrics.RpcClientMetrics)

    for duration in [family(CollectorRegistry()).duration] if rpc else durations.values():
        labels = ["x"] * len(duration._labelnames)
        child = duration.labels(*labels) if labels else duration
        assert {0.1, 0.5, 1.0} <= set(child._upper_bounds)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.__name__)
def test_every_metric_is_described_and_names_its_unit(family):
    registry = CollectorRegistry()
    family(registry)

    for metric in registry.collect():
        assert metric.documentation.endswith(".")
        assert metric.name.startswith(("sagwan_", "grpc_server_", "grpc_client_"))


def test_a_process_tells_what_it_is_and_what_it_uses():
    registry = new_registry("sagwan-search", "1.2.3")

    build = registry.get_sample_value("sagwan_build_info", {"service": "sagwan-search", "version": "1.2.3"})
    assert build == 1
    assert registry.get_sample_value("process_resident_memory_bytes") > 0
    assert registry.get_sample_value("process_cpu_seconds_total") > 0
    peak = registry.get_sample_value("sagwan_process_resident_memory_peak_bytes")
    assert peak >= registry.get_sample_value("process_resident_memory_bytes") * 0.9
    assert registry.get_sample_value("sagwan_process_cores") >= 1


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.__name__)
def test_what_has_not_happened_yet_is_there_as_0(family):
    # These are known only when the service is wired: its methods, its targets, its queries.
    later = {"grpc_method", "query"}
    owner = family(CollectorRegistry())

    for metric in vars(owner).values():
        if metric._labelnames and not later & set(metric._labelnames) and metric._type != "gauge":
            assert metric._metrics, metric._name


def test_the_page_for_prometheus_is_served_until_it_is_closed():
    page = serve_metrics(new_registry("sagwan-search", "1.2.3"), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{page.port}/metrics"
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    page.close()

    assert 'sagwan_build_info{service="sagwan-search",version="1.2.3"} 1.0' in text
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=5)
