"""The loss of a model on a text, metrics of what it writes, and how sure a number is."""

from companion.evaluation.checks import (
    check_ids,
    check_pairs,
    vocab_size_of,
)
from companion.evaluation.continuations import (
    log_likelihoods,
)
from companion.evaluation.intervals import (
    Interval,
    bootstrap,
    correlation,
    crossed_bootstrap,
    group_bootstrap,
    interval,
    ratio_of_sums,
    slope,
)
from companion.evaluation.losses import (
    LOGITS,
    STREAMS,
    WARM_UP,
    WINDOW,
    Score,
    evaluate,
    evaluate_pairs,
    losses_by_context,
    pair_losses,
    score,
    token_losses,
)
from companion.evaluation.metrics import (
    ROUGE,
    bleu,
    chrf,
    chrf_interval,
    rouge,
    sentence_chrf,
)

__all__ = [
    "LOGITS",
    "ROUGE",
    "STREAMS",
    "WARM_UP",
    "WINDOW",
    "Interval",
    "Score",
    "bleu",
    "bootstrap",
    "check_ids",
    "check_pairs",
    "chrf",
    "chrf_interval",
    "correlation",
    "crossed_bootstrap",
    "evaluate",
    "evaluate_pairs",
    "group_bootstrap",
    "interval",
    "log_likelihoods",
    "losses_by_context",
    "pair_losses",
    "ratio_of_sums",
    "rouge",
    "score",
    "sentence_chrf",
    "slope",
    "token_losses",
    "vocab_size_of",
]
