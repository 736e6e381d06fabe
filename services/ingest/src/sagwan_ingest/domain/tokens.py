"""How many tokens a text has, for cutting chunks: by the embedder's counts of words, estimated where it has none."""

import re
from collections.abc import Callable, Iterable, Mapping

_HANGUL = re.compile(r"[가-힣]+")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+")
_DIGITS = re.compile(r"[0-9]+")
_PUNCTUATION = r"[!-/:-@\[-`{-~·‘’“”…]"
_ATTACHED_PUNCTUATION = re.compile(rf"(?<=\S){_PUNCTUATION}")
_DETACHED_PUNCTUATION = re.compile(rf"(?<!\S){_PUNCTUATION}")

# Hundredths of a token each, from a fit that is wrong on the high side three times in four.
_HANGUL_SYLLABLE = 70
_WORD = 70
_LETTER = 11
_DIGIT = 88
_ATTACHED = 125
_DETACHED = 215
_OTHER = 160


# Nobody writes longer words; what is longer is a link or a code, and not worth asking for.
_WORD_CHARACTERS_MAX = 48


def words_to_count(texts: Iterable[str]) -> set[str]:
    """The distinct words of texts whose tokens are worth asking the embedder for."""
    return {word for text in texts for word in text.split() if len(word) <= _WORD_CHARACTERS_MAX}


def counter(counts: Mapping[str, int]) -> Callable[[str], int]:
    """Counts the tokens of a text by its words, which is exact: tokenizers cut at whitespace before they cut words.

    Args:
        counts: Tokens of words, by the embedder's own tokenizer. Words that are not there are estimated.
    """

    def count(text: str) -> int:
        return sum(counts[word] if word in counts else estimate_tokens(word) for word in text.split())

    return count


def estimate_tokens(text: str) -> int:
    """About how many XLM-RoBERTa tokens `text` has, special tokens not counted; errs high.

    Linear in Hangul syllables, Latin words and their letters, digits, punctuation (dearer when a space stands before
    it) and other visible characters. Measured on 2,313 Korean and English texts of 100 tokens and more: 1.06 times the
    real count on average, below 0.89 times in one text of a hundred, 0.82 times at worst.
    """
    hangul = _characters(_HANGUL, text)
    words = _LATIN_WORD.findall(text)
    letters = sum(map(len, words))
    digits = _characters(_DIGITS, text)
    attached = len(_ATTACHED_PUNCTUATION.findall(text))
    detached = len(_DETACHED_PUNCTUATION.findall(text))
    visible = sum(map(len, text.split()))
    other = visible - hangul - letters - digits - attached - detached
    hundredths = (
        _HANGUL_SYLLABLE * hangul
        + _WORD * len(words)
        + _LETTER * letters
        + _DIGIT * digits
        + _ATTACHED * attached
        + _DETACHED * detached
        + _OTHER * other
    )
    return -(-hundredths // 100)


def _characters(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))
