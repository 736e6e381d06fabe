"""How many tokens a text has, for cutting chunks: by the embedder's counts of words, estimated where it has none."""

from collections.abc import Callable, Iterable, Mapping

from sagwan_text.tokens import estimate_tokens

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
