"""Rule tests for promtool, written from cases."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

RULES = Path(__file__).resolve().parents[1] / "prometheus" / "rules"


def steps(*phases):
    """A counter's samples: in each phase (growth a step, number of steps), one after the other, from 0."""
    values, now = [], 0
    for growth, count in phases:
        values.append(f"{now + growth}+{growth}x{count - 1}")
        now += growth * count
    return "0 " + " ".join(values)


def outcome(
    folder: Path, series: Mapping[str, str], expected: Mapping[str, Mapping[str, list[str]]], *, step="1m", rules=RULES
):
    """What promtool says of a case: empty when the alerts are as expected.

    Args:
        folder: For its file.
        series: Samples by series, one a step.
        expected: By time, by alert, the values of the label `window` (of those without one: "") of what fires then.
        step: Time between samples and between evaluations.
        rules: The folder of the rules.
    """
    tests = [
        {
            "expr": f'count by (window) (ALERTS{{alertname="{alert}", alertstate="firing"}})',
            "eval_time": time,
            "exp_samples": [{"labels": f'{{window="{each}"}}' if each else "{}", "value": 1} for each in windows],
        }
        for time, alerts in expected.items()
        for alert, windows in alerts.items()
    ]
    groups = _needed(rules, {alert for alerts in expected.values() for alert in alerts})
    needed = folder / "rules.yml"
    needed.write_text(yaml.safe_dump({"groups": groups}))
    case = {
        "rule_files": [str(needed)],
        # Without it promtool takes a random one, and an alert may read what was recorded a step ago.
        "group_eval_order": [group["name"] for group in groups],
        "evaluation_interval": step,
        "tests": [
            {
                "interval": step,
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    file = folder / "case.yml"
    file.write_text(yaml.safe_dump(case), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout + done.stderr if done.returncode else ""


def _needed(rules, alerts):
    """The rules of some alerts, and those that record what they read: promtool takes minutes for all of them."""
    groups = [
        group
        for name in ("slo.yml", "alerts.yml")
        for group in yaml.safe_load((rules / name).read_text(encoding="utf-8"))["groups"]
    ]
    reads = "".join(rule["expr"] for group in groups for rule in group["rules"] if rule.get("alert") in alerts)
    objectives = set(re.findall(r'slo="([^"]+)"', reads))
    for group in groups:
        group["rules"] = [
            rule
            for rule in group["rules"]
            if rule.get("alert") in alerts or ("record" in rule and rule.get("labels", {}).get("slo") in objectives)
        ]
    return [group for group in groups if group["rules"]]
