"""What a trained network's states carry: read them, label a text, probe, and take cells out.

A *probe* is a linear function fitted on states to say something of the text that was read: whether the place is inside
a speaker's name, how far into its line it is. It is fitted on some plays and scored on others, and beside it stand the
same probe on the last few characters, on the states of an untrained network and on shuffled labels [1]_ [2]_. A *cell*
is one number of the state; a property may sit in a single one [3]_. What the network uses of what it carries only
shows when cells are taken out.

Texts are the book's plays: Markdown with a speaker's name between ``**``, stage directions between ``_``, verse lines
that end in two spaces. Places are ``(passages, length)``, states ``(passages, length, units)``, costs in bits per
character. Chapter: *inside*.

References
----------
.. [1] Hewitt & Liang 2019, *Designing and Interpreting Probes with Control Tasks*.
.. [2] Belinkov 2022, *Probing Classifiers: Promises, Shortcomings, and Advances*.
.. [3] Karpathy, Johnson & Li 2015, *Visualizing and Understanding Recurrent Networks*.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from companion.errors import UserError

Array = np.ndarray

WARM_UP = 200  # characters read before each passage, so that its states are those of a reader who came from there
ALPHA = 100.0  # of the probes' ridge: scores move by less than a point from 30 to 300


# ---------------------------------------------------------------------------------------------------------------
# Reading


class Network(NamedTuple):
    """The weights of a language model of one LSTM layer: what goes in, the layer, what comes out."""

    embedding: Array
    W_x: Array
    W_h: Array
    b: Array
    W_y: Array
    b_y: Array


def network(model: Any) -> Network:
    """The weights of a `companion.models.language_model` with one LSTM layer.

    Raises
    ------
    UserError
        The model is another one.
    """
    from companion.cells import weights_from_keras

    layers = [layer for layer in model.layers if type(layer).__name__ == "LSTM"]
    if len(layers) != 1:
        raise UserError(f"The model has {len(layers)} LSTM layers; expected a language_model(...) with one.")
    (embedding,) = model.get_layer("embedding").get_weights()
    return Network(
        embedding,
        **weights_from_keras(layers[0]),
        **dict(zip(("W_y", "b_y"), model.get_layer("logits").get_weights(), strict=True)),
    )


def passages(characters: int, number: int, length: int) -> Array:
    """Where a text is read: passages that lie evenly over it and don't touch, each with its warm-up before it.

    Returns
    -------
    numpy.ndarray
        Places in the text, ``(number, WARM_UP + length)``.

    Raises
    ------
    UserError
        The text is too short for so many.
    """
    whole = WARM_UP + length
    if number < 1 or length < 1 or characters < number * whole + 1:
        raise UserError(
            f"{number} passages of {length} characters, {WARM_UP} more before each, don't fit into {characters}; "
            "take fewer or shorter ones."
        )
    return np.linspace(1, characters - whole, number).astype(int)[:, None] + np.arange(whole)


def read(net: Network, ids: Array) -> tuple[Array, Array]:
    """The states after each character of passages, read from a zero state; those of the warm-up are left off.

    The same numbers as `companion.cells.lstm_forward`, by TensorFlow, which takes a third of the time.

    Parameters
    ----------
    net
        See `network`.
    ids
        The passages' characters, ``(passages, WARM_UP + length)``.

    Returns
    -------
    h, c
        Hidden and cell states, ``(passages, length, units)``, float32.
    """
    h, c = _scan(net, ids)
    return np.swapaxes(h[WARM_UP:], 0, 1), np.swapaxes(c[WARM_UP:], 0, 1)


def costs(net: Network, ids: Array) -> Array:
    """What each character of the passages costs, ``(passages, length)`` in bits, given those before it."""
    h = np.swapaxes(_scan(net, ids[:, :-1])[0][WARM_UP - 1 :], 0, 1)
    logits = h @ net.W_y + net.b_y
    top = logits.max(axis=-1)
    total = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    written = np.take_along_axis(logits, ids[:, WARM_UP:, None], axis=-1)[..., 0]
    return (total - written) / np.log(2)


def _scan(net: Network, ids: Array) -> tuple[Array, Array]:
    states = _scan_function()(net.embedding[ids.T], net.W_x, net.W_h, net.b)
    return states[0].numpy(), states[1].numpy()


_COMPILED: dict[str, Any] = {}


def _scan_function() -> Any:
    """x ``(time, batch, features)`` to h and c ``(time, batch, units)``; made once, for TensorFlow compiles it."""
    if not _COMPILED:
        from companion.seeding import quiet_tensorflow

        quiet_tensorflow()
        import tensorflow as tf

        @tf.function(reduce_retracing=True)
        def scan(x: Any, W_x: Any, W_h: Any, b: Any) -> Any:
            def step(states: Any, a_x: Any) -> Any:
                h, c = states
                i, f, g, o = tf.split(a_x + h @ W_h, 4, axis=-1)
                c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
                return tf.sigmoid(o) * tf.tanh(c), c

            zero = tf.zeros((tf.shape(x)[1], tf.shape(W_h)[0]), W_h.dtype)
            return tf.scan(step, tf.tensordot(x, W_x, 1) + b, (zero, zero))

        _COMPILED["scan"] = scan
    return _COMPILED["scan"]


# ---------------------------------------------------------------------------------------------------------------
# Labels of a text: one number a character, known when that character has been read


def inside_name(text: str) -> Array:
    """1 for the characters of a speaker's name, between ``**`` and ``**``; otherwise 0.

    >>> inside_name("**ALL**  ").astype(int).tolist()
    [0, 0, 1, 1, 1, 0, 0, 0, 0]
    """
    return _inside(r"\*\*([^*\n]+)\*\*", text)


def inside_direction(text: str) -> Array:
    """1 for the characters of a stage direction, between ``_`` and ``_`` in one paragraph; otherwise 0.

    >>> inside_direction("_Exit_ No").astype(int).tolist()
    [0, 1, 1, 1, 1, 0, 0, 0, 0]
    """
    return _inside(r"_((?:[^_\n]|\n(?!\n))+)_", text)


def _inside(pattern: str, text: str) -> Array:
    labels = np.zeros(len(text))
    for found in re.finditer(pattern, text):
        labels[found.start(1) : found.end(1)] = 1
    return labels


def column(text: str) -> Array:
    """How many characters of its line come before each character.

    >>> column("To be,  \\nor").astype(int).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]
    """
    places = np.arange(len(text))
    starts = np.array([place == 0 or text[place - 1] == "\n" for place in places])
    return (places - np.maximum.accumulate(np.where(starts, places, 0))).astype(float)


def in_prose(text: str) -> Array:
    """1 in prose and 0 in verse, from a speech's second line on; nan where a paragraph doesn't tell.

    The two are laid out alike, but each line of verse begins with a capital. A paragraph is prose if most of its
    lines after the first begin with a small letter.

    >>> in_prose("**A**  \\nWould not a pair  \\nof these")[-8:].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    labels = np.full(len(text), np.nan)
    for found in re.finditer(r"[^\n]+(?:\n[^\n]+)*", text):
        first, *lines = found[0].split("\n")
        second = found.start() + len(first) + 1
        if first.startswith("**") and lines:
            second += len(lines[0]) + 1
            lines = lines[1:]
        if lines and first[:1] not in ("#", "_"):
            labels[second : found.end()] = float(np.mean([line[:1].islower() for line in lines]) > 0.5)
    return labels


