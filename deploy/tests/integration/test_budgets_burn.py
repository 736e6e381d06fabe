"""Burn-rate alerts, run by promtool. Every number here is written out: one that moves in the rules is missed."""

import subprocess

import pytest
from promtool import RULES, outcome, steps

pytestmark = pytest.mark.observability

ALL = ["1h", "6h", "3d"]
CALLS = "grpc_server_call_duration_seconds"
SEARCH = 'grpc_method="sagwan.search.v1.SearchService/Search"'


def searches(*phases, status="OK"):
    """Searches a step, those among them that take longer than 1 s, and steps, phase by phase."""
    labels = f'job="search",{SEARCH},grpc_status="{status}"'
    return {
        f'{CALLS}_bucket{{{labels},le="1.0"}}': steps(*((all_ - slow, count) for all_, slow, count in phases)),
        f'{CALLS}_bucket{{{labels},le="2.0"}}': steps(*((all_, count) for all_, _, count in phases)),
        f"{CALLS}_count{{{labels}}}": steps(*((all_, count) for all_, _, count in phases)),
    }


def questions(*phases):
    """The same of questions that take the model longer than 100 ms, beside passages that all do."""
    labels = 'job="embedder",kind="query"'
    return {
        f'sagwan_embedder_text_seconds_bucket{{{labels},le="0.1"}}': steps(*((a - b, n) for a, b, n in phases)),
        f"sagwan_embedder_text_seconds_count{{{labels}}}": steps(*((a, n) for a, _, n in phases)),
        'sagwan_embedder_text_seconds_bucket{job="embedder",kind="passage",le="0.1"}': steps(
            *((0, n) for *_, n in phases)
        ),
        'sagwan_embedder_text_seconds_count{job="embedder",kind="passage"}': steps(*((9_000, n) for *_, n in phases)),
    }


def calls(job, status):
    """Calls of a service, those among them that end with a status, phase by phase."""

    def of(*phases):
        method = f'job="{job}",grpc_method="sagwan.{job}.v1.Service/Method"'
        # Half of the good ones were not what their callers hoped for, and that is not the service's fault.
        good = steps(*(((a - b) / 2, n) for a, b, n in phases))
        return {
            f'{CALLS}_count{{{method},grpc_status="OK"}}': good,
            f'{CALLS}_count{{{method},grpc_status="NOT_FOUND"}}': good,
            f'{CALLS}_count{{{method},grpc_status="{status}"}}': steps(*((b, n) for _, b, n in phases)),
            f'{CALLS}_count{{job="{job}",grpc_method="other",grpc_status="UNIMPLEMENTED"}}': steps(
                *((a, n) for a, _, n in phases)
            ),
        }

    return of


def items(job, counter):
    """Items of calls that all end well, those among them that do not, phase by phase."""

    def of(*phases):
        return {
            f'{CALLS}_count{{job="{job}",grpc_method="sagwan.{job}.v1.Service/Many",grpc_status="OK"}}': steps(
                *((0, n) for *_, n in phases)
            ),
            f'{counter}{{job="{job}",grpc_status="OK"}}': steps(*((a - b, n) for a, b, n in phases)),
            f'{counter}{{job="{job}",grpc_status="UNAVAILABLE"}}': steps(*((b, n) for _, b, n in phases)),
        }

    return of


# Alert, series, the share of events that may be bad.
BUDGETS = [
    pytest.param("SearchLatencyBudgetBurn", searches, 0.01, id="search latency"),
    pytest.param("EmbedderLatencyBudgetBurn", questions, 0.01, id="embedder latency"),
    pytest.param("SearchErrorBudgetBurn", calls("search", "INTERNAL"), 0.001, id="search INTERNAL"),
    pytest.param("SearchErrorBudgetBurn", calls("search", "RESOURCE_EXHAUSTED"), 0.001, id="search refusals"),
    pytest.param("IngestErrorBudgetBurn", calls("ingest", "UNAVAILABLE"), 0.001, id="ingest UNAVAILABLE"),
    pytest.param("IngestErrorBudgetBurn", calls("ingest", "DEADLINE_EXCEEDED"), 0.001, id="ingest DEADLINE_EXCEEDED"),
    pytest.param(
        "SearchErrorBudgetBurn", items("search", "sagwan_search_batch_questions_total"), 0.001, id="search batches"
    ),
    pytest.param(
        "IngestErrorBudgetBurn", items("ingest", "sagwan_ingest_import_items_total"), 0.001, id="ingest imports"
    ),
    pytest.param("EmbedderErrorBudgetBurn", calls("embedder", "UNKNOWN"), 0.001, id="embedder UNKNOWN"),
]


@pytest.mark.parametrize(("alert", "series", "budget"), BUDGETS)
@pytest.mark.parametrize(
    ("burn", "windows"),
    [(14.6, ALL), (14.2, ["6h", "3d"]), (6.1, ["6h", "3d"]), (5.9, ["3d"]), (1.1, ["3d"]), (0.9, []), (0, [])],
)
def test_an_alert_fires_from_its_burn_rate_on_and_is_silent_below(tmp_path, alert, series, budget, burn, windows):
    bad = round(100_000 * budget * burn)
    assert not outcome(tmp_path, series((100_000, bad, 70)), {"65m": {alert: windows}})


