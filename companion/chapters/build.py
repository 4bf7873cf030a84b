"""The pieces of a reader of *Can you build all of it?*, put together: a model that learns a text and writes.

The eight exercises of the page make nine functions, `Pieces`. What is here is the thread that joins them, and the page
shows its lines: `gradients` leads through a window of text and back, `Model` learns, scores and writes, and
`train_and_write` does all of it and reports as it goes. The page itself does the same, by `stages`. NumPy is all it
needs, so it runs in a browser too.
"""

import ast
import inspect
import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion.cells import clip
from companion.errors import UserError

if TYPE_CHECKING:
    from IPython.display import HTML, Markdown

Arrays = dict[str, np.ndarray]
State = tuple[np.ndarray, np.ndarray]  # h and c, (batch, units) each

EXERCISES = {  # what each exercise of the page defines
    "build-tokenizer": ("encode", "decode"),
    "build-counts": ("count",),
    "build-cell": ("step",),
    "build-backward": ("backward",),
    "build-optimiser": ("adam",),
    "build-loop": ("train",),
    "build-sampler": ("sample",),
    "build-attention": ("attend",),
}
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
CHARACTERS = 99  # different ones that the model knows: the rest would make a large table of counts
ORDER, STRENGTH = 3, 4  # of the counts to beat
UNITS = 48  # an update takes a few milliseconds
BATCH, WINDOW = 16, 32  # many small updates: in half a minute, their number counts
RATE = 0.03  # at the start; it falls to a hundredth of that
SHARPNESS, SHARE = 10, 0.1  # of looking back: chosen on Hamlet, which the page doesn't use
LOOKS_BACK = 1_000  # characters
SCORED = 4_000  # characters at most, and at most a tenth of the text
FEWEST = 6_000  # characters of a text
REPORTS = 10  # during the training


@dataclass(frozen=True)
class Pieces:
    """What the page's exercises define."""

    encode: Callable[..., Any]
    decode: Callable[..., Any]
    count: Callable[..., Any]
    step: Callable[..., Any]
    backward: Callable[..., Any]
    adam: Callable[..., Any]
    train: Callable[..., Any]
    sample: Callable[..., Any]
    attend: Callable[..., Any]


def collect(names: Mapping[str, Any]) -> Pieces:
    """The pieces among some names, such as ``globals()``.

    Raises
    ------
    UserError
        One is missing; the message says which, and which exercise asks for it.
    """
    for exercise, functions in EXERCISES.items():
        for name in functions:
            if not callable(names.get(name)):
                raise UserError(f"There is no function {name!r} yet; the exercise {exercise} asks for it.")
    return Pieces(**{field.name: names[field.name] for field in fields(Pieces)})


# -- A window of text, forward and back ---------------------------------------------------------------------------


def initial_weights(vocab_size: int, units: int, seed: int = 0) -> Arrays:
    """Small random weights; the forget gates, second of the four, start open."""
    rng = np.random.default_rng(seed)
    W = {
        "W_x": rng.normal(scale=0.3, size=(vocab_size, 4 * units)),
        "W_h": rng.normal(scale=units**-0.5, size=(units, 4 * units)),
        "b": np.repeat([0.0, 1.0, 0.0, 0.0], units),
        "W_y": rng.normal(scale=0.3 * units**-0.5, size=(units, vocab_size)),
        "b_y": np.zeros(vocab_size),
    }
    return {name: weight.astype(np.float32) for name, weight in W.items()}


