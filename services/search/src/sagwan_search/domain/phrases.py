"""What a quoted phrase matches, as a regular expression over a chunk's text in the form NFKC.

The words stand in their order. Between two of them lie spaces and punctuation that ends no sentence; where one of them
is Korean the spaces may be missing, and particles may stand there. Inside a Korean word spaces do not count either.
Words of other scripts are whole words. Classes name their characters: what a letter is, and which case it has, is up to
the locale of a database.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

_PARTICLES: Final = (
    "은|는|이|가|을|를|의|에|도|만|와|과|로|으로|나|이나|랑|이랑|하고|께|께서|에게|에게서|한테|에서|부터|까지|보다"
    "|처럼|마다|라|이라|란|이란|들"
)
_PARTICLES_ALONE: Final = frozenset(_PARTICLES.split("|"))
_PARTICLE_LENGTHS: Final = sorted({len(each) for each in _PARTICLES_ALONE})
_PARTICLES_BETWEEN_MAX: Final = 2
_PARTICLE: Final = f"(?:{_PARTICLES}){{0,{_PARTICLES_BETWEEN_MAX}}}"
_SPACE: Final = r"[ \t\r]"
# Neither letters nor digits nor the end of a line or a sentence.
_BETWEEN: Final = r"""[- \t\r"#$%&'()*+,/:;<=>@\[\\\]^`{|}~·‐–—‘’“”]"""
# What other scripts make words of. Hangul is not among them, so that a particle may follow.
_LETTER: Final = "[0-9A-Za-z_\u00aa-\u00d6\u00d8-\u024f\u0370-\u052f\u1e00-\u1fff]"
_HANGUL: Final = "[가-힣]"
_HANGUL_SYLLABLES: Final = range(0xAC00, 0xD7A4)


def phrase_words(phrase: str) -> list[str]:
    """The words of a phrase, without the punctuation around them; none when it has neither letters nor digits."""
    pieces = (_trimmed(piece) for piece in unicodedata.normalize("NFKC", phrase).split())
    return [piece for piece in pieces if piece]


def phrase_pattern(phrase: str) -> str:
    """The regular expression, in the dialect of PostgreSQL, which Python reads in the same way.

    Args:
        phrase: At least one letter or digit.
    """
    words = phrase_words(phrase)
    pattern = _word(words[0])
    for one, other in pairwise(words):
        is_korean = _is_hangul(one[-1]) or _is_hangul(other[0])
        pattern += f"{_PARTICLE if is_korean else ''}{_BETWEEN}{'*' if is_korean else '+'}{_word(other)}"
    first, last = words[0][0], words[-1][-1]
    if len(words) == len(words[0]) == 1 and _is_hangul(first):
        # A single syllable is part of too many words: it is one by itself, with or without a particle.
        return f"(?<!{_HANGUL}){pattern}{_PARTICLE}(?!{_HANGUL})"
    return f"{_edge(first, '<!')}{pattern}{_edge(last, '!')}"


def holds_phrase(text: str, phrase: str) -> bool:
    """Whether what `phrase_pattern` describes is found in a text in NFKC.

    PostgreSQL follows all ways through a pattern at once. `re` tries them one by one, and where a word of a phrase is a
    particle itself there are three times as many with each more. Here they are followed at once, a word at a time.

    Args:
        text: What may hold it.
        phrase: At least one letter or digit.
    """
    words = phrase_words(phrase)
    if len(words) == 1:
        return re.search(phrase_pattern(phrase), text) is not None
    first = f"{_edge(words[0][0], '<!')}(?=({_word(words[0])}))"
    ends = {match.end(1) for match in re.finditer(first, text)}
    for one, other in pairwise(words):
        if not ends:
            return False
        is_korean = _is_hangul(one[-1]) or _is_hangul(other[0])
        following = re.compile(f"{_BETWEEN}{'*' if is_korean else '+'}{_word(other)}")
        begins = _behind_particles(text, ends) if is_korean else ends
        ends = {match.end() for begin in begins if (match := following.match(text, begin))}
    edge = re.compile(_edge(words[-1][-1], "!"))
    return any(edge.match(text, end) for end in ends)


def without_particle(word: str) -> list[str]:
    """A Korean word without each particle that it may end in, the shortest first; none for a word without one."""
    return [word[:end] for end in range(1, len(word)) if word[end:] in _PARTICLES_ALONE]


def _behind_particles(text: str, places: Iterable[int]) -> set[int]:
    """Where one is behind as many particles as may stand at some places, none among them."""
    latest = set(places)
    reached = set(latest)
    for _ in range(_PARTICLES_BETWEEN_MAX):
        latest = {
            begin + length
            for begin in latest
            for length in _PARTICLE_LENGTHS
            if text[begin : begin + length] in _PARTICLES_ALONE
        }
        reached |= latest
    return reached


def _word(word: str) -> str:
    """A word, with room for spaces beside each Hangul syllable of it."""
    pattern = _literal(word[0])
    for one, other in pairwise(word):
        if _is_hangul(one) or _is_hangul(other):
            pattern += f"{_SPACE}*"
        pattern += _literal(other)
    return pattern


def _literal(char: str) -> str:
    if char in "'\u2019":
        return "['\u2019]"
    if char in "-\u2010\u2011":
        return "[-\u2010\u2011]"
    # Both cases are named: whether a database folds more than ASCII is up to its locale.
    cases = {char, *(each for each in (char.lower(), char.upper()) if len(each) == 1)}
    if len(cases) > 1:
        return f"[{''.join(sorted(cases))}]"
    return re.escape(char) if char.isascii() else char


def _edge(char: str, looks: str) -> str:
    """Words of other scripts than Hangul begin and end there; one that is no letter needs no edge."""
    return f"(?{looks}{_LETTER})" if re.match(_LETTER, char) else ""


def _is_hangul(char: str) -> bool:
    return ord(char) in _HANGUL_SYLLABLES


def _trimmed(piece: str) -> str:
    kept = [place for place, char in enumerate(piece) if char.isalnum() or unicodedata.category(char).startswith("M")]
    return piece[kept[0] : kept[-1] + 1] if kept else ""
