"""Registers every command, and gives each expected failure its words and its exit code."""

import sys
from collections.abc import Sequence

import typer

from sagwan_client.cli import database, index, models
from sagwan_client.cli.console import report_call_error, report_stack_error
from sagwan_client.cli.context import context
from sagwan_client.cli.demo import demo
from sagwan_client.cli.formats import formats
from sagwan_client.cli.ingest import ingest
from sagwan_client.cli.meetings import delete, meetings
from sagwan_client.cli.search import search
from sagwan_client.cli.similar import similar
from sagwan_client.cli.slo import slo
from sagwan_client.cli.status import status
from sagwan_client.cli.suggest import suggest
from sagwan_client.cli.up import up
from sagwan_client.cli.utterances import utterances
from sagwan_client.errors import SagwanCallError, StackError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; leaves by SystemExit."""
    try:
        command_line()(args=arguments, prog_name="sagwan")
    except SagwanCallError as error:
        sys.exit(report_call_error(error))
    except StackError as error:
        sys.exit(report_stack_error(error))


def command_line() -> typer.Typer:
    """The command line, in the order in which a newcomer meets its commands."""
    app = typer.Typer(
        name="sagwan",
        help="Find what was said, by whom and when, in any number of meetings.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    asking = (search, similar, context, suggest, utterances)
    for command in (demo, up, ingest, formats, *asking, meetings, delete, status, slo):
        app.command()(command)
    app.command()(database.migrate)
    app.add_typer(database.tenants, name="tenants")
    app.add_typer(database.keys, name="keys")
    app.add_typer(models.models, name="models")
    app.add_typer(index.index, name="index")
    return app


if __name__ == "__main__":
    main()
