import pytest

from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger


@pytest.fixture(scope="session")
def analyzer():
    return Analyzer(load_tagger())


@pytest.fixture(scope="session")
def words(analyzer):
    """The terms of a text, without their offsets."""
    return lambda text: [term.text for term in analyzer.terms(text)]


@pytest.fixture(scope="session")
def cuts(analyzer):
    """Each term with what its offsets cut from the text."""
    return lambda text: [(term.text, text[term.start : term.end]) for term in analyzer.terms(text)]