def read(x: np.ndarray, state: State, W: Arrays, step: Callable[..., Any]) -> tuple[np.ndarray, State, list[Any]]:
    """Take the cell through ids ``(time, batch)``.

    Returns
    -------
    hidden, state, kept
        The hidden state before the first step and after each, ``(time + 1, batch, units)``; the last h and c; what
        each step keeps.
    """
    h, c = state
    hidden, kept = [h], []
    for x_t in x:
        h, c, keep = step(x_t, h, c, W)
        hidden.append(h)
        kept.append(keep)
    return np.array(hidden), (h, c), kept


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def gradients(x: np.ndarray, y: np.ndarray, state: State, W: Arrays, pieces: Pieces) -> tuple[float, Arrays, State]:
    """The loss of a window in nats, its gradient for each weight, and the state after it."""
    hidden, state, kept = read(x, state, W, pieces.step)
    log_p = log_softmax(hidden[1:] @ W["W_y"] + W["b_y"])
    right = (*np.indices(y.shape), y)  # the places of the characters that did come next
    loss = -log_p[right].mean()

    d_logits = np.exp(log_p)
    d_logits[right] -= 1
    d_logits /= y.size
    dh_out = d_logits @ W["W_y"].T
    da, dh, dc = [np.empty(0)] * len(x), 0, 0
    for t in reversed(range(len(x))):
        da[t], dh, dc = pieces.backward(dh_out[t] + dh, dc, kept[t], W)
    blame = np.array(da)

    def product(states: np.ndarray, blame: np.ndarray) -> np.ndarray:
        return np.tensordot(states, blame, axes=((0, 1), (0, 1)))  # over time and batch

    dW = {"W_h": product(hidden[:-1], blame), "b": blame.sum(axis=(0, 1))}
    dW |= {"W_y": product(hidden[1:], d_logits), "b_y": d_logits.sum(axis=(0, 1))}
    dW["W_x"] = np.zeros_like(W["W_x"])
    np.add.at(dW["W_x"], x, blame)  # a row gets the blame of all places of its character
    return float(loss), dW, state


# -- The model -------------------------------------------------------------------------------------------------------


