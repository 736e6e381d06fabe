"""Reads a JSON text of any origin within bounds, and says in words what is wrong with one."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from sagwan_ingest.domain.formats.format import refused
from sagwan_ingest.domain.formats.mendings import Mendings

# Each value takes up to 100 bytes, so that a text of 32 MiB of brackets would take more than a gigabyte. Transcripts of
# 32 MiB with a time for each word have two thirds of these.
_VALUES_MAX = 2_000_000

# Of no use here and large: what a recogniser thought, and each word of a segment whose speaker is one.
_DROPPED = frozenset({"tokens", "word_segments", "language_probs", "logprobs"})


def read_json(text: str, mendings: Mendings) -> object:
    """The value of a JSON text, without what takes room and is never used.

    NaN and Infinity, which recognisers write for what they do not know, become None.

    Raises:
        InvalidRequest: With the line, when it is not one whole JSON value or too large.
    """
    if text.count(",") + text.count("[") + text.count("{") > _VALUES_MAX:
        raise refused(1, f"holds more than {_VALUES_MAX:,} values; split it into several files")
    try:
        return json.loads(text, object_pairs_hook=_Slimming(mendings), parse_constant=_unknown)
    except json.JSONDecodeError as error:
        raise refused(error.lineno, f"is not one whole JSON value: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise refused(1, "nests too deeply") from None
    except ValueError:
        raise refused(1, "holds a number with too many digits") from None


def objects_in(value: object) -> list[Mapping[str, object]]:
    """The objects of a list; empty when it is no list, or one that holds anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return []
    return value


def object_in(value: object, *path: str) -> Mapping[str, object]:
    """The object at a path of keys; an empty one when there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text_in(record: Mapping[str, object], *keys: str) -> str:
    """The first text among the values of `keys`; a number is written out; empty when there is none."""
    for key in keys:
        value = record.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def refuse_shape(what: str) -> NoReturn:
    """Refuses a JSON text that is sound and not what it should be."""
    raise refused(1, what)


class _Slimming:
    """Makes each object as it is read, so that what is dropped never adds up."""

    def __init__(self, mendings: Mendings) -> None:
        self._mendings = mendings

    def __call__(self, pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
        made = {key: value for key, value in pairs if key not in _DROPPED}
        if len(made) < len(pairs) and len({key for key, _ in pairs}) < len(pairs):
            self._mendings.add(0, "an object has the same key twice; the last counts")
        words = made.get("words")
        # The text beside them says the same; they matter where several people speak in it.
        if "text" in made and isinstance(words, list) and not any(map(_has_speaker, words)):
            del made["words"]
        return made


def _has_speaker(word: object) -> bool:
    return isinstance(word, dict) and "speaker" in word


def _unknown(name: str) -> None:  # noqa: ARG001  # the signature is json's
    return None
