"""The figure of the chapter *article-model*: the same questions, asked in many windows or in one."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from companion.chapters.article_model import ASKED, NOT_READ, one_or_every, questions
from companion.errors import UserError


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("window", [1, 2, 16])
def test_both_ways_ask_after_the_same_words_and_one_reads_them_once(window):
    one, every = questions(window, every=False), questions(window, every=True)
    assert np.flatnonzero((one == ASKED).any(axis=0)).tolist() == np.flatnonzero(every[0] == ASKED).tolist()
    assert np.count_nonzero(one == ASKED) == np.count_nonzero(every == ASKED) == window
    assert np.count_nonzero(one != NOT_READ) == window**2 and np.count_nonzero(every != NOT_READ) == window


def test_the_drawing_has_a_box_for_each_word_of_each_window_and_counts_them():
    words = [f"word {n}" for n in range(7)]
    ax = one_or_every(words).axes[0]
    assert len(ax.patches) == 4 * 4 + 4 + 2  # and two that say what their colours mean
    texts = [text.get_text() for text in ax.texts]
    assert {"4 windows,\n16 words read,\n4 questions", "1 window, 4 words read, 4 questions", *words} <= set(texts)


def test_a_text_that_no_number_of_windows_fits_is_refused():
    with pytest.raises(UserError, match="There are 6 words; give an odd number"):
        one_or_every(["a"] * 6)