def ends_soon(text: str, within: int = 10) -> Array:
    """1 if a line break is among the next ``within`` characters; otherwise 0.

    >>> ends_soon("abc\\nde", within=2).astype(int).tolist()
    [0, 1, 1, 0, 0, 0]
    """
    breaks = np.concatenate([[0], np.cumsum([character == "\n" for character in text])])
    after = np.arange(1, len(text) + 1)
    return (breaks[np.minimum(after + within, len(text))] > breaks[after]).astype(float)


def last_characters(ids: Array, places: Array, n: int, vocab_size: int) -> Array:
    """The last ``n`` characters at each place, one-hot: what a reader with so short a memory has.

    Parameters
    ----------
    ids
        The whole text, ``(characters,)``.
    places
        Any shape; none below ``n - 1``.

    Returns
    -------
    numpy.ndarray
        ``(*places.shape, n * vocab_size)``, float32.
    """
    hot = np.zeros((places.size, n, vocab_size), np.float32)
    for back in range(n):
        hot[np.arange(places.size), back, ids[places.ravel() - back]] = 1
    return hot.reshape(*places.shape, n * vocab_size)


def control_labels(kinds: Array, labels: Array, seed: int = 0) -> Array:
    """A control task (Hewitt & Liang 2019): each kind of place gets one label, drawn at random among the real ones.

    There is nothing to understand in it. A probe that does well has learned it by heart.

    Parameters
    ----------
    kinds
        Whole numbers from 0, for example pairs of characters; any shape.
    labels
        The real labels; their known values are drawn from.
    """
    known = labels[np.isfinite(labels)].ravel()
    return np.random.default_rng(seed).choice(known, size=int(kinds.max()) + 1)[kinds]


