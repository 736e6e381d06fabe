"""The options that narrow what is found, shared by the commands that have them."""

import enum
import functools
import inspect
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from google.protobuf.duration_pb2 import Duration

from sagwan.search.v1 import search_pb2
from sagwan_client.client import meeting_name

_DATE_FORMATS = ["%Y-%m-%d"]
_OFFSET = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-5][0-9])")
_PANEL = "Filters (repeat one to allow any of several)"

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


class Kind(enum.StrEnum):
    """What an utterance is."""

    SPEECH = "speech"
    DECISION = "decision"
    ACTION = "action"


def offset_of(text: str) -> timedelta:
    """An offset from the start of a recording, written `h:mm:ss` or `m:ss`.

    Raises:
        typer.BadParameter: It is written otherwise.
    """
    match = _OFFSET.fullmatch(text)
    if match is None or (match[1] and int(match[2]) > 59):
        raise typer.BadParameter(f"{text!r} is not an offset like 1:02:03 or 62:03")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _repeated(help_text: str, *names: str, metavar: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=help_text, rich_help_panel=_PANEL)


def _day(help_text: str, name: str) -> Any:
    return typer.Option(name, formats=_DATE_FORMATS, metavar="YYYY-MM-DD", help=help_text, rich_help_panel=_PANEL)


def _offset(help_text: str, name: str) -> Any:
    return typer.Option(name, parser=offset_of, metavar="H:MM:SS", help=help_text, rich_help_panel=_PANEL)


def filter_of(
    *,
    speaker: Annotated[list[str] | None, _repeated("Said by this person.", "--speaker", "-s", metavar="NAME")] = None,
    meeting: Annotated[list[str] | None, _repeated("In this meeting.", "--meeting", "-m", metavar="ID")] = None,
    series: Annotated[list[str] | None, _repeated("In a meeting of this series.", "--series", metavar="NAME")] = None,
    participant: Annotated[
        list[str] | None, _repeated("In a meeting that this person took part in.", "--participant", metavar="NAME")
    ] = None,
    tag: Annotated[list[str] | None, _repeated("In a meeting with this tag.", "--tag", metavar="TAG")] = None,
    language: Annotated[
        list[str] | None, _repeated("In a meeting in this language, BCP-47.", "--language", metavar="CODE")
    ] = None,
    kind: Annotated[list[Kind] | None, _repeated("A line of this kind.", "--kind", metavar="|".join(Kind))] = None,
    after: Annotated[datetime | None, _day("Held on this day or later.", "--after")] = None,
    before: Annotated[datetime | None, _day("Held on this day or earlier.", "--before")] = None,
    from_offset: Annotated[timedelta | None, _offset("Said at this time of the recording or later.", "--from")] = None,
    to_offset: Annotated[timedelta | None, _offset("Said at this time of the recording or earlier.", "--to")] = None,
) -> search_pb2.Filter:
    """The filter that options describe; empty when none was given. Its parameters are the options."""
    return search_pb2.Filter(
        speakers=speaker or (),
        meetings=[meeting_name(each) for each in meeting or ()],
        series=series or (),
        participants=participant or (),
        tags=tag or (),
        languages=language or (),
        utterance_kinds=[each.value for each in kind or ()],
        start_date=after.date().isoformat() if after else "",
        end_date=before.date().isoformat() if before else "",
        start_offset=_duration(from_offset),
        end_offset=_duration(to_offset),
    )


def takes_filter(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of `filter_of` in place of its parameter `wanted`, which gets the filter."""
    options = inspect.signature(filter_of).parameters

    @functools.wraps(command)
    def with_filter(**values: Any) -> None:
        wanted = filter_of(**{name: values.pop(name) for name in options})
        command(wanted=wanted, **values)

    own = inspect.signature(command)
    parameters = [
        shown.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in own.parameters.values()
        for shown in (options.values() if each.name == "wanted" else (each,))
    ]
    # Typer reads a command's options off its signature.
    with_filter.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_filter


def _duration(offset: timedelta | None) -> Duration | None:
    if offset is None:
        return None
    duration = Duration()
    duration.FromTimedelta(offset)
    return duration
