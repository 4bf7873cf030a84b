"""Networks in NumPy: forward, backward, and the descent along their gradients. No framework."""

from companion.cells.attention import (
    BASE,
    EPSILON,
    LOW,
    SMALL,
    attend,
    causal_attention,
    causal_mask,
    rotate,
    speeds,
    turns,
)
from companion.cells.cells import (
    LSTM_GATES,
    Array,
    Gradients,
    initial_weights,
    sigmoid,
    split_gates,
    weights_from_keras,
    weights_to_keras,
)
from companion.cells.descent import (
    Adam,
    Arrays,
    clip,
    length,
)
from companion.cells.gradients import (
    gradient_check,
)
from companion.cells.lstm import (
    LSTMCache,
    lstm_backward,
    lstm_forward,
)
from companion.cells.rnn import (
    RNNCache,
    rnn_backward,
    rnn_forward,
)
from companion.cells.variants import (
    GRU_GATES,
    GRUCache,
    PeepholeCache,
    gru_backward,
    gru_forward,
    peephole_backward,
    peephole_forward,
)

__all__ = [
    "BASE",
    "EPSILON",
    "GRU_GATES",
    "LOW",
    "LSTM_GATES",
    "SMALL",
    "Adam",
    "Array",
    "Arrays",
    "GRUCache",
    "Gradients",
    "LSTMCache",
    "PeepholeCache",
    "RNNCache",
    "attend",
    "causal_attention",
    "causal_mask",
    "clip",
    "gradient_check",
    "gru_backward",
    "gru_forward",
    "initial_weights",
    "length",
    "lstm_backward",
    "lstm_forward",
    "peephole_backward",
    "peephole_forward",
    "rnn_backward",
    "rnn_forward",
    "rotate",
    "sigmoid",
    "speeds",
    "split_gates",
    "turns",
    "weights_from_keras",
    "weights_to_keras",
]
