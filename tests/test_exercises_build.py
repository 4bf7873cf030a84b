"""The exercises of the page build: right answers pass, plausible wrong ones get a fitting hint."""

import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from companion.cells import sigmoid
from companion.exercises import outcome

PAGE = (Path(__file__).resolve().parents[1] / "book" / "build.md").read_text(encoding="utf-8")


def solutions() -> dict:
    """The functions of the page's solutions, from the page itself."""
    names = {"np": np, "sigmoid": sigmoid}
    for label, block in re.findall(r"\{solution-start\} (build-\w+)(.*?)\{solution-end\}", PAGE, re.DOTALL):
        code = re.search(r"```\{code-cell\} ipython3\n(.*?)```", block, re.DOTALL)
        assert code, label
        names |= {f"{label} code": code[1].partition("\n\ncheck(")[0]}
        exec(names[f"{label} code"], names)
    return names


RIGHT = solutions()
ANSWERS = {
    "build-tokenizer": (RIGHT["encode"], RIGHT["decode"]),
    "build-counts": RIGHT["count"],
    "build-cell": RIGHT["step"],
    "build-backward": RIGHT["backward"],
    "build-optimiser": RIGHT["adam"],
    "build-loop": RIGHT["train"],
    "build-sampler": RIGHT["sample"],
    "build-attention": RIGHT["attend"],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_page_s_solution_passes(name):
    result = outcome(name, ANSWERS[name])
    assert result, result.line


@pytest.mark.parametrize("name", ANSWERS)
def test_the_page_s_stub_is_said_to_be_unwritten(name):
    block = re.search(rf":label: {name}\n.*?```{{code-cell}} ipython3\n(.*?)```", PAGE, re.DOTALL)
    names = {"np": np, "sigmoid": sigmoid}
    exec(block[1].partition("\n\n\ncheck(")[0].replace("from companion.exercises import check\n", ""), names)
    stub = (
        tuple(names[f.__name__] for f in ANSWERS[name]) if name == "build-tokenizer" else names[ANSWERS[name].__name__]
    )
    line = outcome(name, stub).line
    assert line.startswith("✗ Not written yet: "), line


def changed(name, before, after):
    """The page's solution with one thing changed, as a plausible slip would."""
    code = RIGHT[f"{name} code"]
    assert before in code, (name, before)
    names = {"np": np, "sigmoid": sigmoid}
    exec(code.replace(before, after), names)
    if name == "build-tokenizer":
        return names["encode"], names["decode"]
    return names[ANSWERS[name].__name__]


SLIPS = [
    ("build-tokenizer", "id_of.get(character, 0)", "id_of[character]", "gets the id 0"),
    ("build-tokenizer", "id_of.get(character, 0)", "alphabet.find(character)", "the alphabet's last character"),
    ("build-tokenizer", "enumerate(alphabet)", "enumerate(alphabet, 1)", "counted from 0"),
    (
        "build-tokenizer",
        "for character in text]",
        "for character in text if character in id_of]",
        "leave no character out",
    ),
    ("build-tokenizer", '"".join', '" ".join', "join them with nothing"),
    ("build-counts", "strength * P)", "strength / V)", "as the shorter context says"),
    (
        "build-counts",
        "table.sum(axis=-1, keepdims=True)",
        "table.sum()",
        "after each context the probabilities add up to 1",
    ),
    ("build-counts", "(total + strength)", "total", "after each context the probabilities add up to 1"),
    ("build-counts", "(table + strength * P) / (total + strength)", "table / total", "nothing is impossible"),
    (
        "build-counts",
        "(total + strength)",
        "(total + strength) if n < 3 else table / total",
        "context that never occurs",
    ),
    ("build-counts", "return P", "return P.T", "the last axis is the next character"),
    ("build-counts", "len(ids) - n + 1", "len(ids) - n", "the very end of the text"),
    ("build-counts", "order + 1", "order", "up to `order` itself"),
    ("build-cell", "a_i, a_f, a_g, a_o = np", "a_f, a_i, a_g, a_o = np", "i, f, g and o, in this order"),
    ("build-cell", ' + W["b"]', "", "add the biases"),
    ("build-cell", ' + h @ W["W_h"]', "", "the gates read the hidden state too"),
    ("build-cell", "np.tanh(a_g)", "sigmoid(a_g)", "through tanh, not through the sigmoid"),
    ("build-cell", "o * np.tanh(c_new)", "o * c_new", "tanh of the cell state"),
    ("build-cell", "o * np.tanh(c_new)", "o * np.tanh(c)", "not the one before"),
    ("build-cell", "return h_new, c_new,", "return c_new, h_new,", "h first, then c"),
    ("build-cell", "(c, i, f, g, o, c_new)", "(c_new, i, f, g, o, c)", "the cell state before the step first"),
    ("build-cell", ", (c, i, f, g, o, c_new)", "", "return 3 things"),
    ("build-backward", "dc = dc + dh", "dc = dh", "dc has two sources"),
    ("build-backward", "1 - np.tanh(c) ** 2", "1 - c**2", "1 - tanh(c)**2"),
    ("build-backward", "dc * g * i * (1 - i)", "dc * g", "go back line by line"),
    ("build-backward", "(1 - g**2)", "g * (1 - g)", "whose slope is 1 - g**2"),
    ("build-backward", "[da_i, da_f,", "[da_f, da_i,", "i, f, g and o, in this order"),
    ("build-backward", "dc * f\n", "dc\n", "multiplied by f"),
    ("build-backward", 'return da, da @ W["W_h"].T, dc * f', 'return da, da @ W["W_h"].T', "return 3 things"),
    ("build-optimiser", "return w - rate", "return w + rate", "so subtract"),
    ("build-optimiser", "m / (1 - 0.9**n), v / (1 - 0.999**n)", "m, v", "too small at first"),
    ("build-optimiser", "np.sqrt(v_true)", "v_true", "the root of the average square"),
    ("build-optimiser", "0.001 * dw**2", "0.001 * dw", "the average of the squares"),
    ("build-optimiser", "0.9 * m + 0.1 * dw", "0.1 * m + 0.9 * dw", "keeps nine tenths"),
    ("build-optimiser", "rate * m_true", "rate * dw", "along the average gradient m"),
    ("build-optimiser", ", m, v\n", ", m_true, v_true\n", "return the average itself"),
    ("build-loop", "y = ids[1 : batch * length + 1]", "y = ids[: batch * length]", "the one after it"),
    (
        "build-loop",
        ".reshape(batch, length).T\n    y",
        ".reshape(length, batch)\n    y",
        "in one stream, below each other",
    ),
    (
        "build-loop",
        "x[t : t + window], y[t : t + window]",
        "x[t : t + window].T, y[t : t + window].T",
        "time comes first",
    ),
    ("build-loop", "loss, state = learn", "loss, _ = learn", "hand on the state"),
    ("build-loop", "if t == 0:", "if n == 0:", "begins with the start state"),
    ("build-loop", "length - window + 1, window", "length - window + 1, 1", "go on by a whole window"),
    ("build-loop", "range(0, length - window + 1, window)", "range(0, length, window)", "doesn't fill a window"),
    ("build-loop", "yield loss", "yield n", "yield the loss it gives"),
    (
        "build-sampler",
        "logits - logits.max()) / temperature",
        "logits - logits.max()) * temperature",
        "divide by the temp",
    ),
    (
        "build-sampler",
        "(logits - logits.max()) / temperature",
        "logits - logits.max()",
        "divide the logits by the temp",
    ),
    ("build-sampler", "(logits - logits.max()) / temperature", "logits / temperature", "overflows at 1000"),
    ("build-sampler", "rng.random()", "np.random.random()", "with the rng that you are given"),
    ("build-sampler", "int((np.cumsum(p) <= rng.random()).sum())", "int(p.argmax())", "draw"),
    ("build-sampler", "int((np.cumsum(p) <= rng.random()).sum())", "p", "give one whole number"),
    ("build-attention", "np.where(np.tri(len(q), len(k), dtype=bool), scores, -np.inf)", "scores", "mask their scores"),
    ("build-attention", " / np.sqrt(k.shape[1])", "", "by the root of the size of a key"),
    ("build-attention", "np.sqrt(k.shape[1])", "k.shape[1]", "not by the size"),
    ("build-attention", "np.tri(len(q), len(k), dtype=bool)", "np.tri(len(q), len(k), -1, dtype=bool)", "sees itself"),
    ("build-attention", "weights.sum(axis=1, keepdims=True)", "weights.sum(axis=0)", "add up to 1"),
    ("build-attention", "np.exp(scores - scores.max(axis=1, keepdims=True))", "np.exp(scores)", "which overflows"),
    ("build-attention", "q @ k.T", "k @ q.T", "rows are queries"),
]


@pytest.mark.parametrize(("name", "before", "after", "hint"), SLIPS)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_a_slip_gets_its_hint(name, before, after, hint):
    result = outcome(name, changed(name, before, after))
    assert not result and hint in result.line, result.line


def test_every_exercise_has_at_least_two_slips():
    assert {name: sum(slip[0] == name for slip in SLIPS) >= 2 for name in ANSWERS} == dict.fromkeys(ANSWERS, True)


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_other_right_answers_pass():
    def train(ids, learn, start, batch, window, updates):
        """A list instead of a generator, and a nested loop."""
        length = (len(ids) - 1) // batch
        streams = [ids[n * length : (n + 1) * length + 1] for n in range(batch)]
        losses = []
        while True:
            state = start
            for t in range(0, length - window + 1, window):
                x = np.array([stream[t : t + window] for stream in streams]).T
                y = np.array([stream[t + 1 : t + window + 1] for stream in streams]).T
                loss, state = learn(x, y, state)
                losses.append(loss)
                if len(losses) == updates:
                    return losses

    def sample(logits, temperature, rng):
        p = np.exp((logits - max(logits)) / temperature)
        return rng.choice(len(p), p=p / p.sum())

    def encode(text, alphabet):
        return [max(alphabet.find(character), 0) for character in text]

    assert outcome("build-loop", train) and outcome("build-sampler", sample)
    assert outcome("build-tokenizer", (encode, ANSWERS["build-tokenizer"][1]))


def test_a_loop_that_never_ends_is_told():
    source = RIGHT["build-loop code"].replace("for n in range(updates):", "n = -1\n    while True:\n        n += 1")
    names: dict = {"np": np}
    exec(textwrap.dedent(source), names)
    result = outcome("build-loop", names["train"])
    assert not result and "learn once an update" in result.line, result.line
    assert inspect.isgeneratorfunction(names["train"])
