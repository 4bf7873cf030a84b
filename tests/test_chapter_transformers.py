"""The copy task: what can be predicted can only come from memory."""

import numpy as np
import pytest

from companion.chapters.transformers import BAR, STOP, VOCABULARY, copy_text, recall_shares
from companion.errors import UserError
from companion.models import language_model


def test_every_string_is_repeated():
    text = "".join(VOCABULARY[i] for i in copy_text(seed=1, tokens=3000, shortest=2, longest=5))
    whole = text.split(".")[:-1]
    pairs = [part.split("|") for part in whole]
    assert all(first == second for first, second in pairs)
    assert {len(first) for first, _ in pairs} == {2, 3, 4, 5}
    assert len({first for first, _ in pairs}) > 0.9 * len(pairs)


class Knows:
    """A model that remembers, but wrongly from a certain letter on."""

    output_shape = (None, None, len(VOCABULARY))

    def __init__(self, good):
        self.good = good

    def __call__(self, ids, training=False):
        class Logits(np.ndarray):
            def numpy(self):
                return np.asarray(self)

        assert (ids[:, 0] == STOP).all()
        bar = int(np.argmax(ids[0] == BAR))
        logits = np.zeros((*ids.shape, len(VOCABULARY)))
        for t in range(bar, ids.shape[1]):
            known = ids[:, t - bar + 1] if t - bar < self.good else np.full(len(ids), STOP)
            logits[np.arange(len(ids)), t, known] = 1
        return logits.view(Logits)


@pytest.mark.parametrize("good", [0, 3, 7])
def test_the_share_is_counted_letter_by_letter(good):
    assert recall_shares(Knows(good), 7).tolist() == [1.0] * good + [0.0] * (7 - good)


def test_without_training_recall_is_chance():
    model = language_model(len(VOCABULARY), 4, 8)
    assert recall_shares(model, 8, strings=500).mean() < 0.2


def test_bad_models_and_lengths_are_refused():
    with pytest.raises(UserError, match="has 18"):
        recall_shares(language_model(5, 4, 8), 4)
    with pytest.raises(UserError, match="shortest is 5 and longest 3"):
        copy_text(seed=0, tokens=10, shortest=5, longest=3)
    with pytest.raises(UserError, match="shortest is 0"):
        copy_text(seed=0, tokens=10, shortest=0)
    with pytest.raises(UserError, match="length is 0"):
        recall_shares(language_model(len(VOCABULARY), 4, 8), 0)
