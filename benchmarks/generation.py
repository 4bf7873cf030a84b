"""One text, written in several ways: run ``python benchmarks/generation.py``.

The same untrained LSTM writes character by character, in each way in turn:

- our NumPy step, which carries the state, greedily;
- the same with temperature, top-k and top-p, which is the cost of ``generate`` in use;
- Keras's layers under ``tf.function``, one step per call, the state carried as tensors;
- ``model.predict`` on the last 40 characters, for each new one.

Medians of characters per second are printed and written to ``companion/data/results/generation.json``.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from companion import set_seed
from companion.generation import Sampler, sample_ids, stepper
from companion.models import language_model, with_states, zero_states
from companion.results import write_results

VOCAB_SIZE = 85
UNITS = (256, 512)
WINDOW = 40
ROUNDS = 7
PROMPT = np.arange(1, WINDOW + 1)


def numpy_writer(model: Any) -> Callable[[int], np.ndarray]:
    """Our step, greedy."""
    stepping = stepper(model)
    return lambda number: sample_ids(stepping, PROMPT, number, Sampler(greedy=True))[0]


def sampling_writer(model: Any) -> Callable[[int], np.ndarray]:
    """Our step with all samplers."""
    stepping = stepper(model)
    return lambda number: sample_ids(stepping, PROMPT, number, Sampler(0.8, 40, 0.95), seed=0)[0]


def function_writer(model: Any) -> Callable[[int], np.ndarray]:
    """Keras's layers, one step per call of a compiled function."""
    import tensorflow as tf

    twin = with_states(model)

    @tf.function
    def step(token: Any, states: list[Any]) -> Any:
        logits, *states = twin([token, *states], training=False)
        return tf.argmax(logits[:, -1], axis=-1, output_type=tf.int32)[:, None], states

    def write(number: int) -> np.ndarray:
        states = zero_states(model, 1)
        for token in PROMPT:
            best, states = step(tf.constant([[token]], tf.int32), states)
        ids = []
        for _ in range(number):
            ids.append(int(best[0, 0]))
            best, states = step(best, states)
        return np.array(ids)

    return write


def predict_writer(model: Any) -> Callable[[int], np.ndarray]:
    """The whole window, read again for each character."""

    def write(number: int) -> np.ndarray:
        ids = PROMPT.tolist()
        for _ in range(number):
            logits = model.predict(np.array([ids[-WINDOW:]]), verbose=0)
            ids.append(int(np.argmax(logits[0, -1])))
        return np.array(ids[WINDOW:])

    return write


# Name, description, maker, characters per round.
WRITERS: list[tuple[str, str, Callable[[Any], Callable[[int], np.ndarray]], int]] = [
    ("numpy", "NumPy step, state carried", numpy_writer, 1000),
    ("numpy_sampling", "the same, temperature, top-k and top-p", sampling_writer, 1000),
    ("tf_function", "tf.function step, state carried", function_writer, 300),
    ("predict", f"model.predict on {WINDOW} characters", predict_writer, 15),
]


def main() -> None:
    """Measure, print a table, write the results."""
    medians: dict[str, dict[str, float]] = {}
    for units in UNITS:
        set_seed(0)
        model = language_model(VOCAB_SIZE, units=units)
        writers = {name: (make(model), number) for name, _, make, number in WRITERS}
        for write, _ in writers.values():
            write(2)  # compile, warm up
        if not np.array_equal(writers["numpy"][0](100), writers["tf_function"][0](100)):
            raise AssertionError("the two steps write different texts")
        rates: dict[str, list[float]] = {name: [] for name in writers}
        for _ in range(ROUNDS):
            for name, (write, number) in writers.items():
                start = time.perf_counter()
                write(number)
                # With a carried state the prompt is read once, one step per character, which counts as work done.
                read = 0 if name == "predict" else WINDOW
                rates[name].append((number + read) / (time.perf_counter() - start))
        medians[str(units)] = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    print(f"characters a second, median of {ROUNDS}" + "".join(f"{units:>12} units" for units in UNITS))
    for name, label, _, _ in WRITERS:
        print(f"{label:<40}" + "".join(f"{medians[str(units)][name]:>18,.0f}" for units in UNITS))
    content = {
        "what": "characters a second of one stream, by the LSTM's units; wall-clock time",
        "rounds": ROUNDS,
        "window": WINDOW,
        "medians": medians,
    }
    write_results("generation", content)


if __name__ == "__main__":
    main()
