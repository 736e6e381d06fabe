from itertools import permutations
from pathlib import Path

import pytest

from sagwan_runtime.postgres.migrations import MigrationError, ordered

FILES = [("0001_first.sql", "SELECT 1"), ("0002_second.sql", "SELECT 2"), ("0003_third_1.sql", "SELECT 3")]
REPOSITORY = Path(__file__).parents[4]


@pytest.mark.parametrize("files", list(permutations(FILES)))
def test_files_are_applied_by_number_whatever_order_they_are_found_in(files):
    assert [(each.version, each.file_name, each.sql) for each in ordered(files)] == [
        (1, "0001_first.sql", "SELECT 1"),
        (2, "0002_second.sql", "SELECT 2"),
        (3, "0003_third_1.sql", "SELECT 3"),
    ]


@pytest.mark.parametrize(
    "files",
    [FILES[1:], [FILES[0], FILES[2]], [*FILES, ("0003_again.sql", "")], [("0000_zero.sql", ""), *FILES]],
    ids=["no first", "a gap", "a number twice", "a zeroth"],
)
def test_numbers_that_are_not_one_after_the_other_are_refused(files):
    with pytest.raises(MigrationError, match="without a gap"):
        ordered(files)


@pytest.mark.parametrize(
    "file_name", ["1_first.sql", "0001.sql", "0001_First.sql", "0001-first.sql", "0001_first.sql.bak", "README.md"]
)
def test_a_name_that_does_not_follow_the_pattern_is_refused(file_name):
    with pytest.raises(MigrationError, match="is not named like"):
        ordered([(file_name, "SELECT 1")])


def test_without_files_there_is_nothing_to_apply():
    assert ordered([]) == []


def test_a_changed_text_has_another_digest():
    (before,), (after,) = ordered([("0001_first.sql", "SELECT 1")]), ordered([("0001_first.sql", "SELECT 2")])

    assert len(before.sha256) == 32
    assert before.sha256 != after.sha256


def test_the_files_of_this_repository_are_in_order():
    files = [(path.name, path.read_text()) for path in (REPOSITORY / "migrations").glob("*.sql")]

    assert ordered(files)