# ---------------------------------------------------------------------------------------------------------------
# Probes


class Probe(NamedTuple):
    """A linear function of standardised features, ``((x - mean) / spread) @ weights + offset``."""

    mean: Array
    spread: Array
    weights: Array
    offset: float

    def __call__(self, x: Array) -> Array:
        """What it says of features ``(..., features)``: a number, or yes where it is above 0."""
        slope = self.weights / self.spread
        return x @ slope + (self.offset - self.mean @ slope)


def fit_probe(x: Array, labels: Array, alpha: float = ALPHA) -> Probe:
    """Ridge regression from features to a number, or to −1 and 1 with both classes weighing the same.

    Parameters
    ----------
    x
        ``(..., features)``.
    labels
        ``(...)``; where nan, the place is left out. Labels that are all 0 or 1 are taken for no and yes.
    alpha
        How strongly large weights are held down.

    Raises
    ------
    UserError
        No label is known, or all are the same.
    """
    from sklearn.linear_model import Ridge

    x, y = _known(x, labels)
    if not len(y) or np.ptp(y) == 0:
        raise UserError("A probe needs at least two different labels to learn from; here there is one or none.")
    sample_weight = None
    if is_yes_no(y):
        sample_weight = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
        y = 2 * y - 1
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    ridge = Ridge(alpha, solver="cholesky").fit((x - mean) / spread, y.astype(x.dtype), sample_weight)
    return Probe(mean, spread, ridge.coef_, float(ridge.intercept_))


def is_yes_no(labels: Array) -> bool:
    """Whether all known labels are 0 or 1."""
    known = labels[np.isfinite(labels)]
    return bool(np.isin(known, (0, 1)).all())


def probe_score(labels: Array, said: Array) -> float:
    """How well a probe does: balanced accuracy for yes and no, R² for a number; where a label is nan, not counted.

    Balanced accuracy is the mean of two shares, that of the yes places it calls yes and that of the no places it calls
    no: 0.5 for guessing. R² is the share of the variance that is explained: 0 for always saying the mean.

    >>> probe_score(np.array([1.0, 1, 0, 0]), np.array([2.0, -1, -3, -1]))
    0.75
    """
    said, y = _known(said, labels)
    if is_yes_no(y):
        return float(((said[y == 1] > 0).mean() + (said[y == 0] <= 0).mean()) / 2)
    return float(1 - ((y - said) ** 2).mean() / y.var())


