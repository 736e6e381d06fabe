"""Reads every file under a folder and prints what became of it, as the table of docs/formats.md.

A row a file: the format that was found and its utterances, speakers and mendings, or why it was refused. Each file is
read in a process of its own, which is stopped when it takes too long. Exits with 1 when one was, or failed otherwise.
"""

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sagwan_ingest.domain.formats.format import CONTENT
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_runtime.errors import InvalidRequest

_HEADER = "| file | format | meetings | utterances | speakers | mended |\n|---|---|--:|--:|--:|---|"
_MENDED_SHOWN = 2
_CELL_CHARACTERS_MAX = 240
_CONTENT_BYTES_MAX = 32 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Attributes:
        cells: Of its row, after the name of the file.
        well: Whether it was read, or refused with a reason.
    """

    cells: tuple[str, ...]
    well: bool = True


def main() -> int:
    """Reads, prints, sums up and judges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of transcripts, such as ../shared/eval/formats")
    parser.add_argument("--seconds", type=float, default=60.0, help="longest time for a file")
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"no folder {options.folder}", file=sys.stderr)
        return 2
    print(_HEADER)
    formats: Counter[str] = Counter()
    well = True
    for file in _files(options.folder):
        outcome = _within(options.seconds, file)
        formats[outcome.cells[0]] += 1
        well = well and outcome.well
        print(f"| {' | '.join((_cell(str(file.relative_to(options.folder))), *outcome.cells))} |", flush=True)
    counts = ", ".join(f"{name} {count}" for name, count in formats.most_common())
    print(f"\n{formats.total()} files: {counts}.")
    return 0 if well else 1


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file())


def _within(seconds: float, file: Path) -> Outcome:
    """Reads a file in a process that is stopped after so many seconds."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(sender, file))
    process.start()
    sender.close()
    try:
        outcome = receiver.recv() if receiver.poll(seconds) else None
    except EOFError:
        outcome = Outcome(("failed", "", "", "", f"exit code {process.exitcode}"), well=False)
    process.kill()
    process.join()
    if isinstance(outcome, Outcome):
        return outcome
    return Outcome(("not finished", "", "", "", f"took more than {seconds:g} s"), well=False)


def _send(sender: "multiprocessing.connection.Connection", file: Path) -> None:
    try:
        sender.send(_outcome(file))
    except Exception as error:  # noqa: BLE001  # whatever a parser raises is what this is here to show
        sender.send(Outcome(("failed", "", "", "", _cell(repr(error))), well=False))


def _outcome(file: Path) -> Outcome:
    try:
        transcript = read_transcript(_content(file), Hints(file_name=file.name))
    except InvalidRequest as refused:
        reasons = "; ".join(each.reason for each in refused.violations)
        return Outcome(("refused", "", "", "", _cell(reasons)))
    utterances = [each for meeting in transcript.meetings for each in meeting.utterances]
    speakers = {each.speaker for each in utterances if each.speaker}
    counts = (len(transcript.meetings), len(utterances), len(speakers))
    shown = "; ".join(f"line {each.line}: {each.what}" for each in transcript.mended[:_MENDED_SHOWN])
    more = len(transcript.mended) - _MENDED_SHOWN
    mended = f"{_cell(shown)}{f'; and {more} more' if more > 0 else ''}"
    return Outcome((transcript.format_name, *(f"{count:,}" for count in counts), mended))


def _content(file: Path) -> bytes:
    """The bytes of a file that a caller could send."""
    if file.stat().st_size > _CONTENT_BYTES_MAX:
        raise InvalidRequest.field(CONTENT, f"is larger than {_CONTENT_BYTES_MAX >> 20} MiB")
    return file.read_bytes()


def _cell(text: str) -> str:
    """Text as a cell of a Markdown table holds it."""
    plain = " ".join(text.split()).replace("|", "\\|")
    return plain if len(plain) <= _CELL_CHARACTERS_MAX else f"{plain[: _CELL_CHARACTERS_MAX - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
