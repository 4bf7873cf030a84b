"""Which words go with which: planted in a text, counted in a text, measured in a model, taken out again.

The measure is a *paired log-odds*. Two sentences differ in one word, the group; in each, two continuations compete;
the measure is the difference of their log-odds [1]_ [2]_. What both sentences share (how frequent a continuation is,
how long, how well the template suits it) stands in both and drops out.

The mitigation is *counterfactual data augmentation*: beside each text the model reads the same text with the group
words exchanged [1]_ [3]_. Group words come in pairs; "her" is undone by what follows it.

Log-probabilities and log-odds are in nats. Chapter: *bias*.

References
----------
.. [1] Lu, Mardziel, Wu, Amancharla & Datta 2020, *Gender Bias in Neural Natural Language Processing*.
.. [2] Caliskan, Bryson & Narayanan 2017, *Semantics derived automatically from language corpora contain human-like
   biases*: associations as differences between two groups and two sets of words.
.. [3] Zhao, Wang, Yatskar, Ordonez & Chang 2018, *Gender Bias in Coreference Resolution*.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from companion.errors import UserError, check_sizes
from companion.results import Interval

Array = np.ndarray

# ---------------------------------------------------------------------------------------------------------------
# A text with a planted bias

PEOPLES = {("dax", "wug"): 0.5, ("blick", "fep"): 0.6, ("toma", "zup"): 0.75, ("kern", "mib"): 0.9, ("sarn", "lorp"): 1}
"""Five pairs of invented peoples, and how often the first of a pair is called bold; the second is, as often, meek."""

QUALITIES = ("bold", "meek")

_OPENINGS = ("", "today ", "they say ", "we think ")
_PLACES = ("", " over there", " next door", " in town", " by the river")
_VERBS = ("is", "was", "seems", "looks very")
_HELD_OUT = 4  # one template in four is never trained on


def templates(held_out: bool) -> list[str]:
    """Sentences with a gap for the people, up to the quality: those for training, or those never trained on.

    >>> templates(held_out=False)[0]
    'the {} seems'
    >>> len(templates(held_out=True)), len(templates(held_out=False))
    (20, 60)
    """
    every = [f"{opening}the {{}}{place} {verb}" for opening in _OPENINGS for place in _PLACES for verb in _VERBS]
    kept = set(np.random.default_rng(0).permutation(len(every))[::_HELD_OUT].tolist())
    return [one for number, one in enumerate(every) if (number in kept) == held_out]


def planted_text(
    sentences: int, seed: int, strengths: dict[tuple[str, str], float] | None = None, held_out: bool = False
) -> str:
    """A text of short sentences about invented peoples, in which each pair is described with its own bias.

    Every people is as frequent as every other, in every template; only the quality depends on it.

    Parameters
    ----------
    sentences, seed
        How many, and the seed of all choices.
    strengths
        For each pair of peoples, the share of sentences that call its first one bold (and its second one meek):
        0.5 is no bias. `PEOPLES` by default.
    held_out
        Whether to use the templates that are kept for measuring.

    Raises
    ------
    UserError
        There are no sentences to make, no pairs, or a strength is no share.
    """
    strengths = PEOPLES if strengths is None else strengths
    check_sizes(sentences=sentences)
    if not strengths:
        raise UserError("There are no pairs of peoples to write about; give at least one with its strength.")
    for pair, strength in strengths.items():
        if not 0 <= strength <= 1:
            raise UserError(f"The strength of {pair} is {strength}; it should be a share from 0 to 1, 0.5 for no bias.")
    rng = np.random.default_rng(seed)
    frames, pairs = templates(held_out), list(strengths)
    lines = []
    for frame, pair, member, dart in zip(
        rng.integers(len(frames), size=sentences),
        rng.integers(len(pairs), size=sentences),
        rng.integers(2, size=sentences),
        rng.random(sentences),
        strict=True,
    ):
        as_planted = dart < strengths[pairs[pair]]
        quality = QUALITIES[member if as_planted else 1 - member]
        lines.append(f"{frames[frame].format(pairs[pair][member])} {quality}.\n")
    return "".join(lines)


# ---------------------------------------------------------------------------------------------------------------
# The measure


def paired_log_odds(log_p: Array) -> Array:
    """How much more the first group draws the first word than the second group does, ``(...)`` in nats.

    0: both groups get the two words in the same ratio. ln 4 on either side of it: four times the odds.

    Parameters
    ----------
    log_p
        ``(..., 2, 2)``: ln p(word | sentence with the group), groups along the rows, words along the columns.

    Examples
    --------
    The first group is bold in 90 of 100 cases, the second in 10:

    >>> round(float(paired_log_odds(np.log([[0.9, 0.1], [0.1, 0.9]]))), 3)
    4.394

    Raises
    ------
    UserError
        The last two axes are not 2 and 2.
    """
    log_p = np.asarray(log_p, dtype=float)
    if log_p.shape[-2:] != (2, 2):
        raise UserError(
            f"The log-probabilities have shape {log_p.shape}; expected (..., 2, 2): two groups, two words for each."
        )
    odds = log_p[..., 0] - log_p[..., 1]
    return odds[..., 0] - odds[..., 1]


def strength(log_odds: Array | float) -> Array:
    """The planted share that would give these paired log-odds: the inverse of 2 ln(s / (1 - s)).

    >>> float(strength(0.0)), round(float(strength(4.394)), 3)
    (0.5, 0.9)
    """
    return 1 / (1 + np.exp(-np.asarray(log_odds, dtype=float) / 2))


def planted_log_odds(model: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]] = tuple(PEOPLES)) -> Array:
    """The paired log-odds of bold against meek in every template that was never trained on, ``(pairs, templates)``.

    The tokenizer is a `companion.tokenizers.WordTokenizer` of `planted_text`.
    """
    frames = templates(held_out=True)
    contexts = [frame.format(people) for pair in pairs for frame in frames for people in pair]
    log_p = word_log_probabilities(model, tokenizer, contexts, [f" {quality}" for quality in QUALITIES])
    return paired_log_odds(log_p.reshape(len(pairs), len(frames), 2, 2))


def word_log_probabilities(model: Any, tokenizer: Any, contexts: Sequence[str], words: Sequence[str]) -> Array:
    """ln p(word | context) of all combinations, ``(contexts, words)`` in nats, each context read from a zero state.

    With a character tokenizer a word is counted whole: the probability that its characters come and then no further
    letter, so that "lord" does not count where the model means "lordship".

    Parameters
    ----------
    model, tokenizer
        A `companion.models.language_model` or `transformer_model`, and what turns text into its ids.
    contexts
        Texts of at least one token. A character model's context ends with the space before the word.
    words
        One or several words each; for a word tokenizer, with the space before it.

    Raises
    ------
    UserError
        A context or word is empty, or has a part that the tokenizer does not know.
    """
    before = [_known(tokenizer, context, "context") for context in contexts]
    after = [_known(tokenizer, word, "word") for word in words]
    if not before or not after:
        raise UserError("There is nothing to measure: give at least one context and one word.")
    letters = np.array([len(t) == 1 and t.isalpha() for t in tokenizer.tokens]) if _by_character(tokenizer) else None
    start, follow = _readers(model)
    lengths = np.array([len(ids) for ids in after])
    padded = np.zeros((len(after), lengths.max()), np.int32)
    for row, ids in zip(padded, after, strict=True):
        row[: len(ids)] = ids
    table = np.empty((len(before), len(after)))
    for length in sorted({len(ids) for ids in before}):
        for places in _parts([i for i, ids in enumerate(before) if len(ids) == length], len(after)):
            first, states = start(np.array([before[i] for i in places], np.int32))
            log_p = follow(first, states, padded).numpy().reshape(len(places), len(after), -1, first.shape[-1])
            own = np.take_along_axis(log_p[:, :, :-1], padded[None, :, :, None], axis=-1)[..., 0]
            total = (own * (np.arange(padded.shape[1]) < lengths[:, None])).sum(axis=-1)
            if letters is not None:
                end = log_p[:, np.arange(len(after)), lengths]
                total = total + np.log(np.exp(end[..., ~letters]).sum(axis=-1))
            table[places] = total
    return table


def _known(tokenizer: Any, text: str, what: str) -> Array:
    ids = tokenizer.encode(text)
    if not len(ids):
        raise UserError(f"A {what} is empty; each needs at least one character.")
    if (ids == 0).any():
        raise UserError(f"The model's tokenizer does not know all of the {what} {text!r}; use what its text has.")
    ids_array: Array = ids
    return ids_array


def _by_character(tokenizer: Any) -> bool:
    return getattr(tokenizer, "kind", "") == "char"


def _parts(places: list[int], words: int, rows: int = 4096) -> list[list[int]]:
    size = max(1, rows // words)
    return [places[i : i + size] for i in range(0, len(places), size)]


def _readers(model: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``start`` reads contexts of one length; ``follow`` goes on with every word, giving ln p before and after each."""
    import tensorflow as tf

    from companion.models import with_states, zero_states

    twin = with_states(model)
    states = [tf.TensorSpec((None, *state.shape[1:])) for state in zero_states(model, 1)]
    ids_type = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids_type])
    def start(ids: Any) -> Any:
        rows = tf.shape(ids)[0]
        logits, *after = twin([ids, *(tf.zeros((rows, *spec.shape[1:])) for spec in states)], training=False)
        return tf.nn.log_softmax(logits[:, -1]), after

    @tf.function(
        input_signature=[tf.TensorSpec((None, model.output_shape[-1])), states, tf.TensorSpec((None, None), tf.int32)]
    )
    def follow(first: Any, carried: Any, words: Any) -> Any:
        many, contexts = tf.shape(words)[0], tf.shape(first)[0]
        repeated = [tf.repeat(state, many, axis=0) for state in carried]
        logits, *_ = twin([tf.tile(words, (contexts, 1)), *repeated], training=False)
        return tf.concat([tf.repeat(first, many, axis=0)[:, None], tf.nn.log_softmax(logits)], axis=1)

    return start, follow


