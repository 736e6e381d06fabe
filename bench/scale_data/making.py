"""The rows of the next transaction are made, by a process of their own, while those of the last one are copied."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger
from scale_data.copying import MeetingRows, TableRows
from scale_data.lines import CoreMeeting, LineTerms
from scale_data.recombining import Recombiner


@dataclass(frozen=True, slots=True)
class Batch:
    """The meetings of a transaction.

    Attributes:
        number: Of the first one, over all meetings of the database.
        sizes: How many chunks each has.
        meeting_key: That of the first one.
        chunk_id: That of the first chunk of the first one.
    """

    number: int
    sizes: Sequence[int]
    meeting_key: int
    chunk_id: int


@dataclass(frozen=True, slots=True)
class Source:
    """What rows are made of.

    Attributes:
        core: Real meetings, several of each language.
        model_sha256: The model that wrote their vectors.
        rows: How rows are written.
    """

    core: Sequence[CoreMeeting]
    model_sha256: str
    rows: MeetingRows


@contextmanager
def made_ahead(source: Source, batches: Sequence[Batch]) -> Iterator[Iterator[Sequence[TableRows]]]:
    """The rows of each batch, in order. One batch is made ahead: a full pipe makes its writer wait.

    Raises:
        RuntimeError: The process that makes them has ended before the last.
    """
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    maker = context.Process(target=_make, args=(source, batches, sending), daemon=True)
    maker.start()
    # The maker's is then the only one, so that its end is the end of the pipe.
    sending.close()
    try:
        yield _received(receiving, len(batches))
    finally:
        receiving.close()
        maker.terminate()
        maker.join()


def _received(receiving: Connection, count: int) -> Iterator[Sequence[TableRows]]:
    for _ in range(count):
        try:
            yield receiving.recv()
        except EOFError as error:
            raise RuntimeError("the process that makes the rows has ended") from error


def _make(source: Source, batches: Sequence[Batch], sending: Connection) -> None:
    recombiner = Recombiner(source.core, LineTerms(Analyzer(load_tagger()).terms), source.model_sha256)
    for batch in batches:
        meetings = [recombiner.meeting(batch.number + place, size) for place, size in enumerate(batch.sizes)]
        sending.send(source.rows.of(meetings, meeting_key=batch.meeting_key, chunk_id=batch.chunk_id))
