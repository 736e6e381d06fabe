"""Named SQL from `.sql` files.

A file is a run of queries, each under its header, and runs in psql as it is:

    -- name: fetch_lines
    -- Lines of the page's chunks, in order.
    SELECT ...
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

_NAME_LINE = re.compile(r"^--\s*name:.*$", re.MULTILINE)
_HEADER = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)\n-- (?P<description>.+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement.

    Attributes:
        name: What metrics, spans and errors call it.
        sql: The statement, with `$1` … parameters.
    """

    name: str
    sql: str

    def on_table(self, variable: str, table: str) -> "Query":
        """The same statement with psql's `:"variable"` standing for a table.

        Args:
            variable: Its name in the file.
            table: A table's name that this program made, never a caller's text.
        """
        return Query(self.name, self.sql.replace(f':"{variable}"', f'"{table}"'))

    def with_condition(self, variable: str, condition: str) -> "Query":
        """The same statement with psql's `:variable` standing for a condition.

        Args:
            variable: Its name in the file.
            condition: SQL in which every value that a caller gave is quoted already.
        """
        return self._with(variable, condition)

    def with_expression(self, variable: str, expression: str) -> "Query":
        """The same statement with psql's `:variable` standing for an expression.

        Args:
            variable: Its name in the file.
            expression: SQL that this program wrote, and in which nothing is a caller's.
        """
        return self._with(variable, expression)

    def _with(self, variable: str, sql: str) -> "Query":
        return Query(self.name, re.sub(rf"(?<!:):{variable}\b", lambda _: sql, self.sql))


def load_queries(file: Traversable) -> Mapping[str, Query]:
    """The queries of a file by name.

    Raises:
        ValueError: A name occurs twice, a header is malformed or lacks its description, or the file holds no query.
    """
    text = file.read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    starts = {header.start() for header in headers}
    for line in _NAME_LINE.finditer(text):
        if line.start() not in starts:
            raise ValueError(f"{file.name}: {line[0]!r} is not a header of a name and a description")
    if not headers:
        raise ValueError(f"{file.name} holds no query")
    queries: dict[str, Query] = {}
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        name = header["name"]
        if name in queries:
            raise ValueError(f"{file.name}: query {name} occurs twice")
        end = following.start() if following else len(text)
        queries[name] = Query(name, text[header.end() : end].strip())
    return queries
