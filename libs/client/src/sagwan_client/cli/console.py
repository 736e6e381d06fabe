"""Where commands print, how they fail, and how they run a coroutine with a client."""

import asyncio
import enum
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sagwan_client.client import SagwanClient
from sagwan_client.errors import FieldViolation, SagwanCallError, StackError
from sagwan_client.settings import ClientSettings

_Result = TypeVar("_Result")

# Control characters of a transcript must not reach the terminal. Each becomes one character: offsets stay right.
_PRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), "�") | {ord(space): " " for space in "\t\n\r\v\f\x85"}
_NOBODY_ANSWERED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.CANCELLED,
    }
)
_FAULTS_OF_THE_SERVICE = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})


class ExitCode(enum.IntEnum):
    """What a script can tell from a command."""

    DONE = 0
    REFUSED = 1
    NOT_RUN = 2


def output() -> Console:
    """Standard output. Lines are folded for a terminal only, so that what is piped keeps its lines."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def notices() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def printable(text: str) -> str:
    """Text that is safe on a terminal, character for character as long as the original."""
    return text.translate(_PRINTABLE)


def print_indented(console: Console, text: Text, *, indent: int) -> None:
    """Prints text so that all its lines are indented, those that a terminal folds too."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        console.print(Text(" " * indent).append_text(text))


def print_json(message: Message) -> None:
    """A protobuf message as JSON, with the field names of the proto and no field left out."""
    print(
        MessageToJson(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            ensure_ascii=False,
        )
    )


def run_with_client(
    work: Callable[[SagwanClient], Awaitable[_Result]], *, settings: ClientSettings | None = None
) -> _Result:
    """Runs a coroutine with the client that the environment describes, and closes the client."""
    found = settings or ClientSettings.from_environment()

    async def connected() -> _Result:
        async with SagwanClient.from_settings(found) as client:
            return await work(client)

    return asyncio.run(connected())


def report_call_error(error: SagwanCallError) -> ExitCode:
    """Says why a call failed and what to do about it."""
    console = notices()
    if error.code is grpc.StatusCode.UNAVAILABLE and _is_refused_connection(error):
        console.print("[red]No service answers.[/] Is it up? Run [bold]make up[/] (or [bold]sagwan up[/]).")
        console.print(Text(printable(error.message), style="dim"))
    elif error.code is grpc.StatusCode.UNAUTHENTICATED:
        console.print(Text(f"The key was not accepted: {printable(error.message)}", style="red"))
        console.print("Set SAGWAN_API_KEY, or run in the folder whose var/api_key belongs to the stack.")
    else:
        named = f"{error.code.name.lower().replace('_', ' ')}: {printable(error.message)}"
        console.print(Text(named if not error.violations else "The request was refused.", style="red"))
        for violation in error.violations:
            print_indented(console, violation_line(violation), indent=2)
    if error.code in _FAULTS_OF_THE_SERVICE:
        console.print("The log of the service tells why; that of a local stack is in var/run.")
    if error.retry_after_s:
        console.print(f"Try again in {error.retry_after_s:g} s.", style="dim")
    return ExitCode.NOT_RUN if error.code in _NOBODY_ANSWERED else ExitCode.REFUSED


def failure_line(error: SagwanCallError) -> str:
    """Why a call failed, on one line."""
    if error.code is grpc.StatusCode.UNAVAILABLE and _is_refused_connection(error):
        return "No service answers."
    if error.violations:
        return "; ".join(f"{printable(each.field)}: {printable(each.reason)}" for each in error.violations)
    return f"{error.code.name.lower().replace('_', ' ')}: {printable(error.message)}"


def report_stack_error(error: StackError) -> ExitCode:
    """Says why something on this machine does not run."""
    console = notices()
    console.print(Text(str(error), style="red"))
    if error.log_tail:
        console.print(Text(printable_lines(error.log_tail), style="dim"))
    return ExitCode.REFUSED


def violation_line(violation: FieldViolation) -> Text:
    """`field: reason`."""
    return Text.assemble((printable(violation.field), "bold"), f": {printable(violation.reason)}")


def printable_lines(text: str) -> str:
    """Several lines of text that are safe on a terminal."""
    return "\n".join(printable(line) for line in text.splitlines())


def _is_refused_connection(error: SagwanCallError) -> bool:
    """Whether nobody answered at all: a service that answers UNAVAILABLE says why and when to come back."""
    return error.retry_after_s is None