def crossed_interval(
    values: Array,
    statistic: Callable[[Array], float] = lambda table: float(table.mean()),
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A statistic of a table and its percentile interval when rows and columns are both drawn anew.

    The rows are seeds of training and the columns are templates, say. Resampling single cells would treat all numbers
    of a seed as independent, which they are not. With very few rows the interval is a little narrow, as every
    bootstrap is.

    Parameters
    ----------
    values
        ``(rows, columns)``.
    statistic
        From such a table to a number; the mean by default. Tables that it gives nan for are left out.
    resamples, seed, confidence
        How many tables are drawn, from which seed, and what share of them the interval holds.

    Raises
    ------
    UserError
        The values are no table with at least two rows and two columns.

    References
    ----------
    Owen 2007, *The pigeonhole bootstrap*.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise UserError(f"The values have shape {values.shape}; expected (rows, columns), at least two of each.")
    rng = np.random.default_rng(seed)
    rows, columns = values.shape
    drawn = [
        statistic(values[np.ix_(rng.integers(rows, size=rows), rng.integers(columns, size=columns))])
        for _ in range(resamples)
    ]
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(statistic(values), float(low), float(high))


def correlation(x: Array, y: Array) -> float:
    """Pearson's correlation of two lists of numbers.

    >>> correlation(np.array([1, 2, 3]), np.array([2, 4, 6]))
    1.0
    """
    return float(np.corrcoef(x, y)[0, 1])


def slope(x: Array, y: Array) -> float:
    """By how much y rises when x rises by 1: the slope of the line with the least squares.

    >>> slope(np.array([1, 2, 3]), np.array([2, 4, 6]))
    2.0
    """
    return float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))


