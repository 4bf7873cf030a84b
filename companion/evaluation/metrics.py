"""Metrics of written text against a reference: chrF, BLEU and ROUGE, as published."""

from collections.abc import Sequence

import numpy as np

from companion.errors import UserError
from companion.evaluation.intervals import Interval


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a whole test set, from 0 to 100: shared runs of 1 to 6 characters (Popović 2015; sacrebleu's)."""
    from sacrebleu import corpus_chrf

    return float(corpus_chrf(list(hypotheses), [list(references)]).score)


def chrf_interval(hypotheses: Sequence[str], references: Sequence[str], resamples: int = 1000) -> Interval:
    """chrF and its 95 % bootstrap interval over the sentences, as sacrebleu draws it."""
    from sacrebleu.metrics import CHRF

    found = CHRF().corpus_score(list(hypotheses), [list(references)], n_bootstrap=resamples)
    return Interval(float(found.score), float(found._mean - found._ci), float(found._mean + found._ci))


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a whole test set, from 0 to 100: shared runs of 1 to 4 words (Papineni et al. 2002; sacrebleu's)."""
    from sacrebleu import corpus_bleu

    return float(corpus_bleu(list(hypotheses), [list(references)]).score)


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """chrF of each sentence alone, ``(sentences,)``."""
    return np.array([chrf([h], [r]) for h, r in zip(hypotheses, references, strict=True)])


ROUGE = ("rouge1", "rouge2", "rougeL")


# Scores
def rouge(predictions: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each prediction, F1 from 0 to 1, shape ``(items, 3)``.

    Computed by the package rouge-score with Porter's stemmer, so that *returns* matches *return*. Source: Lin 2004.

    Raises
    ------
    UserError
        There are not as many predictions as references.
    """
    if len(predictions) != len(references):
        raise UserError(
            f"There are {len(predictions)} predictions for {len(references)} references; give one for each."
        )
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scores = [scorer.score(*pair) for pair in zip(references, predictions, strict=True)]
    return np.array([[score[kind].fmeasure for kind in ROUGE] for score in scores]).reshape(-1, len(ROUGE))
