import json
import re
from pathlib import Path

import pytest
import yaml
from promql import grouped_by, references, selectors

from sagwan_monitoring.__main__ import differences, generated
from sagwan_monitoring.unused import UNUSED
from sagwan_runtime.metrics import (
    DatabaseMetrics,
    EmbedderMetrics,
    IndexMetrics,
    IngestMetrics,
    RpcClientMetrics,
    RpcMetrics,
    SearchMetrics,
    new_registry,
)

DEPLOY = Path(__file__).resolve().parents[2]
RUNBOOK = (DEPLOY.parent / "docs" / "runbook.md").read_text(encoding="utf-8")

FAMILIES = (RpcMetrics, RpcClientMetrics, DatabaseMetrics, EmbedderMetrics, IngestMetrics, SearchMetrics, IndexMetrics)
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "info": ("_info",)}
TARGET_LABELS = {"job", "instance"}
SERVICES = {"embedder", "ingest", "search"}


def rules():
    files = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))["rule_files"]
    groups = [
        group
        for name in files
        for group in yaml.safe_load((DEPLOY / "prometheus" / name).read_text(encoding="utf-8"))["groups"]
    ]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def dashboards():
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
    ]


def panels():
    return [
        pytest.param(panel, id=f"{board['title']}, {panel['title']}")
        for board in dashboards()
        for panel in board["panels"]
        if panel["type"] != "row"
    ]


def expressions():
    """Every expression of panels and rules, with its legend where it has one."""
    for panel in panels():
        for target in panel.values[0]["targets"]:
            yield pytest.param(target["expr"], target["legendFormat"], id=f"{panel.id}, {target['refId']}")
    for rule in rules():
        named = rule.get("record") or rule["alert"]
        yield pytest.param(rule["expr"], "", id=f"{named} {' '.join(rule.get('labels', {}).values())}")


@pytest.fixture(scope="module")
def families():
    """Every metric that the services give out: its samples' suffixes, its labels and its description."""
    registry = new_registry("search", "0")
    owners = [make(registry) for make in FAMILIES]
    labels = {metric._name: set(metric._labelnames) for owner in owners for metric in vars(owner).values()}
    labels |= {"sagwan_build_info": {"service", "version"}}
    return {
        family.name: (SUFFIXES[family.type], labels.get(family.name, set()), family.documentation)
        for family in registry.collect()
    }


@pytest.fixture(scope="module")
def known(families):
    """Every sample's name, with its labels and its description."""
    samples = {"up": (TARGET_LABELS, "")}
    for name, (suffixes, labels, description) in families.items():
        for suffix in suffixes:
            extra = {"le"} if suffix == "_bucket" else set()
            samples[name + suffix] = (labels | extra | TARGET_LABELS, description)
    for rule in rules():
        if "record" in rule:
            kept = (grouped_by(rule["expr"]) - {"le"}) | set(rule.get("labels", {}))
            samples[rule["record"]] = (kept, "")
    return samples


def test_what_is_committed_is_what_the_code_writes():
    assert not differences(DEPLOY, generated()), "run `make monitoring`"


@pytest.mark.parametrize(("expression", "legend"), list(expressions()))
def test_every_metric_and_label_that_is_read_is_one_that_a_service_gives_out(expression, legend, known):
    read = references(expression)
    assert read or expression.startswith("vector(")
    for name, matchers in read.items():
        assert name in known, f"{name} is given out by no service"
        labels, description = known[name]
        assert set(matchers) <= labels, f"{name} has no such label"
        for label in {"stage", "what", "outcome"} & set(matchers):
            assert matchers[label] in description
        if "job" in matchers:
            assert set(matchers["job"].split("|")) <= SERVICES
        if name.endswith("_bucket") and "le" not in matchers:
            assert "le" in grouped_by(expression)
    given = set().union(*(known[name][0] for name in read)) if read else set()
    assert grouped_by(expression) <= given
    shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
    assert shown <= (grouped_by(expression) or given)


