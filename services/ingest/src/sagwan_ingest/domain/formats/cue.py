"""A cue of a caption file, as every format with cues reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What one voice says in a cue.

    Attributes:
        speaker: As the format marks it; empty when it does not.
        text: Without markup, with the line breaks of the cue.
    """

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue as it was read.

    Attributes:
        line: The number of the line that has its times, from 1.
        start_ms: From the start of the recording; None, as the end then is, when the file has no times for it.
        end_ms: As written, even before `start_ms`.
        said: What each voice says, in order.
    """

    line: int
    start_ms: int | None
    end_ms: int | None
    said: tuple[Said, ...]
