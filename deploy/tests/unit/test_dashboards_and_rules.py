import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from sagwan_runtime.metrics import (
    DatabaseMetrics,
    EmbedderMetrics,
    IngestMetrics,
    RpcMetrics,
    SearchMetrics,
    new_registry,
)

DEPLOY = Path(__file__).resolve().parents[2]
RUNBOOK = DEPLOY.parent / "docs" / "runbook.md"

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "info": ("_info",)}
TARGET_LABELS = {"job", "instance"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


def references(expression):
    """The metrics that a PromQL expression reads, each with the label values it is matched on."""
    plain = re.sub(rf"\b(by|without|on|ignoring)\s*\({NAME}(\s*,\s*{NAME})*\)", " ", expression)
    plain = re.sub(r"\[[^\]]*\]", " ", plain)
    found = defaultdict(dict)
    for name, matchers in re.findall(rf"({NAME})\b\s*(?!\s*\()(?:\{{([^}}]*)\}})?", plain):
        if name.lower() not in KEYWORDS:
            found[name] |= dict(re.findall(rf'({NAME})\s*(?:=~|!~|!=|=)\s*"([^"]*)"', matchers))
    return dict(found)


def grouped_by(expression):
    clauses = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return {label.strip() for clause in clauses for label in clause.split(",")}


@pytest.fixture(scope="module")
def known():
    """Every sample name that the services give out, with its labels and its description."""
    registry = new_registry("search", "0")
    owners = [make(registry) for make in (RpcMetrics, DatabaseMetrics, EmbedderMetrics, IngestMetrics, SearchMetrics)]
    labels = {metric._name: set(metric._labelnames) for owner in owners for metric in vars(owner).values()}
    samples = {"up": (TARGET_LABELS, "")}
    for family in registry.collect():
        for suffix in SUFFIXES[family.type]:
            extra = {"le"} if suffix == "_bucket" else set()
            samples[family.name + suffix] = (
                labels.get(family.name, set()) | extra | TARGET_LABELS,
                family.documentation,
            )
    for rule in rules():
        if "record" in rule:
            samples[rule["record"]] = (grouped_by(rule["expr"]) - {"le"}, "")
    return samples


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
    return [panel for board in dashboards() for panel in board["panels"] if panel["type"] != "row"]


def expressions():
    for panel in panels():
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']}, {target['refId']}")
    for rule in rules():
        yield pytest.param(rule["expr"], id=rule.get("record") or rule["alert"])


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_and_label_that_is_read_is_one_that_a_service_gives_out(expression, known):
    read = references(expression)
    assert read
    for name, matchers in read.items():
        assert name in known, f"{name} is given out by no service"
        labels, description = known[name]
        assert set(matchers) <= labels, f"{name} has no such label"
        if "stage" in matchers:
            assert matchers["stage"] in description
    assert grouped_by(expression) <= set().union(*(known[name][0] for name in read))


def test_names_and_matchers_are_read_out_of_an_expression():
    expression = 'histogram_quantile(0.9, sum by (a, le) (rate(x_bucket{b=~"c|d", e!="f"}[5m]))) > 1 and y:z >= 0.5'
    assert references(expression) == {"x_bucket": {"b": "c|d", "e": "f"}, "y:z": {}}
    assert grouped_by(expression) == {"a", "le"}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows_and_names_the_provisioned_source(panel):
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8"))
    assert len(panel["description"]) > 20
    assert panel["targets"]
    assert panel["datasource"]["uid"] == source["datasources"][0]["uid"]


def test_the_search_latency_panel_draws_both_targets():
    (panel,) = [each for each in panels() if each["title"] == "Search latency against its targets"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 0.5, 1]
    assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "line"}


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


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_what_is_wrong_and_where_the_runbook_answers_it(alert):
    annotations = alert["annotations"]
    assert annotations["summary"]
    assert annotations["description"]
    assert annotations["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert alert["alert"] in headings