class Model:
    """An LSTM of the reader's pieces, with the alphabet of a text and weights that it learns from it.

    Parameters
    ----------
    pieces
        From the page's exercises.
    text
        To learn from. Its most frequent characters are the alphabet.
    units
        Of the LSTM.
    seed
        Of the first weights.
    """

    def __init__(self, pieces: Pieces, text: str, units: int = UNITS, seed: int = 0):
        self.pieces = pieces
        known = [character for character, _ in Counter(text).most_common(CHARACTERS)]
        self.alphabet = UNKNOWN + "".join(sorted(known))
        self.W = initial_weights(len(self.alphabet), units, seed)
        self.means = {name: np.zeros_like(weight) for name, weight in self.W.items()}
        self.squares = {name: np.zeros_like(weight) for name, weight in self.W.items()}
        self.updates = 0

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, ``(characters,)``."""
        return np.asarray(self.pieces.encode(text, self.alphabet), dtype=int)

    def start(self, batch: int) -> State:
        """States of zeros."""
        zeros = np.zeros((batch, len(self.W["W_h"])), dtype=np.float32)
        return zeros, zeros

    def learn(self, x: np.ndarray, y: np.ndarray, state: State, rate: float) -> tuple[float, State]:
        """One update from a window: its loss before it, and the state after the window."""
        loss, dW, state = gradients(x, y, state, self.W, self.pieces)
        self.updates += 1
        for name, dw in clip(dW, longest=1.0).items():
            w, m, v = self.W[name], self.means[name], self.squares[name]
            w, m, v = self.pieces.adam(w, dw, m, v, self.updates, rate)
            self.W[name], self.means[name], self.squares[name] = w, m, v
        return loss, state

    def bits(self, ids: np.ndarray) -> float:
        """Bits a character of a text, read as 16 stretches side by side, each from an empty memory."""
        length = len(ids) // BATCH
        side_by_side = ids[: BATCH * length].reshape(BATCH, length).T
        hidden, _, _ = read(side_by_side[:-1], self.start(BATCH), self.W, self.pieces.step)
        log_p = log_softmax(hidden[1:] @ self.W["W_y"] + self.W["b_y"])
        places = np.indices(side_by_side[1:].shape)
        return float(-log_p[(*places, side_by_side[1:])].mean() / np.log(2))

    def next_p(self, hidden: np.ndarray, ids: np.ndarray, share: float = SHARE) -> np.ndarray:
        """What follows each character: the LSTM's guess, and a share of what attention finds.

        It looks for states like the present one, and for what followed them.
        """
        p = np.exp(log_softmax(hidden @ self.W["W_y"] + self.W["b_y"]))
        if share and len(ids) > 1:
            followed = np.eye(len(self.alphabet), dtype=p.dtype)[ids[1:]]
            found = self.pieces.attend(SHARPNESS * hidden[1:], hidden[:-1], followed)
            p[1:] = (1 - share) * p[1:] + share * found
        return p

    def bits_with_attention(self, ids: np.ndarray, share: float = SHARE) -> float:
        """Bits a character of a text that is read in order, where attention reaches back within each thousand."""
        hidden, _, _ = read(ids[:-1, None], self.start(1), self.W, self.pieces.step)
        hidden, costs = hidden[1:, 0], []
        for begin in range(0, len(hidden), LOOKS_BACK):
            part = slice(begin, begin + LOOKS_BACK)
            p = self.next_p(hidden[part], ids[:-1][part], share)
            costs.append(-np.log2(p[np.arange(len(p)), ids[1:][part]]))
        return float(np.concatenate(costs).mean())

    def write(self, prompt: str, length: int, temperature: float = 0.7, seed: int = 0, back: int = 100) -> str:
        """Continue a prompt; attention looks ``back`` characters back."""
        rng, state = np.random.default_rng(seed), self.start(1)
        ids, new = list(self.encode(prompt)), self.encode(prompt)
        states: list[np.ndarray] = []
        for _ in range(length):
            hidden, state, _ = read(new[:, None], state, self.W, self.pieces.step)
            states += list(hidden[1:, 0])
            p = self.next_p(np.array(states[-back:]), np.array(ids[-back:]))[-1]
            new = np.array([self.pieces.sample(np.log(p), temperature, rng)])
            ids += list(new)
        return str(self.pieces.decode(ids[len(ids) - length :], self.alphabet))


# -- All of it -------------------------------------------------------------------------------------------------------


class Enough(Exception):
    """The training's time is over, whatever the reader's loop would do next."""


class Report(NamedTuple):
    """How far it is: a line, or the passage, and the numbers in it, such as bits a character on held-out text."""

    stage: str  # "text", "counts", "training", "in order", "attention" or "passage"
    line: str
    updates: int | None = None
    bits: float | None = None


def divided(text: str) -> tuple[str, str]:
    """What to learn from, and what is held out: the end.

    Raises
    ------
    UserError
        The text is too short.
    """
    if len(text) < FEWEST:
        raise UserError(f"The text has {len(text):,} characters; it takes at least {FEWEST:,} to learn something.")
    held = min(len(text) // 10, SCORED)
    return text[:-held], text[-held:]


def counted_bits(pieces: Pieces, ids: np.ndarray, held: np.ndarray, vocab_size: int) -> float:
    """Bits a character of held-out text, for the reader's counts of the training text."""
    table = np.asarray(pieces.count(ids, vocab_size, ORDER, STRENGTH))
    text = np.concatenate([ids[1 - ORDER :], held])
    costs = -np.log2(table[tuple(text[n : n + len(held)] for n in range(ORDER))])
    return float(costs.mean())


def training(
    model: Model, ids: np.ndarray, held: np.ndarray, updates: int = 100_000, seconds: float = np.inf
) -> Iterator[Report]:
    """Train for some updates or seconds, whichever is over first; the learning rate falls along a line.

    Yields
    ------
    Report
        One before the first update, and `REPORTS` more.
    """
    begun = time.monotonic()

    def done() -> float:
        return max(model.updates / updates, (time.monotonic() - begun) / seconds)

    def learn(x: np.ndarray, y: np.ndarray, state: State) -> tuple[float, State]:
        if done() >= 1:
            raise Enough
        return model.learn(x, y, state, RATE * max(0.01, 1 - done()))

    def report() -> Report:
        bits = model.bits(held)
        return Report("training", f"your LSTM after {model.updates:,} updates: {bits:.2f}", model.updates, bits)

    yield report()
    reports = 1
    with suppress(Enough):
        for _ in model.pieces.train(ids, learn, model.start(BATCH), BATCH, WINDOW, updates):
            if done() >= reports / REPORTS:
                yield report()
                reports = int(done() * REPORTS) + 1


