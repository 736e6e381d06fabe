"""How many tokens a text has, without the tokenizer: where chunks are cut and budgets are kept, there is no model."""

import re

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
