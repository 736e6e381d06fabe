"""Every dashboard and every rule, asked of a Prometheus that has watched the services work."""

import json
import re
from bisect import bisect_left

import pytest
from promql import selectors
from stack import ROOT
from watching import are_numbers, filled_in, numbers

from sagwan_bench.samples import nearest_rank
from sagwan_runtime.metrics import LATENCY_BUCKETS_S

BOARDS = [json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))]
VARIABLES = {"$__rate_interval": "10s", "$instance": ".*"}


def queries():
    return [
        pytest.param(target["expr"], id=f"{board['title']}, {panel['title']}, {target['refId']}")
        for board in BOARDS
        for panel in board["panels"]
        if panel["type"] != "row"
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("expression", queries())
def test_every_query_of_every_panel_draws_numbers(watched, expression):
    drawn = watched.prometheus.range(
        filled_in(expression, VARIABLES), begin_s=watched.worked.begun_s, end_s=watched.ended_s
    )
    assert numbers(drawn)
    assert are_numbers(numbers(drawn))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["title"])
def test_the_variable_of_a_board_finds_its_instances(watched, board):
    (variable,) = board["templating"]["list"]
    series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
    instances = {labels[label] for labels, _ in watched.prometheus.now(series)}
    assert instances
    for instance in instances:
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                assert f'=~"{instance}"' in filled_in(target["expr"], VARIABLES | {"$instance": instance}) or (
                    "instance" not in target["expr"]
                )


def test_every_matcher_of_every_query_and_rule_selects_something(watched):
    rules = [rule["query"] for group in watched.prometheus.rule_groups() for rule in group["rules"]]
    asked = {
        (name, label, operator, value)
        for expression in [*(filled_in(each.values[0], VARIABLES) for each in queries()), *rules]
        for name, matchers in selectors(expression)
        for label, operator, value in matchers
    }
    assert len(asked) > 100
    nothing = []
    for name, label, operator, value in sorted(asked):
        found = watched.prometheus.now(f'count(last_over_time({name}{{{label}{operator}"{value}"}}[10m]))')
        if not found:
            nothing.append(f'{name}{{{label}{operator}"{value}"}}')
    assert not nothing


def test_every_rule_is_evaluated_without_an_error(watched):
    groups = watched.prometheus.rule_groups()
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 70
    assert {rule["health"] for rule in rules} == {"ok"}


def test_every_recorded_series_has_numbers(watched):
    groups = watched.prometheus.rule_groups()
    recorded = [rule for group in groups for rule in group["rules"] if rule["type"] == "recording"]
    for rule in recorded:
        labels = ",".join(f'{label}="{value}"' for label, value in rule.get("labels", {}).items())
        values = [value for _, value in watched.prometheus.now(f"{rule['name']}{{{labels}}}")]
        assert values, rule["name"]
        assert are_numbers(values), rule["name"]


def test_the_p99_on_the_dashboard_is_the_callers_within_a_bucket(watched):
    (panel,) = [each for board in BOARDS for each in board["panels"] if each["title"] == "Search P99"]
    worked = watched.worked
    window = VARIABLES | {"$__rate_interval": f"{round(worked.ended_s - worked.begun_s)}s"}
    ((_, shown_s),) = watched.prometheus.now(filled_in(panel["targets"][0]["expr"], window), at_s=worked.ended_s + 1)
    measured_s = nearest_rank(0.99, worked.search_seconds)
    assert len(worked.search_seconds) > 100
    assert abs(bisect_left(LATENCY_BUCKETS_S, shown_s) - bisect_left(LATENCY_BUCKETS_S, measured_s)) <= 1, (
        shown_s,
        measured_s,
    )


def test_a_degraded_question_counts_as_one_however_it_was_asked(watched):
    (panel,) = [each for board in BOARDS for each in board["panels"] if each["title"] == "Degraded answers"]
    expression = filled_in(panel["targets"][0]["expr"], VARIABLES)
    drawn = watched.prometheus.range(expression, begin_s=watched.worked.begun_s, end_s=watched.ended_s)
    assert min(numbers(drawn)) >= 0
    # While the embedder hung, nearly all were degraded: lone ones, a context, and a batch of twelve.
    assert 0.5 < max(numbers(drawn)) <= 1


def test_dots_on_the_latency_panel_lead_to_traces_that_were_kept(watched):
    found = watched.prometheus.exemplars(
        'grpc_server_call_duration_seconds_bucket{job="search"}', begin_s=watched.worked.begun_s, end_s=watched.ended_s
    )
    led_to = {each["labels"]["trace_id"] for series in found for each in series["exemplars"]}
    kept = {span.trace_id.hex() for _, span in watched.collector.spans}
    assert led_to
    # The last ones may not have been sent yet.
    assert len(led_to & kept) >= len(led_to) * 0.8


def test_sagwan_slo_judges_what_prometheus_saw_as_it_judges_what_the_pages_say(watched):
    def judged(*options):
        done = watched.stack.run("slo", "--json", *options, check=False)
        assert done.returncode in {0, 1}, done.stderr
        found = json.loads(done.stdout)
        assert found["pass"] is (done.returncode == 0)
        return {each["name"]: each for each in found["figures"]}

    by_prometheus = judged("--prometheus", watched.prometheus.url, "--window", "10m")
    by_pages = judged("--idle-seconds", "2")

    assert by_prometheus.keys() == by_pages.keys()
    for name, figure in by_prometheus.items():
        assert figure["target"] == by_pages[name]["target"], name
    for name in ("search_p99_ms", "embedded_text_mean_ms", "embedded_text_p99_ms"):
        assert min(by_prometheus[name]["value"], by_pages[name]["value"]) > 0, name
    # Prometheus missed what was before its first look, and sees memory by the second.
    for name in ("search_p50_ms", "search_resident_max_mb", "ingest_resident_max_mb", "embedder_resident_max_mb"):
        assert 0.5 < by_prometheus[name]["value"] / by_pages[name]["value"] < 2, name
    assert by_pages["embedder_idle_cores"]["pass"] is not False