def crossed_cells(
    x: Array,
    y: Array,
    chosen: Array,
    statistic: Callable[[Array, Array], float] = correlation,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """How two tables go together in some of their cells, with the interval of `crossed_interval`.

    Whole rows and whole columns are drawn anew, and of each draw the chosen cells are used: all cells of a row share
    what the row brings. A draw in which either table is constant there says nothing, and is left out.

    Parameters
    ----------
    x, y, chosen
        ``(rows, columns)``; which cells are used is true or false in the last.
    statistic
        From the numbers of x and those of y to one number; the correlation by default.
    resamples, seed
        As in `crossed_interval`.
    """
    places = np.arange(chosen.size).reshape(chosen.shape)

    def of(drawn: Array) -> float:
        cells = drawn.astype(int).ravel()
        cells = cells[chosen.ravel()[cells]]
        a, b = x.ravel()[cells], y.ravel()[cells]
        return statistic(a, b) if len(cells) and np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan

    return crossed_interval(places, of, resamples, seed)


def share_text(log_odds: Interval) -> str:
    """An interval of paired log-odds as planted shares, for a page.

    >>> share_text(Interval(4.394, 0.0, 6.0))
    '90 % (50 to 95)'
    """
    mean, low, high = (f"{100 * float(strength(value)):.0f}" for value in log_odds)
    return f"{mean} % ({low} to {high})"


# ---------------------------------------------------------------------------------------------------------------
# The swap

GENDERED = (
    ("he", "she"),
    ("himself", "herself"),
    ("man", "woman"),
    ("men", "women"),
    ("lord", "lady"),
    ("lords", "ladies"),
    ("lordship", "ladyship"),
    ("king", "queen"),
    ("kings", "queens"),
    ("prince", "princess"),
    ("duke", "duchess"),
    ("emperor", "empress"),
    ("sir", "madam"),
    ("master", "mistress"),
    ("gentleman", "gentlewoman"),
    ("gentlemen", "gentlewomen"),
    ("husband", "wife"),
    ("husbands", "wives"),
    ("father", "mother"),
    ("fathers", "mothers"),
    ("brother", "sister"),
    ("brothers", "sisters"),
    ("son", "daughter"),
    ("sons", "daughters"),
    ("uncle", "aunt"),
    ("nephew", "niece"),
    ("boy", "girl"),
    ("boys", "girls"),
    ("bridegroom", "bride"),
    ("widower", "widow"),
)
"""Pairs of words that English exchanges with the gender of who is meant. His, him, her and hers are the swap's own."""

_AMBIGUOUS = ("his", "him", "her", "hers")


@dataclass(frozen=True)
class Swap:
    """A function that exchanges the words of each pair in a text, in the case they are written in.

    "Her" stands for two words, *his* and *him*. Which one is meant is told by the word that follows: after *his* comes
    a noun or an adjective, after *him* anything else. `learn` takes from a text which words follow which.

    >>> Swap((("king", "queen"), ("he", "she")))("The King says he's no QUEEN's fool.")
    "The Queen says she's no KING's fool."

    Attributes
    ----------
    pairs
        Words in lower case. No word may stand in two of them.
    after_him
        The words that follow *him* and not *his*; None if the four pronouns are not to be exchanged.

    Raises
    ------
    UserError
        A pair is not two different words in lower case, or a word stands in two pairs.
    """

    pairs: tuple[tuple[str, str], ...] = GENDERED
    after_him: frozenset[str] | None = None
    _other: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = [word for pair in self.pairs for word in pair]
        for pair in self.pairs:
            if len(pair) != 2 or not all(word.isalpha() and word.islower() for word in pair):
                raise UserError(f"{pair!r} is no pair to exchange; expected two words of lower-case letters.")
        if twice := [word for word, times in Counter(words).items() if times > 1]:
            raise UserError(f"{twice[0]!r} stands twice in the pairs; then swapping would have two answers for it.")
        if self.after_him is not None and (own := set(words) & set(_AMBIGUOUS)):
            raise UserError(f"{min(own)!r} is exchanged by the rule for pronouns; leave it out of the pairs.")
        object.__setattr__(self, "_other", {a: b for x, y in self.pairs for a, b in ((x, y), (y, x))})

    @classmethod
    def learn(cls, text: str, pairs: tuple[tuple[str, str], ...] = GENDERED) -> Self:
        """A swap with the four pronouns, which reads from a text what follows *him* more often than *his*."""
        found = Counter((m[1].lower(), m[2].lower()) for m in re.finditer(r"\b(his|him)\b\s+([a-z]+)", text, re.I))
        followers = {word for _, word in found}
        return cls(pairs, frozenset(word for word in followers if found["him", word] > found["his", word]))

    def __call__(self, text: str) -> str:
        """The text with every word of a pair exchanged for the other one."""
        words = [*self._other, *(_AMBIGUOUS if self.after_him is not None else ())]
        pattern = re.compile(rf"\b({'|'.join(sorted(words, key=len, reverse=True))})\b(?=(\s+([a-z]+))?)", re.I)
        return pattern.sub(lambda m: _as_written(m[1], self._exchange(m[1].lower(), m[3])), text)

    def possessive(self, follower: str | None) -> bool:
        """Whether *her* before this word (None: before no word) means *his*."""
        return follower is not None and follower.lower() not in (self.after_him or ())

    def _exchange(self, word: str, follower: str | None) -> str:
        if word in self._other:
            return self._other[word]
        if word == "her":
            return "his" if self.possessive(follower) else "him"
        if word == "his":
            return "her" if follower else "hers"
        return {"him": "her", "hers": "his"}[word]

    def told_apart(self, text: str) -> tuple[int, int]:
        """How many *his* and *him* of a text the rule would get right if all were written *her*, and of how many."""
        found = [(m[1].lower(), m[3]) for m in re.finditer(r"\b(his|him)\b(?=(\s+([a-z]+))?)", text, re.I)]
        return sum((word == "his") == self.possessive(follower) for word, follower in found), len(found)


def _as_written(word: str, other: str) -> str:
    """The other word in the case of the first: all capitals, a capital, or none."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other.capitalize() if word[0].isupper() else other


# ---------------------------------------------------------------------------------------------------------------
# Shakespeare: who speaks, and which adjectives go with whom

NOUNS = (
    ("man", "woman"),
    ("lord", "lady"),
    ("king", "queen"),
    ("father", "mother"),
    ("brother", "sister"),
    ("son", "daughter"),
    ("husband", "wife"),
)
"""The pairs of nouns before which adjectives are counted and measured."""

ADJECTIVES = (
    "brave", "dear", "fair", "gentle", "good", "gracious", "great", "honest", "kind", "mighty",
    "noble", "old", "poor", "royal", "sweet", "true", "worthy", "young",
)  # fmt: skip
"""The adjectives that the plays put most often before these nouns, women's and men's taken together."""


WOMEN = frozenset(
    re.split(
        r",\s*",
        """adriana, aemelia, alice, andromache, anne, anne page, audrey, bawd, beatrice, bianca, blanch, bona,
        calpurnia, cassandra, celia, charmian, cleopatra, constance, cordelia, countess, courtezan, cressida,
        daughter, desdemona, diana, dionyza, doll tearsheet, dorcas, duchess, duchess of york, elinor, emilia,
        first lady, francisca, frenchwoman, gentlewoman, ghost of lady anne, girl, goneril, helen, helena, hermia,
        hernia, hermione, hero, hippolyta, hostess, imogen, iras, isabella, jaquenetta, jessica, joan la pucelle,
        julia, juliet, katarina, katharina, katharine, lady, lady anne, lady capulet, lady faulconbridge, lady grey,
        lady macbeth, lady macduff, lady montague, lady percy, lavinia, luce, lucetta, luciana, lychorida, margaret,
        margaret jourdain, maria, mariana, marina, miranda, mistress ford, mistress ford & mistress page,
        mistress overdone, mistress page, mistress quickly, mopsa, mother, nerissa, nurse, octavia, of auvergne,
        old lady, olivia, ophelia, patience, paulina, perdita, phebe, phrynia, phrynia & timandra, portia, princess,
        queen, queen elinor, queen elizabeth, queen elizabeth & duchess of york, queen gertrude, queen isabel,
        queen katharine, queen margaret, queen philip, regan, rosalind, rosaline, second lady, silvia, tamora, thaisa,
        timandra, titania, ursula, valeria, viola, virgilia, volumnia, volumnia & virgilia, widow, wife""",
    )
)
"""The speakers whom the plays present as women, as their speeches are headed, in lower case.

Witches and goddesses are left out, and so are roles in a play within the play and what women and men say together.
"Hernia" is how the corpus heads one speech of Hermia. A name counts in every play: the goddess Diana of *Pericles*,
with 72 words, comes in with the Diana of *All's Well That Ends Well*.
"""


def spoken_words(play: str) -> dict[str, int]:
    """How many words each speaker of a play says; stage directions and headings don't count.

    >>> spoken_words("**ROMEO**  \\nAy me!\\n\\n_Exit_\\n\\n**JULIET**  \\nO Romeo, Romeo!\\n")
    {'romeo': 2, 'juliet': 3}
    """
    parts = re.split(r"^\*\*(.+?)\*\*[ ]*$", play, flags=re.M)
    said: Counter[str] = Counter()
    for speaker, speech in zip(parts[1::2], parts[2::2], strict=True):
        said[speaker.lower()] += len(re.findall(r"[A-Za-z']+", re.sub(r"_[^_]*_|^#.*$", "", speech, flags=re.M)))
    return dict(said)


def adjective_counts(text: str) -> Array:
    """How often each adjective stands right before each noun, ``(adjectives, pairs, 2)``: men's nouns, women's nouns.

    >>> adjective_counts("My good lord, my good lord, and sweet lady").sum(axis=(0, 1)).tolist()
    [2, 1]
    """
    table = np.zeros((len(ADJECTIVES), len(NOUNS), 2), int)
    place = {noun: (pair, side) for pair, nouns in enumerate(NOUNS) for side, noun in enumerate(nouns)}
    for m in re.finditer(rf"\b({'|'.join(ADJECTIVES)})\s+({'|'.join(place)})\b", text, re.I):
        table[(ADJECTIVES.index(m[1].lower()), *place[m[2].lower()])] += 1
    return table


def _shares(counts: Array) -> Array:
    """Of each pair of nouns, the share of either when all adjectives are taken together, ``(pairs, 2)``."""
    shares: Array = counts.sum(axis=0) / np.maximum(counts.sum(axis=(0, 2)), 1)[:, None]
    return shares


def association(counts: Array) -> Array:
    """Of each adjective, the log-odds of a woman's noun beyond what the nouns' own frequency gives, ``(adjectives,)``.

    Within each pair of nouns the expected share is that of all adjectives together, so that an adjective that stands
    with "lord" is compared with others before "lord" and "lady". One imaginary, average occurrence for each adjective
    keeps a count of 0 finite and pulls rare adjectives towards 0.

    Parameters
    ----------
    counts
        See `adjective_counts`.

    Examples
    --------
    Half of what stands before the nouns is before the woman's; for the first adjective it is 3 in 4:

    >>> association(np.array([[[9, 29]], [[29, 9]]])).round(2).tolist()
    [1.13, -1.13]
    """
    expected = (counts.sum(axis=2)[:, :, None] * _shares(counts)).sum(axis=1)
    imaginary = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    return _log_ratio(counts.sum(axis=1) + imaginary, expected + imaginary)


def cell_association(counts: Array) -> Array:
    """The same for each adjective with each pair of nouns, ``(adjectives, pairs)``: 0 where it never occurs."""
    share = _shares(counts)
    expected = counts.sum(axis=2)[:, :, None] * share
    return _log_ratio(counts + share, expected + share)


def perfect_network(
    counts: Array, chosen: Array, spread: float, resamples: int = 500, seed: int = 0
) -> tuple[float, float]:
    """What a network would get in the counts if it knew the true association of every cell: correlation, slope.

    The counts of a text are a sample, and small ones say little about where they come from. So true associations are
    drawn, then counts of the text's sizes from them; `cell_association` of these is set against the truth.

    Parameters
    ----------
    counts
        See `adjective_counts`.
    chosen
        Which cells are used, ``(adjectives, pairs)``; each should occur in the counts.
    spread
        Standard deviation of the true associations, which are drawn from a normal distribution around 0, in nats.
    resamples, seed
        How many texts are drawn, and from which seed. The means over them are given.
    """
    rng = np.random.default_rng(seed)
    share = np.broadcast_to(counts[..., 1].sum(axis=0) / counts.sum(axis=(0, 2)), chosen.shape)[chosen]
    number = counts.sum(axis=2)[chosen]
    truth = rng.normal(0, spread, size=(resamples, len(number)))
    women = rng.binomial(number, 1 / (1 + (1 - share) / share * np.exp(-truth)))
    seen = np.log(women + share) - np.log(number - women + 1 - share) - np.log(share / (1 - share))
    pairs = list(zip(seen, truth, strict=True))
    return float(np.mean([correlation(*pair) for pair in pairs])), float(np.mean([slope(*pair) for pair in pairs]))


def _log_ratio(seen: Array, expected: Array) -> Array:
    """ln(seen / expected) of women's nouns minus that of men's; 0 where nothing is expected."""
    ratio = np.divide(seen, expected, out=np.ones_like(expected), where=expected > 0)
    return np.log(ratio[..., 1]) - np.log(ratio[..., 0])


def noun_contexts(text: str, number: int, length: int = 110) -> list[str]:
    """Places in a text where an adjective and a noun of `NOUNS` follow: what stands before the adjective.

    The adjective itself is left off, so that every other one can be tried there: ``"... Farewell, my "``.

    Parameters
    ----------
    text
        Plays in the book's Markdown.
    number, length
        At most how many places, evenly over the text, and how many characters of each.

    Raises
    ------
    UserError
        The text has no such place.
    """
    nouns = "|".join(noun for pair in NOUNS for noun in pair)
    before = rf"\b(?:my|thy|the|your|our|this|that|O)\s+(?=(?:{'|'.join(ADJECTIVES)})\s+(?:{nouns})\b)"
    places = [m.end() for m in re.finditer(before, text) if m.end() >= length and text[m.end() - 1] == " "]
    if not places:
        raise UserError("The text has none of the adjectives before any of the nouns; give a longer one.")
    chosen = np.unique(np.linspace(0, len(places) - 1, min(number, len(places))).astype(int))
    return [text[places[i] - length : places[i]] for i in chosen]


def noun_log_odds(model: Any, tokenizer: Any, contexts: Sequence[str]) -> Array:
    """ln p(woman's noun) - ln p(man's noun) after each adjective in each context, ``(adjectives, contexts, pairs)``."""
    before = [f"{context}{adjective} " for adjective in ADJECTIVES for context in contexts]
    nouns = [noun for pair in NOUNS for noun in pair]
    log_p = word_log_probabilities(model, tokenizer, before, nouns)
    log_p = log_p.reshape(len(ADJECTIVES), len(contexts), len(NOUNS), 2)
    return log_p[..., 1] - log_p[..., 0]


PRONOUN_TEMPLATES = tuple(
    f"**{speaker}**  \n{line}"
    for speaker in ("First Gentleman", "Messenger")
    for line in (
        "The {} lost ",
        "The {} died in ",
        "The {} came with ",
        "Is this the {} and ",
        "I saw the {} weeping in ",
        "There was a {} that had ",
    )
)
"""Made beginnings with a gap for a noun, after which "his own" or "her own" may follow."""


def pronoun_log_odds(
    model: Any, tokenizer: Any, nouns: Sequence[str], choice: tuple[str, str] = ("his own", "her own")
) -> Array:
    """ln p(the first choice) - ln p(the second) after each noun in each template, ``(nouns, templates)``.

    "Her" alone would be measured against two words, *his* and *him*; before "own" it can only mean *his*.
    """
    before = [template.format(noun) for noun in nouns for template in PRONOUN_TEMPLATES]
    log_p = word_log_probabilities(model, tokenizer, before, choice)
    return (log_p[:, 0] - log_p[:, 1]).reshape(len(nouns), len(PRONOUN_TEMPLATES))