def test_every_metric_is_read_by_a_panel_or_an_alert_or_has_a_reason_not_to_be(families):
    read = {name for each in expressions() for name, _ in selectors(each.values[0])}
    unread = {name for name, (suffixes, *_) in families.items() if not read & {name + suffix for suffix in suffixes}}
    # The library calls it python; its sample is python_info.
    assert {"python_info" if each == "python" else each for each in unread} == set(UNUSED)
    assert all(len(reason) > 20 for reason in UNUSED.values())


def test_every_recorded_series_is_read():
    read = {name for each in expressions() for name, _ in selectors(each.values[0])}
    assert {rule["record"] for rule in rules() if "record" in rule} - read == {
        "slo:events:rate5m",
        "slo:events:rate30m",
    }


def test_names_and_matchers_are_read_out_of_an_expression():
    expression = 'histogram_quantile(0.9, sum by (a, le) (rate(x_bucket{b=~"c|d", e!="f"}[5m]))) > 1 and y:z >= 0.5'
    assert references(expression) == {"x_bucket": {"b": "c|d", "e": "f"}, "y:z": {}}
    assert grouped_by(expression) == {"a", "le"}
    assert references("x / on () group_left () (y > 0)") == {"x": {}, "y": {}}


@pytest.mark.parametrize("panel", panels())
def test_every_panel_says_what_it_shows_and_what_to_do(panel):
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8"))
    shows, wrong, act = panel["description"].partition("\n\n**When it looks wrong:** ")
    assert wrong
    assert min(len(shows), len(act)) > 20
    assert panel["targets"]
    assert panel["datasource"]["uid"] == source["datasources"][0]["uid"]
    for alert in re.findall(r"runbook, (\w+)", act):
        assert f"## {alert}\n" in RUNBOOK
    for name in re.findall(r"\*([^*]+)\*", act):
        titles = {each.values[0]["title"] for each in panels()} | {each["title"] for each in dashboards()}
        assert any(name in title for title in titles), name


def test_the_search_latency_panel_draws_both_targets():
    (panel,) = [each.values[0] for each in panels() if each.values[0]["title"] == "Search latency against its targets"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 0.5, 1]
    assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "line"}


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Time a text", [0.1]),
        ("Resident memory", [500e6]),
        ("Cores used", [0.3]),
        ("Search P50", [0.5]),
        ("Search P99", [0.5, 1]),
    ],
)
def test_a_panel_draws_the_target_of_the_project(title, lines):
    (panel,) = [each.values[0] for each in panels() if each.values[0]["title"] == title]
    assert [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [None, *lines]


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    for board in dashboards():
        identifiers = [panel["id"] for panel in board["panels"]]
        assert len(set(identifiers)) == len(identifiers)
        cells = [
            (x, y)
            for grid in (panel["gridPos"] for panel in board["panels"])
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) < 24


def test_the_dashboards_are_those_that_the_project_wants():
    assert {each["uid"].removeprefix("sagwan-") for each in dashboards()} == {
        "overview", "search", "embedder", "ingest", "postgres", "capacity",
    }  # fmt: skip


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']} {alert['labels'].get('window', '')}")
def test_every_alert_says_what_is_wrong_and_where_the_runbook_answers_it(alert):
    annotations = alert["annotations"]
    assert annotations["summary"]
    assert annotations["description"]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert annotations["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
    # Labels that the texts name are there after what the expression groups by.
    _, heading, section = RUNBOOK.partition(f"## {alert['alert']}\n")
    assert heading
    parts = re.findall(r"^\*\*(\w+)\.\*\*", section.partition("\n## ")[0], flags=re.MULTILINE)
    assert parts == ["Means", "See", "Do", "Undo"]


def test_the_runbook_has_no_section_of_an_alert_that_is_gone():
    named = {each["alert"] for each in alerts()}
    sections = re.findall(r"^## ([A-Z][a-z]+[A-Z]\w*)$", RUNBOOK, flags=re.MULTILINE)
    assert set(sections) == named
