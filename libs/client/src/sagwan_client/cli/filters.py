"""The options that narrow what is found, shared by the commands that have them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from sagwan.search.v1 import search_pb2
from sagwan_client.client import meeting_name

_DATE_FORMATS = ["%Y-%m-%d"]

SpeakerOption = Annotated[
    list[str] | None,
    typer.Option("--speaker", "-s", metavar="NAME", help="Said by this person. May be repeated."),
]
MeetingOption = Annotated[
    list[str] | None,
    typer.Option("--meeting", "-m", metavar="ID", help="In this meeting. May be repeated."),
]
AfterOption = Annotated[
    datetime | None,
    typer.Option("--after", formats=_DATE_FORMATS, metavar="YYYY-MM-DD", help="Held on this day or later."),
]
BeforeOption = Annotated[
    datetime | None,
    typer.Option("--before", formats=_DATE_FORMATS, metavar="YYYY-MM-DD", help="Held on this day or earlier."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def filter_of(
    *,
    speakers: Iterable[str] | None,
    meetings: Iterable[str] | None,
    after: datetime | None,
    before: datetime | None,
) -> search_pb2.Filter:
    """The filter that the options describe; empty when none was given."""
    return search_pb2.Filter(
        speakers=speakers or (),
        meetings=[meeting_name(each) for each in meetings or ()],
        start_date=after.date().isoformat() if after else "",
        end_date=before.date().isoformat() if before else "",
    )
