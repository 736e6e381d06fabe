import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sagwan_embedder.domain.windows import pooled, windows

PROMPT = np.array([7, 8], np.int32)
TOKENS_MAX = 12
bodies = st.lists(st.integers(min_value=100, max_value=999), max_size=200)


def text_of(body):
    return np.array([*PROMPT, *body], np.int32)


@given(bodies)
def test_the_windows_hold_every_token_once_and_in_order(body):
    cut = windows(text_of(body), PROMPT, tokens_max=TOKENS_MAX)
    assert [token for window in cut for token in window[len(PROMPT) :].tolist()] == body


@given(bodies)
def test_each_window_begins_with_the_prompt_and_keeps_the_limit(body):
    for window in windows(text_of(body), PROMPT, tokens_max=TOKENS_MAX):
        assert window[: len(PROMPT)].tolist() == PROMPT.tolist()
        assert len(window) <= TOKENS_MAX


@given(bodies)
def test_there_are_as_few_windows_as_can_be_and_none_is_much_shorter(body):
    cut = windows(text_of(body), PROMPT, tokens_max=TOKENS_MAX)
    room = TOKENS_MAX - len(PROMPT)
    assert len(cut) == max(1, -(-len(body) // room))
    lengths = [len(window) for window in cut]
    assert max(lengths) - min(lengths) <= 1


vectors = st.lists(st.floats(min_value=-1, max_value=1, width=32), min_size=3, max_size=3).filter(
    lambda values: np.linalg.norm(values) > 0.1
)


@given(vectors)
def test_one_window_is_its_own_vector(values):
    vector = np.array(values, np.float32)
    assert pooled([vector], [5]) is vector


@given(st.integers(min_value=1, max_value=500), st.integers(min_value=1, max_value=500))
def test_windows_weigh_by_their_tokens(first, second):
    across, up = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    vector = pooled([across, up], [first, second])
    assert np.isclose(np.linalg.norm(vector), 1)
    assert np.isclose(vector[0] * second, vector[1] * first, rtol=1e-4)
    assert vector.dtype == np.float32
