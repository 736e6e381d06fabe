"""Times within a transcript: offsets from the start of the recording, or times of day that become such offsets."""

from collections.abc import Sequence

from sagwan_ingest.domain.formats.format import Mending

HOUR_MS = 3_600_000
_DAY_MS = 24 * HOUR_MS

_BEFORE_THE_FIRST = "time of day is before the first one; it was left out"


def milliseconds(
    hours: str | None, minutes: str | None, seconds: str | None, fraction: str | None = None
) -> int | None:
    """A time from its digits; None when there are more than 59 seconds, or more than 59 minutes beside hours.

    Args:
        hours: None or empty where no hours were written.
        minutes: As hours.
        seconds: As hours.
        fraction: The digits after the decimal point.
    """
    if int(seconds or 0) > 59 or (hours and int(minutes or 0) > 59):
        return None
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1_000 + int(((fraction or "") + "000")[:3])


def counted_from_first(
    times: Sequence[tuple[int, int | None]], *, clock_from_ms: int
) -> tuple[list[int | None], list[Mending]]:
    """Offsets from the start of the recording, and what was assumed to find them.

    Where the first time is so late that it must be a time of day, all are counted from it, over midnight too.

    Args:
        times: Of each utterance its line and the time it has, if any.
        clock_from_ms: From where on the first time is taken for a time of day.
    """
    first = next((time for _, time in times if time is not None), 0)
    if not clock_from_ms <= first < _DAY_MS:
        return [time for _, time in times], []
    mended = [Mending(0, f"times are times of day; they were counted from the first one, {_clock(first)}")]
    offsets: list[int | None] = []
    for line, time in times:
        offset = None if time is None else time - first
        if offset is not None and offset < -_DAY_MS // 2:
            offset += _DAY_MS
        if offset is not None and offset < 0:
            mended.append(Mending(line, _BEFORE_THE_FIRST))
            offset = None
        offsets.append(offset)
    return offsets, mended


def _clock(time_ms: int) -> str:
    seconds = time_ms // 1_000
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
