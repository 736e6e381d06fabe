import pytest

from sagwan_bench.results import Figure, at_least, below


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1_024, "1,024"), (3_051.256, "3,051.26"), (0.99824, "0.9982"), (-0.0312, "-0.0312"), (0, "0"), (None, "-")],
)
def test_a_value_is_shown_as_finely_as_it_is_read(value, shown):
    assert Figure("some_figure", value, "unit").as_row().split() == ["some_figure", shown, "unit"]


def test_a_figure_that_misses_its_target_says_so():
    assert Figure("parity", 0.9899, "cosine", at_least(0.99)).as_row().endswith(">= 0.99  MISSED")
    assert Figure("idle", 0.2, "%", below(1)).as_row().endswith("ok")


def test_what_could_not_be_measured_misses_its_target():
    figure = Figure("ratio", None, "times", at_least(3))
    assert figure.passes is False
    assert figure.as_json() == {"name": "ratio", "value": None, "unit": "times", "target": ">= 3", "pass": False}
