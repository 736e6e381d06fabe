import pytest

from sagwan_runtime.postgres.queries import Query, load_queries

TWO_QUERIES = """\
-- What every query of this file has in common.

-- name: one
-- The first.
SELECT 1;

-- name: two
-- The second,
-- with a second line of comment.
SELECT x -- inline
FROM t
WHERE x = $1;
"""


@pytest.fixture
def query_file(tmp_path):
    def write(text):
        path = tmp_path / "queries.sql"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_each_query_is_found_by_its_name(query_file):
    queries = load_queries(query_file(TWO_QUERIES))

    assert list(queries) == ["one", "two"]
    assert queries["one"] == Query("one", "SELECT 1;")
    assert queries["two"].sql.endswith("SELECT x -- inline\nFROM t\nWHERE x = $1;")


def test_a_name_that_occurs_twice_is_refused(query_file):
    with pytest.raises(ValueError, match=r"queries\.sql: query one occurs twice"):
        load_queries(query_file(TWO_QUERIES.replace("two", "one")))


@pytest.mark.parametrize("text", ["", "SELECT 1;", "-- only a comment\n"])
def test_a_file_without_queries_is_refused(query_file, text):
    with pytest.raises(ValueError, match="holds no query"):
        load_queries(query_file(text))


@pytest.mark.parametrize(
    "header",
    ["-- name: two\nSELECT 2;", "-- name: Two\n-- The second.\nSELECT 2;", "--name: two\n-- The second.\nSELECT 2;"],
    ids=["no description", "name with a capital", "no space"],
)
def test_a_malformed_header_is_refused_and_not_read_as_part_of_the_query_before(query_file, header):
    with pytest.raises(ValueError, match=r"queries\.sql: '-- ?name: [Tt]wo' is not a header"):
        load_queries(query_file(f"-- name: one\n-- The first.\nSELECT 1;\n\n{header}\n"))


def test_a_query_stands_on_a_table_in_every_place_of_its_variable():
    query = Query("near", 'SELECT v.chunk_id FROM :"vectors" AS v WHERE EXISTS (SELECT FROM :"vectors")')

    on_table = query.on_table("vectors", "chunk_vectors_7")

    assert on_table.name == "near"
    assert on_table.sql == 'SELECT v.chunk_id FROM "chunk_vectors_7" AS v WHERE EXISTS (SELECT FROM "chunk_vectors_7")'


def test_another_variable_and_a_cast_stay_as_they_are():
    query = Query("near", 'SELECT $1::vector, \':"vectors\' FROM :"terms"')

    assert query.on_table("vectors", "chunk_vectors_7") == query


def test_a_variable_stands_for_a_condition_and_a_cast_does_not():
    query = Query("leg", "SELECT $1::passes FROM t WHERE :passes AND (:passes)")

    conditioned = query.with_condition("passes", r"t.text ~ E'\\g<0>'")

    assert conditioned.name == "leg"
    assert conditioned.sql == r"SELECT $1::passes FROM t WHERE t.text ~ E'\\g<0>' AND (t.text ~ E'\\g<0>')"


def test_an_expression_stands_where_its_variable_stood_and_a_cast_stays_as_it_is():
    query = Query("near", "SELECT $1::score, :score, :scores ORDER BY :score")

    written = query.with_expression("score", r"-(a <#> '\1')")

    assert written.sql == r"SELECT $1::score, -(a <#> '\1'), :scores ORDER BY -(a <#> '\1')"
