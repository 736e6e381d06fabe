import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_bench.trends import slope

# The first of Anscombe's four sets; its regression is printed in the paper: 0.5 with a standard error of 0.118.
ANSCOMBE_X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
ANSCOMBE_Y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]


def test_a_published_regression_is_reproduced():
    found = slope(ANSCOMBE_X, ANSCOMBE_Y)
    assert found.value == pytest.approx(0.500, abs=5e-4)
    assert found.standard_error == pytest.approx(0.118, abs=5e-4)


@given(st.floats(-100, 100), st.floats(-100, 100), st.integers(3, 50))
def test_points_on_a_line_have_its_slope_and_no_error(intercept, steepness, count):
    xs = list(range(count))
    found = slope(xs, [intercept + steepness * x for x in xs])
    assert found.value == pytest.approx(steepness, abs=1e-9)
    assert found.standard_error == pytest.approx(0, abs=1e-6)


def test_noise_about_a_level_lies_within_two_standard_errors_of_no_slope():
    found = slope(list(range(100)), [300 + (-1) ** x for x in range(100)])
    assert abs(found.value) <= 2 * found.standard_error


@pytest.mark.parametrize(
    ("xs", "ys"),
    [([], []), ([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([5, 5, 5], [1, 2, 3])],
    ids=["none", "two", "a y too few", "one x"],
)
def test_what_has_no_slope_with_an_error_is_refused(xs, ys):
    with pytest.raises(ValueError, match="slope"):
        slope(xs, ys)
