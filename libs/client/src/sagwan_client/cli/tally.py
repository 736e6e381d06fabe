"""What became of the items of an import: counts, refusals with their reasons, and what was mended."""

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Self

import grpc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.cli.console import ExitCode, print_indented, printable
from sagwan_client.errors import FieldViolation, status_code
from sagwan_client.transcripts import Origin, UnsendableItem

_OUTCOMES = {
    ingest_pb2.INGEST_OUTCOME_CREATED: "created",
    ingest_pb2.INGEST_OUTCOME_UPDATED: "updated",
    ingest_pb2.INGEST_OUTCOME_UNCHANGED: "unchanged",
}
_MAY_SUCCEED_LATER = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
    }
)
_SAYS_LINE = re.compile(r"line (?P<line>\d{1,9}): ")
_REFUSALS_SHOWN_MAX = 20
_MENDINGS_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a transcript.

    Attributes:
        source: The file it is in.
        line: Its line in that file, from 1; 0 when it concerns the whole.
        field: The field that is wrong; empty when none is named.
        reason: What is wrong, and what was done about it where it was mended.
    """

    source: str
    line: int
    field: str
    reason: str

    @classmethod
    def within(cls, origin: Origin, line: int, reason: str, *, field: str = "") -> Self:
        """A fault at a line of an item, which may itself begin anywhere in its file."""
        in_file = max(origin.line, 1) + line - 1 if line else origin.line
        return cls(origin.source, in_file, field, reason)

    @classmethod
    def of_violation(cls, origin: Origin, violation: FieldViolation) -> Self:
        """A violation of an item; refused content says its line at the beginning of the reason."""
        said = _SAYS_LINE.match(violation.reason)
        line = int(said["line"]) if said else 0
        reason = violation.reason[said.end() :] if said else violation.reason
        return cls.within(origin, line, reason, field=violation.field)

    def text(self) -> str:
        """`file:line: field: reason`."""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return printable(": ".join(each for each in (place, self.field, self.reason) if each))


@dataclass(frozen=True, slots=True)
class Refusal:
    """One item that was not kept.

    Attributes:
        code: Why, as a gRPC status.
        faults: What is wrong with it, at least one.
    """

    code: grpc.StatusCode
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class Tally:
    """Counts as the answers come in.

    Attributes:
        outcomes: Meetings by `created`, `updated` and `unchanged`.
        chunks: Chunks of all meetings that are kept.
        embedded_chunks: Chunks whose vector had to be computed.
        refusals: Items that were not kept.
        mendings: What was mended in those that were.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    embedded_chunks: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    mendings: list[Fault] = field(default_factory=list)

    @property
    def meetings(self) -> int:
        """Meetings that are kept."""
        return self.outcomes.total()

    @property
    def exit_code(self) -> ExitCode:
        """0 when everything is kept, 1 when something was refused."""
        return ExitCode.REFUSED if self.refusals else ExitCode.DONE

    def add(self, origin: Origin, answer: ingest_pb2.ImportMeetingsResponse) -> None:
        """Counts the answer to an item."""
        match answer.WhichOneof("result"):
            case "transcript":
                for each in answer.transcript.meetings:
                    self._add_meeting(each)
                self.mendings += [
                    Fault.within(origin, each.line, each.description) for each in answer.transcript.mendings
                ]
            case "meeting":
                self._add_meeting(answer.meeting)
            case _:
                error = answer.error
                faults = tuple(
                    Fault.of_violation(origin, FieldViolation(each.field, each.description))
                    for each in error.field_violations
                )
                unnamed = Fault(origin.source, origin.line, "", error.message)
                self.refusals.append(Refusal(status_code(error.code), faults or (unnamed,)))

    def add_unsendable(self, item: UnsendableItem) -> None:
        """Counts an item that was not sent."""
        fault = Fault.of_violation(item.origin, item.violation)
        self.refusals.append(Refusal(grpc.StatusCode.INVALID_ARGUMENT, (fault,)))

    def _add_meeting(self, kept: ingest_pb2.IngestMeetingResponse) -> None:
        self.outcomes[_OUTCOMES.get(kept.outcome, "unchanged")] += 1
        self.chunks += kept.meeting.chunk_count
        self.embedded_chunks += kept.embedded_chunk_count

    def as_json(self, *, seconds: float) -> dict[str, object]:
        """The same as plain values."""
        return {
            **{name: self.outcomes[name] for name in _OUTCOMES.values()},
            "refused": len(self.refusals),
            "chunks": self.chunks,
            "embedded_chunks": self.embedded_chunks,
            "seconds": round(seconds, 3),
            "refusals": [
                {"code": each.code.name, "faults": [asdict(fault) for fault in each.faults]} for each in self.refusals
            ],
            "mendings": [asdict(each) for each in self.mendings],
        }


def print_tally(console: Console, tally: Tally, *, seconds: float) -> None:
    """Prints counts, then what was mended, then what was refused and why."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", style="bold")
    table.add_column()
    for name in _OUTCOMES.values():
        table.add_row(f"{tally.outcomes[name]:,}", name)
    table.add_row(f"{len(tally.refusals):,}", Text("refused", style="red" if tally.refusals else ""))
    table.add_row(f"{len(tally.mendings):,}", "mended")
    console.print(table)
    rate = tally.embedded_chunks / seconds if seconds > 0 else 0.0
    console.print(
        f"{tally.chunks:,} chunks, {tally.embedded_chunks:,} embedded, {seconds:.1f} s, {rate:,.0f} chunks/s",
        style="dim",
    )
    mended = [Text(each.text(), style="dim") for each in tally.mendings]
    _print_some(console, "Mended", mended, _MENDINGS_SHOWN_MAX)
    refused = [Text(fault.text(), style="red") for each in tally.refusals for fault in each.faults]
    _print_some(console, "Refused", refused, _REFUSALS_SHOWN_MAX)
    if any(each.code in _MAY_SUCCEED_LATER for each in tally.refusals):
        console.print("Some of these may succeed later; the same command again does no harm.")


def _print_some(console: Console, title: str, texts: list[Text], shown_max: int) -> None:
    if not texts:
        return
    console.print()
    console.print(title, style="bold")
    for text in texts[:shown_max]:
        print_indented(console, text, indent=2)
    if len(texts) > shown_max:
        console.print(f"  … and {len(texts) - shown_max:,} more (all with --json)", style="dim")
