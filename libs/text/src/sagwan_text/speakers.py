"""Names of speakers, as filters compare them."""

import unicodedata


def speaker_key(name: str) -> str:
    """A name with case, character width and spacing folded: what is stored beside it and compared.

    Two spellings of a name that differ in nothing else are the same speaker. What was written stays what is shown.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding can undo the composition (U+0390 does), so the normal form is taken once more.
    return " ".join(unicodedata.normalize("NFKC", folded).split())
