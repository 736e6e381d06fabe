"""English words: which of them carry meaning, and their stems."""

from typing import Final

from snowballstemmer.english_stemmer import EnglishStemmer


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


# Words that hold a sentence together. They stand in every chunk, so BM25 gives them next to nothing
# while they lengthen chunks and are the costliest to match.
FUNCTION_WORDS: Final = _words(
    # determiners: point at a noun that follows
    "a an the this that these those",
    # pronouns: the noun was said elsewhere
    "i me my we us our you your he him his she her it its they them their there",
    # auxiliaries: tense and mood of another verb; n't is recognised by its ending
    "am is are was were be been being have has had do does did",
    "will would shall should can cannot could may might must not",
    # prepositions and conjunctions
    "about and as at but by for from if in into of on or so than to with",
    # question words: the shape of a query, not its subject
    "what which who whom whose when where why how",
)

# Sounds of thinking and listening, a tenth of the terms of a spoken transcript.
INTERJECTIONS: Final = _words(
    "ah eh er erm hm hmm huh mhm mm mmhmm oh ok okay uh uhm um yeah yep",
)

# What an apostrophe ties to the word before it, or leaves alone where a transcript splits it off.
CLITICS: Final = _words("s t re ve ll d m")


class English:
    """Turns English words into terms. For one thread at a time: the stemmer keeps its word."""

    def __init__(self) -> None:
        # Not `snowballstemmer.stemmer()`, which would hand out PyStemmer where that is installed:
        # stored terms must not depend on what else is.
        self._stemmer = EnglishStemmer()

    def term(self, word: str) -> str | None:
        """Return the term of a word of ASCII letters and apostrophes, None for a stop word.

        A function word in capitals is not one: IT, US and WHO are names.
        """
        if word.lower().endswith("n't"):
            return None
        host, apostrophe, clitic = word.rpartition("'")
        if apostrophe and clitic.lower() in CLITICS:
            word = host
        lower = word.lower()
        is_acronym = len(word) > 1 and word.isupper()
        if lower in INTERJECTIONS or (lower in FUNCTION_WORDS and not is_acronym):
            return None
        stem: str = self._stemmer.stemWord(lower)
        return stem
