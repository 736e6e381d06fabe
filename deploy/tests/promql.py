"""What a PromQL expression reads: its metrics and the label values that it matches them on."""

import re
from collections import defaultdict

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "group_left", "group_right", "by", "on"}


def selectors(expression):
    """Each selector of an expression: metric and matchers as (label, operator, value)."""
    plain = re.sub(
        rf"\b(by|without|on|ignoring|group_left|group_right)\s*\(({NAME}(\s*,\s*{NAME})*)?\)", " ", expression
    )
    plain = re.sub(r"\[[^\]]*\]", " ", plain)
    for name, matchers in re.findall(
        rf"(?<![\w.\"$])({NAME})\b\s*(?!\s*\()(?:\{{([^}}]*)\}})?", _without_strings(plain)
    ):
        if name.lower() not in KEYWORDS:
            yield name, re.findall(rf'({NAME})\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers)


def references(expression):
    """The metrics that an expression reads, each with the labels that it is matched on."""
    found = defaultdict(dict)
    for name, matchers in selectors(expression):
        found[name] |= {label: value for label, _, value in matchers}
    return dict(found)


def grouped_by(expression):
    """The labels that an expression keeps or joins on."""
    clauses = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
    return {label.strip() for clause in clauses for label in clause.split(",")} - {""}


def _without_strings(expression):
    """The expression without strings that stand outside of braces: arguments of functions."""
    return re.sub(r'\(\s*"[^"]*"', "(", expression)