def interval(labels: Array, said: Array, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval of `probe_score`, by drawing whole passages again (bootstrap, Efron 1979).

    Neighbouring characters are no independent examples; passages that lie far apart nearly are.

    Parameters
    ----------
    labels, said
        ``(passages, length)``.
    """
    rng = np.random.default_rng(seed)
    again = rng.integers(len(labels), size=(draws, len(labels)))
    if is_yes_no(labels):  # the same scores, from each passage's counts
        yes, no = labels == 1, labels == 0
        right = np.stack([yes & (said > 0), no & (said <= 0)]).sum(axis=-1)[:, again].sum(axis=-1)
        with np.errstate(invalid="ignore"):  # nan where a draw has no yes or no no, as in `probe_score`
            shares = right / np.stack([yes, no]).sum(axis=-1)[:, again].sum(axis=-1)
        scores = (shares[0] + shares[1]) / 2
    else:
        scores = np.array([probe_score(labels[rows], said[rows]) for rows in again])
    low, high = np.nanquantile(scores, (0.025, 0.975))
    return float(low), float(high)


def mean_interval(values: Array, counted: Array, draws: int = 200, seed: int = 0) -> tuple[float, float, float]:
    """The mean of the counted values, and its 95 % interval by drawing whole passages again, as in `interval`.

    Parameters
    ----------
    values, counted
        ``(passages, length)``; which are counted is boolean.
    """
    rng = np.random.default_rng(seed)
    again = rng.integers(len(values), size=(draws, len(values)))
    sums, numbers = np.where(counted, values, 0).sum(axis=1), counted.sum(axis=1)
    means = sums[again].sum(axis=1) / np.maximum(numbers[again].sum(axis=1), 1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(sums.sum() / numbers.sum()), float(low), float(high)


def _known(x: Array, labels: Array) -> tuple[Array, Array]:
    known = np.isfinite(labels)
    return x[known], labels[known]


# ---------------------------------------------------------------------------------------------------------------
# Single cells


class Cells(NamedTuple):
    """The best each cell can say alone, ``slope * state + offset``, and how well that does; each ``(units,)``."""

    slope: Array
    offset: Array
    scores: Array

    def ranked(self) -> Array:
        """The cells, best first."""
        return np.argsort(-self.scores, kind="stable")

    def says(self, unit: int, states: Array) -> Array:
        """What one cell says at each place, to be scored like a probe."""
        return self.slope[unit] * states[..., unit] + self.offset[unit]


def fit_cells(states: Array, labels: Array) -> Cells:
    """For each cell the best threshold (yes and no) or the best straight line (a number), and its `score` there.

    Parameters
    ----------
    states
        ``(..., units)``.
    labels
        ``(...)``; where nan, left out.
    """
    x, y = _known(states, labels)
    if not is_yes_no(y):
        centred = x - x.mean(axis=0)
        covariance, variance = centred.T @ (y - y.mean()) / len(y), centred.var(axis=0) + 1e-12
        slope = covariance / variance
        return Cells(slope, y.mean() - slope * x.mean(axis=0), covariance**2 / variance / y.var())
    rows = [best_threshold(x[:, unit], y) for unit in range(x.shape[1])]
    return Cells(*np.array(rows).T)


def best_threshold(x: Array, y: Array) -> tuple[float, float, float]:
    """Slope (1 or −1), offset and balanced accuracy of the best cut: yes where ``slope * x + offset`` is above 0.

    >>> best_threshold(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    (1.0, -1.5, 1.0)
    """
    order = np.argsort(x)  # in which order equal values stand makes no difference: there is no cut between them
    ranked, yes = x[order], y[order]
    share_yes, share_no = np.cumsum(yes) / yes.sum(), np.cumsum(1 - yes) / (1 - yes).sum()
    above = (1 - share_yes + share_no) / 2  # balanced accuracy of "yes above the cut behind place k"
    possible = np.flatnonzero(np.diff(ranked, append=np.inf) > 0)  # no cut between equal values
    place = possible[np.abs(above[possible] - 0.5).argmax()]
    cut = (ranked[place] + ranked[min(place + 1, len(ranked) - 1)]) / 2
    sign = 1.0 if above[place] >= 0.5 else -1.0
    return sign, float(-sign * cut), float(max(above[place], 1 - above[place]))


# ---------------------------------------------------------------------------------------------------------------
# Taking cells out


def ablate(net: Network, units: Sequence[int] | Array, shown: Array) -> Network:
    """A network in which some cells always show the same, whatever they hold.

    Others read a cell through its row of ``W_h``, the output through its row of ``W_y``. A constant in its place is a
    constant added to the biases, and rows of zeros: no line of the forward pass changes.

    Parameters
    ----------
    net
        Left as it is.
    units
        Which cells.
    shown
        What a cell shows instead, its mean hidden state for example, ``(units of the network,)``.

    Raises
    ------
    UserError
        There is no such cell.
    """
    units = np.asarray(units, dtype=int)
    if units.size and not (units.min() >= 0 and units.max() < len(net.W_h)):
        raise UserError(f"The network has the cells 0 to {len(net.W_h) - 1}; {units.tolist()} has another one.")
    W_h, W_y = net.W_h.copy(), net.W_y.copy()
    b, b_y = net.b + shown[units] @ net.W_h[units], net.b_y + shown[units] @ net.W_y[units]
    W_h[units] = W_y[units] = 0
    return net._replace(W_h=W_h, b=b, W_y=W_y, b_y=b_y)
