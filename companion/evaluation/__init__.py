"""What a model pays for a text, metrics of what it writes, and how sure a number is."""

from companion.evaluation.checks import (
    check_ids,
    check_pairs,
    vocab_size_of,
)
from companion.evaluation.continuations import (
    word_log_probabilities,
)
from companion.evaluation.intervals import (
    Interval,
    bootstrap,
    correlation,
    crossed_cells,
    crossed_interval,
    group_interval,
    interval,
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
    "crossed_cells",
    "crossed_interval",
    "evaluate",
    "evaluate_pairs",
    "group_interval",
    "interval",
    "losses_by_context",
    "pair_losses",
    "rouge",
    "score",
    "sentence_chrf",
    "slope",
    "token_losses",
    "vocab_size_of",
    "word_log_probabilities",
]