def stages(
    pieces: Pieces, text: str, seconds: float = 20, updates: int = 100_000, length: int = 400, seed: int = 0
) -> Iterator[Report]:
    """Make a model of the pieces, train it on a text, score it against the counts, and let it write.

    It reports each stage as soon as it is over, and last the passage.

    Parameters
    ----------
    pieces, text
        From `collect`; what to learn from, up to its end, which is held out.
    seconds, updates
        How long to train: whichever is over first.
    length, seed
        Of the passage, in characters; of the passage and of the first weights.

    Raises
    ------
    UserError
        The text is too short.
    """
    learnt, held_out = divided(text)
    model = Model(pieces, learnt, seed=seed)
    ids, held = model.encode(learnt), model.encode(held_out)
    yield Report("text", f"{len(ids):,} characters to learn from, {len(held):,} held out; bits per character on these:")
    bits = counted_bits(pieces, ids, held, len(model.alphabet))
    yield Report("counts", f"your counts, order {ORDER}: {bits:.2f}", bits=bits)
    yield from training(model, ids, held, updates, seconds)
    bits = model.bits_with_attention(held, share=0)
    yield Report("in order", f"your LSTM, read in order: {bits:.2f}", bits=bits)
    bits = model.bits_with_attention(held)
    yield Report("attention", f"your LSTM with your attention: {bits:.2f}", bits=bits)
    yield Report("passage", model.write(held_out[:LOOKS_BACK], length, seed=seed))


def train_and_write(pieces: Pieces, text: str, **settings: Any) -> Iterator[str]:
    """The lines of `stages`, whose parameters are the same, and at the end the passage."""
    return (report.line for report in stages(pieces, text, **settings))


# -- What the page shows ---------------------------------------------------------------------------------------------

DRAWING = Path(__file__).with_name("build.html")


def pieces_drawing() -> "HTML":
    """The eight pieces as boxes, and what goes from one to the next."""
    from IPython.display import HTML

    return HTML(" ".join(DRAWING.read_text(encoding="utf-8").split("\n")))


def source(*functions: Callable[..., Any]) -> "Markdown":
    """The code of functions, without their types, for the page that explains them."""
    from IPython.display import Markdown

    code = "\n\n".join(untyped(textwrap.dedent(inspect.getsource(function)).strip()) for function in functions)
    return Markdown(f"```python\n{code}\n```")


def untyped(code: str) -> str:
    """Code without its annotations.

    >>> untyped("def double(x: int = 1) -> int:\\n    return 2 * x")
    'def double(x=1):\\n    return 2 * x'
    """
    spans = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.arg | ast.AnnAssign) and (note := node.annotation):
            end = node.col_offset + len(node.arg) if isinstance(node, ast.arg) else node.target.end_col_offset
            spans.append((note.lineno, end, note.end_col_offset))
        elif isinstance(node, ast.FunctionDef) and (note := node.returns):
            spans.append((note.lineno, note.col_offset - len(" -> "), note.end_col_offset))
    lines = code.split("\n")
    for row, begin, stop in sorted(spans, reverse=True):
        rest = lines[row - 1][stop:]
        in_head = rest.startswith(" = ") and lines[row - 1].lstrip().startswith("def ")
        lines[row - 1] = lines[row - 1][:begin] + ("=" + rest[3:] if in_head else rest)
    return "\n".join(lines)


def embedded(text: str) -> "HTML":
    """A text inside the page, unseen, for Python in the browser, which has no corpora: JSON, its id ``build-text``."""
    from IPython.display import HTML

    told = json.dumps(text).replace("</", r"<\/")  # so that no text ends the element
    return HTML(f'<script type="application/json" id="build-text">{told}</script>')
