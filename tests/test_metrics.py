"""Metrics of texts are those of the published packages, and say what they can't score."""

import numpy as np
import pytest
from sacrebleu.metrics import CHRF

from companion.errors import UserError
from companion.evaluation import bleu, chrf, chrf_interval, rouge, sentence_chrf

REFERENCE = [f"This is sentence number {n} of the test." for n in range(20)]
SAID = [text if n % 3 else "Something else." for n, text in enumerate(REFERENCE)]


def test_the_interval_is_what_sacrebleu_reports():
    found = CHRF().corpus_score(SAID, [REFERENCE], n_bootstrap=100)
    score, low, high = chrf_interval(SAID, REFERENCE, resamples=100)
    said = f"{score:.4f} (μ = {(low + high) / 2:.4f} ± {(high - low) / 2:.4f})"
    assert found.format(width=4, score_only=True) == said
    assert score == chrf(SAID, REFERENCE) and low < score < high


def test_where_nothing_is_right_the_interval_is_a_point():
    assert chrf_interval(["xyz"] * 3, ["abc"] * 3) == (0, 0, 0)
    assert chrf_interval(["abc"] * 3, ["abc"] * 3) == pytest.approx((100, 100, 100))


def test_a_sentence_s_score_is_its_own():
    scores = sentence_chrf(SAID, REFERENCE)
    assert scores.shape == (20,) and scores[1] == pytest.approx(100) and scores[0] < 30
    assert scores[0] == chrf(SAID[:1], REFERENCE[:1])


def test_rouge_is_1_for_the_reference_and_counts_stems():
    assert rouge(["It returns the path."], ["It returns the path."]) == pytest.approx(np.ones((1, 3)))
    (one, two, _), (nothing, *_) = rouge(["Return path", "zebra"], ["returns paths", "It returns"])
    assert one == two == 1 and nothing == 0
    assert rouge([], []).shape == (0, 3)


@pytest.mark.parametrize(
    "metric", [chrf, chrf_interval, bleu, sentence_chrf, rouge], ids=lambda metric: metric.__name__
)
def test_each_text_needs_its_reference(metric):
    with pytest.raises(UserError, match="There are 1 texts for 2 references"):
        metric(["a"], ["a", "b"])
    with pytest.raises(UserError, match="list of texts"):
        metric("abc", ["a", "b", "c"])
    if metric is not rouge:
        with pytest.raises(UserError, match="at least one"):
            metric([], [])


def test_an_interval_needs_draws():
    with pytest.raises(UserError, match="resamples is 1"):
        chrf_interval(["a"], ["a"], resamples=1)
