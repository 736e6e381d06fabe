"""`sagwan demo`: from nothing to answers, with the time that took."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import output, printable
from sagwan_client.cli.extras import local_extra
from sagwan_client.cli.ingest import import_items
from sagwan_client.cli.render import print_hit
from sagwan_client.cli.tally import Tally, print_tally
from sagwan_client.cli.up import print_step
from sagwan_client.client import SagwanClient, meeting_name
from sagwan_client.errors import SagwanCallError, StackError
from sagwan_client.settings import home_folder
from sagwan_client.transcripts import found_files, items_of_files

QUESTIONS_FILE = "questions.jsonl"
_STARTED_VARIABLE = "SAGWAN_DEMO_STARTED"
_HITS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer is known.

    Attributes:
        text: What is asked.
        meeting: Resource name of the meeting that answers it.
        filter: What the answer must satisfy.
    """

    text: str
    meeting: str
    filter: search_pb2.Filter


@dataclass(frozen=True, slots=True)
class Clock:
    """When this began, in seconds since the epoch.

    Attributes:
        process_s: When this process did.
        command_s: When the command did that started it, such as `make demo`.
    """

    process_s: float
    command_s: float

    def elapsed(self) -> str:
        """The time since both, in words."""
        now = time.time()
        total = f"{now - self.command_s:.1f} s"
        if self.command_s == self.process_s:
            return total
        return f"{total} ({now - self.process_s:.1f} s of them in `sagwan demo`)"


def demo(
    samples: Annotated[
        Path | None,
        typer.Option(help="Folder of transcripts and questions.jsonl; samples/ if left out."),
    ] = None,
) -> None:
    """Start everything, bring the samples in, ask them questions, and stop again."""
    try:
        with local_extra():
            finished = asyncio.run(_demo(samples or home_folder() / "samples"))
    except SagwanCallError as error:
        raise StackError(f"a call failed: {error}; logs are in var/run") from error
    raise typer.Exit(0 if finished else 1)


def read_questions(file: Path) -> list[Question]:
    """The questions of a file of JSON lines: `text`, `meeting_id`, and `filters` of `speaker`, `after`, `before`.

    Raises:
        StackError: The file is not there or is not like that.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        questions = [_question(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackError(f"no questions can be read from {file}: {error}") from error
    if not questions:
        raise StackError(f"{file} holds no question")
    return questions


def start_of(environment: Mapping[str, str] = os.environ) -> Clock:
    """The clock of this process, and of the command in whose `SAGWAN_DEMO_STARTED` it runs."""
    import psutil

    process_s = psutil.Process().create_time()
    try:
        command_s = float(environment[_STARTED_VARIABLE])
    except (KeyError, ValueError):
        command_s = process_s
    return Clock(process_s, min(command_s, process_s))


async def _demo(samples: Path) -> bool:
    """Whether it came to its end, rather than being stopped by a signal."""
    from sagwan_client.local.signals import ended_by_signals
    from sagwan_client.local.stack import running_stack

    console = output()
    clock = start_of()
    questions = read_questions(samples / QUESTIONS_FILE)
    finished = False
    with ended_by_signals():
        async with (
            running_stack(home_folder(), report=lambda *step: print_step(console, *step)) as stack,
            SagwanClient.from_settings(stack.settings) as client,
        ):
            await _ingest(console, client, samples)
            await _ask_all(console, client, questions, clock)
            finished = True
    return finished


async def _ingest(console: Console, client: SagwanClient, samples: Path) -> None:
    begun = time.perf_counter()
    tally = Tally()
    files = found_files([samples], exclude=[QUESTIONS_FILE])
    await import_items(client, items_of_files(files), tally)
    seconds = time.perf_counter() - begun
    if tally.refusals or not tally.meetings:
        print_tally(console, tally, seconds=seconds)
        raise StackError(f"not every meeting of {samples} was kept")
    print_step(console, f"{tally.meetings} meetings, {tally.chunks} chunks", seconds)


async def _ask_all(console: Console, client: SagwanClient, questions: list[Question], clock: Clock) -> None:
    first_after = ""
    found_first = 0
    for question in questions:
        begun = time.perf_counter()
        answer = await client.search(question.text, filter=question.filter, page_size=_HITS)
        latency_ms = (time.perf_counter() - begun) * 1_000
        first_after = first_after or clock.elapsed()
        _require_answer(question, answer)
        found_first += answer.hits[0].meeting.name == question.meeting
        _print_exchange(console, question, answer, latency_ms)
    console.print()
    console.print(f"{found_first} of {len(questions)} questions found their meeting first")
    console.print(Text(f"first answer after {first_after}", style="bold green"))


def _require_answer(question: Question, answer: search_pb2.SearchResponse) -> None:
    if not answer.hits:
        raise StackError(f"nothing was found for: {question.text}")
    if answer.degraded:
        raise StackError(f"an answer was degraded: {answer.degraded_reason}")


def _print_exchange(console: Console, question: Question, answer: search_pb2.SearchResponse, latency_ms: float) -> None:
    console.print()
    asked = Text.assemble(("? ", "bold magenta"), (printable(question.text), "bold"))
    asked.append(f"  {_filter_text(question.filter)}{latency_ms:.0f} ms", style="dim")
    console.print(asked)
    print_hit(console, answer.hits[0], 1, context_lines=0)
    rank = next((rank for rank, hit in enumerate(answer.hits, 1) if hit.meeting.name == question.meeting), 0)
    if rank != 1:
        place = f"is hit {rank}" if rank else f"is not among the first {_HITS}"
        console.print(Text(f"    the meeting that was meant {place}", style="yellow"))


def _filter_text(wanted: search_pb2.Filter) -> str:
    parts = [f"speaker {each}" for each in wanted.speakers]
    if wanted.start_date:
        parts.append(f"from {wanted.start_date}")
    if wanted.end_date:
        parts.append(f"until {wanted.end_date}")
    return "".join(f"{printable(part)}, " for part in parts)


def _question(value: Mapping[str, object]) -> Question:
    filters = value.get("filters") or {}
    if not isinstance(filters, dict):
        raise TypeError("filters is not an object")
    speaker = filters.get("speaker")
    wanted = search_pb2.Filter(
        speakers=[str(speaker)] if speaker else [],
        start_date=str(filters.get("after", "")),
        end_date=str(filters.get("before", "")),
    )
    return Question(str(value["text"]), meeting_name(str(value["meeting_id"])), wanted)
