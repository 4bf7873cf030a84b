"""Passages of plays, Bayes' rule on language models, the LSTM classifier and intervals that respect groups."""

import numpy as np
import pytest

from companion import set_seed
from companion.applications.classification import (
    COMEDIES,
    TRAGEDIES,
    BayesClassifier,
    LSTMClassifier,
    folio_passages,
    log_posterior,
    passages,
    printed,
    spoken,
    word_counts,
)
from companion.corpora import load_corpus
from companion.errors import UserError

SCENE = """# A Play

## ACT I

_Thunder. Enter
three Witches_

**First Witch**
[Aside]_ When shall we _\\[Laughing]_ three meet,
Ladies,\\--or not?

**Second Witch**
_An underscore is missing.

When the hurlyburly's done.
"""


def test_what_is_spoken_is_kept_and_nothing_else() -> None:
    assert spoken(SCENE) == "When shall we three meet, Ladies,--or not? An underscore is missing. " + (
        "When the hurlyburly's done."
    )
    assert "First Witch" in printed(SCENE) and "\\" not in printed(SCENE)


def test_passages_have_their_length_and_lose_only_the_rest() -> None:
    assert passages("a b c d e f g", words=3) == ["a b c", "d e f"]
    with pytest.raises(UserError, match="at least 1"):
        passages("a b", words=0)


def test_the_folio_s_plays_are_in_the_corpus_and_kept_nearly_whole() -> None:
    corpus, data = load_corpus("shakespeare"), folio_passages(words=50)
    titles = COMEDIES + TRAGEDIES
    assert (len(COMEDIES), len(TRAGEDIES), len(set(titles))) == (14, 11, 25)
    for number, title in enumerate(titles):
        words = len(corpus.document(title).text.split())
        # Names and directions are a tenth to a fifth of what is printed; more would mean that speech was lost.
        assert 0.75 < 50 * np.sum(data.play == number) / words < 0.97, title
    assert set(data.label[data.play < 14]) == {0} and set(data.label[data.play >= 14]) == {1}
    assert not any("_" in text or "**" in text or "[" in text for text in data.texts)


def test_bayes_rule_by_hand_and_far_below_what_a_float_holds() -> None:
    p = np.exp(log_posterior(np.log([[0.025, 0.030]]), np.log([0.5, 0.5])))
    assert np.allclose(p, [[0.025 / 0.055, 0.030 / 0.055]])
    far = np.exp(log_posterior([-4000.0, -4001.0], np.log([0.5, 0.5])))
    assert np.allclose(far, np.exp(log_posterior([0.0, -1.0], np.log([0.5, 0.5]))))


def test_the_classifier_is_bayes_rule_on_its_models() -> None:
    ids = [np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 1, 2])]
    model = BayesClassifier(order=1, vocab_size=3).fit(ids, [0, 0, 1])
    assert np.allclose(np.exp(model.log_prior), [2 / 3, 1 / 3])
    text = np.array([0, 2])
    by_hand = [sum(np.log(m.next_distribution([])[t]) for t in text) for m in model.models]
    assert np.allclose(model.log_likelihoods([text, np.array([1])])[0], by_hand)
    assert np.allclose(np.exp(model.log_posterior(ids)).sum(axis=1), 1)
    assert model.log_posterior(ids).argmax(axis=1).tolist() == [0, 0, 1]


def test_bad_input_of_the_classifier_gets_a_sentence() -> None:
    model = BayesClassifier(2, vocab_size=3)
    with pytest.raises(UserError, match="call fit"):
        model.log_likelihoods([np.array([1])])
    with pytest.raises(UserError, match="one label for each passage"):
        model.fit([np.array([1])], [0, 1])
    with pytest.raises(UserError, match="every class"):
        model.fit([np.array([1])], [1])
    for label in ([-1, 0], [0, 0.5]):
        with pytest.raises(UserError, match="expected whole numbers: 0, 1"):
            model.fit([np.array([1])] * 2, label)
    model.fit([np.array([1]), np.array([2])], [0, 1])
    with pytest.raises(UserError, match="no passages, or one is empty"):
        model.log_likelihoods([np.array([], dtype=int)])


def test_bad_input_of_the_lstm_gets_a_sentence() -> None:
    with pytest.raises(UserError, match="units is 0"):
        LSTMClassifier(vocab_size=4, units=0)
    network = LSTMClassifier(vocab_size=4, length=6, units=2)
    with pytest.raises(UserError, match="one label for each passage"):
        network.fit([np.array([1])], [0, 1])
    for ids, label in (([], []), ([np.array([1])], [2])):
        with pytest.raises(UserError, match="labelled 0 or 1"):
            network.fit(ids, label)


def test_word_counts() -> None:
    counts = word_counts([np.array([1, 1, 2]), np.array([0])], vocab_size=4)
    assert counts.toarray().tolist() == [[0, 2, 1, 0], [1, 0, 0, 0]]


def test_the_lstm_learns_word_order_and_each_fit_starts_from_scratch() -> None:
    set_seed(0)
    random = np.random.default_rng(0)
    # The label is which token comes first; both classes have the same words.
    label = random.integers(0, 2, 600)
    ids = [np.array([1, 2, *[3] * random.integers(1, 4)] if k else [2, 1, *[3] * random.integers(1, 4)]) for k in label]
    network = LSTMClassifier(vocab_size=4, length=6, units=16)
    odds = network.fit(ids[:500], label[:500], updates=600).log_odds(ids[500:])
    assert np.mean((odds > 0) == label[500:]) > 0.95
    barely = network.fit(ids[:500], label[:500], updates=1).log_odds(ids[500:])
    assert np.abs(barely).mean() < 0.5 * np.abs(odds).mean()
