"""Metrics of written text against a reference: chrF, BLEU and ROUGE, as published."""

import json
from collections.abc import Sequence

import numpy as np

from companion.errors import UserError, check_sizes
from companion.evaluation.intervals import Interval

ROUGE = ("rouge1", "rouge2", "rougeL")


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a whole test set, from 0 to 100: shared runs of 1 to 6 characters (Popović 2015; sacrebleu's).

    Raises
    ------
    UserError
        The numbers of hypotheses and references differ, or there are none.
    """
    from sacrebleu import corpus_chrf

    _check(hypotheses, references)
    return float(corpus_chrf(list(hypotheses), [list(references)]).score)


def chrf_interval(hypotheses: Sequence[str], references: Sequence[str], resamples: int = 1000) -> Interval:
    """chrF and its 95% bootstrap interval over the sentences, as sacrebleu draws and reports it.

    The interval is sacrebleu's mean ± half width, from draws with its own seed; see `chrf`.
    """
    from sacrebleu.metrics import CHRF

    _check(hypotheses, references)
    check_sizes(2, resamples=resamples)
    metric = CHRF()
    found = metric.corpus_score(list(hypotheses), [list(references)], n_bootstrap=resamples)
    report = json.loads(found.format(width=12, signature=str(metric.get_signature()), is_json=True))
    middle, half = report.get("confidence_mean", 0.0), report.get("confidence_var", 0.0)  # left out of the report if 0
    return Interval(float(found.score), middle - half, middle + half)


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a whole test set, from 0 to 100: shared runs of 1 to 4 words (Papineni et al. 2002; sacrebleu's).

    Raises
    ------
    UserError
        The numbers of hypotheses and references differ, or there are none.
    """
    from sacrebleu import corpus_bleu

    _check(hypotheses, references)
    return float(corpus_bleu(list(hypotheses), [list(references)]).score)


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """chrF of each sentence alone, ``(sentences,)``; see `chrf`."""
    _check(hypotheses, references)
    return np.array([chrf([h], [r]) for h, r in zip(hypotheses, references, strict=True)])


def rouge(predictions: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each prediction, F1 from 0 to 1, ``(items, 3)`` (Lin 2004; rouge-score's).

    Words are reduced by Porter's stemmer, so that *returns* matches *return*.

    Raises
    ------
    UserError
        The numbers of predictions and references differ.
    """
    _check(predictions, references, least=0)
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scores = [scorer.score(*pair) for pair in zip(references, predictions, strict=True)]
    return np.array([[score[kind].fmeasure for kind in ROUGE] for score in scores]).reshape(-1, len(ROUGE))


def _check(hypotheses: Sequence[str], references: Sequence[str], least: int = 1) -> None:
    """Raise a `UserError` unless there is one text for each reference.

    A string is also a sequence of strings, and would be scored letter by letter.
    """
    for texts in (hypotheses, references):
        if isinstance(texts, str):
            raise UserError(f"Expected a list of texts, but this is a single one: {texts[:30]!r}; give [text].")
    if len(hypotheses) != len(references) or len(references) < least:
        raise UserError(
            f"There are {len(hypotheses)} texts for {len(references)} references; give one for each, at least one."
        )