@pytest.mark.parametrize(("alert", "series", "budget"), BUDGETS)
@pytest.mark.parametrize(
    ("hourly", "windows"), [({0.01: 19, 0.001: 200}, []), ({0.01: 24, 0.001: 216}, ["1h"])], ids=["few", "enough"]
)
def test_an_alert_bears_low_traffic(tmp_path, alert, series, budget, hourly, windows):
    # All of them are bad: what is below the floor may be one or two.
    a_minute = hourly[budget] / 60
    assert not outcome(tmp_path, series((a_minute, a_minute, 62)), {"61m": {alert: windows}})


@pytest.mark.parametrize("alert", sorted({each.values[0] for each in BUDGETS}))
def test_an_alert_bears_no_data(tmp_path, alert):
    assert not outcome(tmp_path, {"up": "1x400"}, {"1h": {alert: []}, "6h": {alert: []}})


def test_an_alert_bears_calls_that_have_ended(tmp_path):
    stopped = searches((1_000, 0, 10), (0, 0, 400))
    assert not outcome(
        tmp_path, stopped, {"60m": {"SearchLatencyBudgetBurn": []}, "6h": {"SearchLatencyBudgetBurn": []}}
    )


def test_each_alert_clears_soon_after_its_trouble_has_ended(tmp_path):
    fast_again = searches((1_000, 200, 65), (1_000, 0, 480))
    alert = "SearchLatencyBudgetBurn"
    assert not outcome(
        tmp_path,
        fast_again,
        {
            "65m": {alert: ALL},
            "71m": {alert: ["6h", "3d"]},
            "96m": {alert: ["3d"]},
            # All of it is out of the last six hours.
            "430m": {alert: []},
        },
    )


@pytest.mark.parametrize(("minutes", "windows"), [(8, []), (9, ["1h"]), (20, ["1h"]), (23, ["1h", "6h"])])
def test_a_burst_counts_by_its_share_of_the_long_window(tmp_path, minutes, windows):
    # Six hours are well; then all searches are slow: 14.4 % of an hour are 8.6 minutes, 6 % of six hours 21.6.
    burst = searches((1_000, 0, 361), (1_000, 1_000, minutes))
    others = {"SearchLatencyBudgetBurn": [*windows, "3d"]}
    assert not outcome(tmp_path, burst, {f"{361 + minutes}m": others})


@pytest.mark.parametrize(("steps_slow", "windows"), [(10, []), (11, ["3d"])])
def test_the_slowest_alert_counts_three_days(tmp_path, steps_slow, windows):
    # 1 % of three days is 43 minutes. A day has 360 steps.
    burst = searches((1_000, 0, 1_080), (1_000, 1_000, steps_slow))
    time = f"{(1_080 + steps_slow) * 4}m"
    assert not outcome(tmp_path, burst, {time: {"SearchLatencyBudgetBurn": ["1h", "6h", *windows]}}, step="4m")


@pytest.mark.parametrize("status", ["CANCELLED", "DEADLINE_EXCEEDED"])
def test_slow_searches_that_callers_gave_up_count(tmp_path, status):
    refused = searches((100_000, 0, 70), status="RESOURCE_EXHAUSTED")
    given_up = searches((1_000, 900, 70), status=status)
    assert not outcome(tmp_path, refused | given_up, {"65m": {"SearchLatencyBudgetBurn": ALL}})


def test_what_the_embedder_refuses_is_not_its_failure(tmp_path):
    refused = calls("embedder", "RESOURCE_EXHAUSTED")((1_000, 500, 70))
    assert not outcome(tmp_path, refused, {"65m": {"EmbedderErrorBudgetBurn": []}})


def test_the_p99_is_recorded_as_prometheus_interpolates_it(tmp_path):
    series = searches((100, 3, 20))
    file = tmp_path / "case.yml"
    values = "".join(f"      - series: '{name}'\n        values: '{samples}'\n" for name, samples in series.items())
    infinite = f'{CALLS}_bucket{{job="search",{SEARCH},grpc_status="OK",le="+Inf"}}'
    file.write_text(
        f"rule_files: ['{RULES}/slo.yml']\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n"
        f"{values}      - series: '{infinite}'\n        values: '{steps((100, 20))}'\n"
        "    promql_expr_test:\n"
        f"      - expr: round(grpc_method:{CALLS}:p99_rate5m, 0.001)\n        eval_time: 5m\n"
        f"        exp_samples: [{{labels: '{{{SEARCH}}}', value: 1.667}}]\n"
        f"      - expr: round(grpc_method:{CALLS}_count:rate5m, 0.001)\n        eval_time: 5m\n"
        f"        exp_samples: [{{labels: '{{{SEARCH}}}', value: 6.667}}]\n"
    )
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("config", "../prometheus.yml"), ("rules", "slo.yml", "alerts.yml")], ids=lambda each: each[0]
)
def test_promtool_accepts_the_configuration_and_the_rules(arguments):
    done = subprocess.run(["promtool", "check", *arguments], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
