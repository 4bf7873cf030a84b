"""The NumPy cells of the book: training an LSTM written out by hand; and products of matrices."""

from typing import Any

import numpy as np

from companion.cells import initial_weights, lstm_backward, lstm_forward
from companion.cells.descent import Adam, clip
from peers.serving import Run, repeated, serve


def training(sizes: dict[str, int], batch: int, window: int) -> Run:
    """Embedding, `lstm_forward`, softmax, `lstm_backward`, clipping to length 1, Adam; the states are carried."""
    vocab, inputs, units = sizes["vocab_size"], sizes["embedding_dim"], sizes["units"]
    rng = np.random.default_rng(0)
    W: dict[str, Any] = {
        "E": rng.uniform(-0.05, 0.05, (vocab, inputs)),
        **initial_weights(inputs, units),
        "W_y": rng.normal(0, units**-0.5, (units, vocab)),
        "b_y": np.zeros(vocab),
    }
    W = {name: np.asarray(weight, np.float32) for name, weight in W.items()}
    ids, targets = rng.integers(vocab, size=(2, window, batch))
    read = np.eye(vocab, dtype=np.float32)[ids.ravel()]  # one-hot, for the embedding's gradient as a product
    adam = Adam(W)
    state = [np.zeros((batch, units), np.float32)] * 2
    at = np.arange(window * batch)

    def step() -> int:
        h, c, cache = lstm_forward(W["E"][ids], W["W_x"], W["W_h"], W["b"], *state)
        flat = h.reshape(-1, units)
        logits = flat @ W["W_y"] + W["b_y"]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        dlogits = p
        dlogits[at, targets.ravel()] -= 1
        dlogits /= len(at)
        gradients = lstm_backward((dlogits @ W["W_y"].T).reshape(h.shape), cache)
        found = {name: gradients[name] for name in ("W_x", "W_h", "b")}
        found |= {"W_y": flat.T @ dlogits, "b_y": dlogits.sum(axis=0)}
        found["E"] = read.T @ gradients["x"].reshape(-1, inputs)
        adam.step(clip(found, 1.0), 1e-3)
        state[:] = h[-1], c[-1]
        return batch * window

    run = repeated(step)
    run(0.0)
    return run


def peak(side: int, kind: str, cores: int) -> Run:
    """Products of square float32 matrices; the library underneath divides each among the cores."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, side, side), np.float32)
    out = np.empty_like(a)

    def step() -> int:
        np.matmul(a, b, out=out)
        return 2 * side**3

    run = repeated(step)
    run(0.0)
    return run


def main() -> None:
    """Serve."""
    serve({"training": training, "peak": peak}, ("numpy",))
