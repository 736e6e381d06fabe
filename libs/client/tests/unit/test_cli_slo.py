"""`sagwan slo` against real metrics pages: the figures, the verdicts, the exit status."""

import json
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from sagwan_client.cli.main import main
from sagwan_client.slo.readings import Idle, IndexShape, Readings
from sagwan_client.slo.verdicts import verdicts
from sagwan_runtime.exposition import serve_metrics
from sagwan_runtime.metrics import EmbedderMetrics, RpcMetrics

SEARCH = "sagwan.search.v1.SearchService/Search"
SERVICES = ("search", "ingest", "embedder")


class Services:
    """What stands behind the pages; figures of a process are set, for this one is no service."""

    def __init__(self):
        self.registries = {each: CollectorRegistry() for each in SERVICES}
        self.rpc = {each: RpcMetrics(registry) for each, registry in self.registries.items()}
        self.embedder = EmbedderMetrics(self.registries["embedder"])
        self.cpu = {each: Counter("process_cpu_seconds", "CPU.", registry=self.registries[each]) for each in SERVICES}
        for registry in self.registries.values():
            Gauge("sagwan_process_resident_memory_peak_bytes", "Peak.", registry=registry).set(123e6)


@pytest.fixture
def services(monkeypatch, tmp_path):
    """Three metrics pages, and what stands behind them."""
    monkeypatch.setenv("SAGWAN_HOME", str(tmp_path))
    monkeypatch.delenv("SAGWAN_PROMETHEUS_URL", raising=False)

    found = Services()
    with ExitStack() as stack:
        pages = {each: serve_metrics(found.registries[each], "127.0.0.1", 0) for each in SERVICES}
        for page in pages.values():
            stack.callback(page.close)
        found.options = [f"--metrics={name}=http://127.0.0.1:{page.port}/metrics" for name, page in pages.items()]
        yield found


@pytest.fixture
def judged(services, capsys):
    """Runs `sagwan slo --json`: exit status, what it printed, and the figures by name."""

    def run(*options):
        with pytest.raises(SystemExit) as left:
            main(["slo", "--json", "--idle-seconds", "1", *services.options, *options])
        found = json.loads(capsys.readouterr().out)
        return left.value.code, found, {each["name"]: each for each in found["figures"]}

    return run


def searched(services, seconds, count, status="OK"):
    for _ in range(count):
        services.rpc["search"].duration.labels(SEARCH, status).observe(seconds)


def embedded(services, seconds):
    services.embedder.text_seconds.labels("passage").observe(seconds)


def test_all_targets_held_is_status_0(services, judged):
    searched(services, 0.08, 100)
    embedded(services, 0.03)

    status, found, figures = judged()

    assert (status, found["pass"]) == (0, True)
    assert figures["search_p99_ms"]["value"] <= 100
    assert figures["search_p99_ms"]["target"] == "< 1000"
    assert figures["search_p50_ms"]["target"] == "< 500"
    assert figures["embedded_text_mean_ms"]["value"] == pytest.approx(30)
    for each in SERVICES:
        assert (figures[f"{each}_resident_max_mb"]["value"], figures[f"{each}_resident_max_mb"]["target"]) == (
            123,
            "< 500",
        )
        assert (figures[f"{each}_idle_cores"]["value"], figures[f"{each}_idle_cores"]["target"]) == (0, "< 0.3")


@pytest.mark.parametrize(
    ("slow_s", "share", "missed"), [(1.5, 2, {"search_p99_ms"}), (0.7, 60, {"search_p50_ms"}), (0.9, 40, set())]
)
def test_a_target_that_is_missed_is_status_1_and_named(services, judged, slow_s, share, missed):
    searched(services, 0.08, 100 - share)
    searched(services, slow_s, share)
    embedded(services, 0.03)

    status, found, figures = judged()

    assert {name for name, each in figures.items() if each["pass"] is False} == missed
    assert (status, found["pass"]) == (bool(missed), not missed)


def test_refusals_that_are_quick_do_not_hide_slow_searches(services, judged):
    searched(services, 0.001, 1_000, status="RESOURCE_EXHAUSTED")
    searched(services, 3, 5, status="CANCELLED")
    embedded(services, 0.03)

    _, _, figures = judged()

    assert figures["search_p50_ms"]["value"] > 1_000


def test_what_nobody_did_is_no_target_held(services, judged):
    status, found, figures = judged()

    assert (status, found["pass"]) == (1, False)
    searched = figures["search_p99_ms"]
    assert (searched["value"], searched["pass"], searched["why"]) == (None, False, "nobody searched")


def test_a_service_that_is_called_is_not_judged_by_its_cpu(services, judged):
    searched(services, 0.08, 100)
    embedded(services, 0.03)
    services.rpc["search"].in_flight.labels(SEARCH).inc()

    status, _, figures = judged()

    assert status == 0
    assert (figures["search_idle_cores"]["pass"], figures["search_idle_cores"]["why"]) == (
        None,
        "it was called meanwhile",
    )


def test_a_table_says_what_is_missed(services, capsys):
    searched(services, 4, 10)
    with pytest.raises(SystemExit) as left:
        main(["slo", "--idle-seconds", "1", *services.options])

    printed = capsys.readouterr().out
    assert left.value.code == 1
    (line,) = [each for each in printed.splitlines() if each.startswith("search_p99_ms")]
    assert "MISSED" in line
    assert "nothing was embedded" in " ".join(printed.split())
    assert "docs/performance.md" in printed


def test_a_page_that_does_not_answer_is_status_2(unused_tcp_port, capsys):
    with pytest.raises(SystemExit) as left:
        main(["slo", f"--metrics=search=http://127.0.0.1:{unused_tcp_port}/metrics"])
    assert left.value.code == 2
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "file:///etc/passwd"])
def test_a_prometheus_that_does_not_answer_is_status_2(unused_tcp_port, capsys, url):
    with pytest.raises(SystemExit) as left:
        main(["slo", "--prometheus", url.format(port=unused_tcp_port)])
    assert left.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("given", ["nobody=http://127.0.0.1", "search=ftp://127.0.0.1", "search"])
def test_a_page_that_is_not_named_as_it_should_be_is_refused(given, capsys):
    with pytest.raises(SystemExit) as left:
        main(["slo", "--metrics", given])
    assert left.value.code == 2


@pytest.mark.parametrize(
    ("index", "passing"),
    [
        (IndexShape(rows=10_000, lists=100, probes=10), (True, True)),
        (IndexShape(rows=19_000, lists=100, probes=10), (True, True)),
        (IndexShape(rows=30_000, lists=100, probes=10), (False, True)),
        (IndexShape(rows=10_000, lists=100, probes=40), (True, False)),
        (None, (None, None)),
    ],
)
def test_lists_are_the_root_of_the_rows_and_probes_the_root_of_the_lists(index, passing):
    nothing = dict.fromkeys(SERVICES)
    readings = Readings("", 0.1, 0.2, 0.03, 0.05, nothing, {each: Idle(0.0) for each in SERVICES}, index)

    found = {each.figure.name: each.passes for each in verdicts(readings)}

    assert (found["ivfflat_lists_off"], found["ivfflat_probes_off"]) == passing
