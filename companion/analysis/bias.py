"""Which words go with which: counted in a text, measured in a model.

The measure is *paired log-odds*. Two sentences differ in one word, the group; in each, two continuations compete; the
measure is the difference between the two sentences' log-odds [1]_ [2]_. What the sentences share (how frequent a
continuation is, how long, how well the template suits it) drops out.

Log-probabilities and log-odds are in nats. Chapter: *bias*.

References
----------
.. [1] Lu, Mardziel, Wu, Amancharla & Datta 2020, *Gender Bias in Neural Natural Language Processing*.
.. [2] Caliskan, Bryson & Narayanan 2017, *Semantics derived automatically from language corpora contain human-like
   biases*: associations as differences between two groups and two sets of words.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.corpora.planted import PEOPLES, QUALITIES, templates
from companion.errors import UserError, check_sizes
from companion.evaluation import correlation, log_likelihoods, slope
from companion.tokenizers import Tokenizer

if TYPE_CHECKING:
    import keras

Array = np.ndarray


# ---------------------------------------------------------------------------------------------------------------
# The measure


def paired_log_odds(log_p: Array) -> Array:
    """How much more the first group favours the first word than the second group does, ``(...)`` in nats.

    0 if both groups get the two words in the same ratio; ln 4 or -ln 4 for four times the odds.

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
        The last two axes aren't of size 2.
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


def planted_log_odds(
    model: "keras.Model", tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]] = tuple(PEOPLES)
) -> Array:
    """The paired log-odds of bold against meek in every held-out template, ``(pairs, templates)``.

    Parameters
    ----------
    model, tokenizer
        Trained on `companion.corpora.planted.planted_text`, word by word (`companion.tokenizers.WordTokenizer`).
    pairs
        Pairs of peoples that occur in that text.
    """
    frames = templates(held_out=True)
    contexts = [frame.format(people) for pair in pairs for frame in frames for people in pair]
    log_p = log_likelihoods(model, tokenizer, contexts, [f" {quality}" for quality in QUALITIES])
    return paired_log_odds(log_p.reshape(len(pairs), len(frames), 2, 2))


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
"""The adjectives that come most often before these nouns in the plays, women's and men's together."""

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
"""The speakers whom the plays present as women, by the headings of their speeches, in lower case.

Witches and goddesses are left out, and so are roles in a play within the play and what women and men say together.
"Hernia" is the corpus's heading of one speech of Hermia. A name counts in every play: the goddess Diana of *Pericles*,
with 72 words, is included because of the Diana of *All's Well That Ends Well*.
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
    """How often each adjective comes right before each noun, ``(adjectives, pairs, 2)``, the man's noun first.

    >>> adjective_counts("My good lord, my good lord, and sweet lady").sum(axis=(0, 1)).tolist()
    [2, 1]
    """
    table = np.zeros((len(ADJECTIVES), len(NOUNS), 2), int)
    place = {noun: (pair, side) for pair, nouns in enumerate(NOUNS) for side, noun in enumerate(nouns)}
    for m in re.finditer(rf"\b({'|'.join(ADJECTIVES)})\s+({'|'.join(place)})\b", text, re.I):
        table[(ADJECTIVES.index(m[1].lower()), *place[m[2].lower()])] += 1
    return table


def _shares(counts: Array) -> Array:
    """The share of each noun in its pair, over all adjectives, ``(pairs, 2)``."""
    shares: Array = counts.sum(axis=0) / np.maximum(counts.sum(axis=(0, 2)), 1)[:, None]
    return shares


def association(counts: Array) -> Array:
    """For each adjective, the log-odds of a woman's noun beyond what the nouns' frequencies predict, ``(adjectives,)``.

    Within each pair of nouns the expected share is that of all adjectives together, so that an adjective that goes
    with "lord" is compared with others before "lord" and "lady". One imaginary, average occurrence of each adjective
    keeps the result finite for a count of 0 and pulls rare adjectives towards 0.

    Parameters
    ----------
    counts
        See `adjective_counts`.

    Examples
    --------
    Half of all adjectives come before the woman's noun, but the first one does about 3 times in 4:

    >>> association(np.array([[[9, 29]], [[29, 9]]])).round(2).tolist()
    [1.13, -1.13]
    """
    expected = (counts.sum(axis=2)[:, :, None] * _shares(counts)).sum(axis=1)
    imaginary = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    return _log_ratio(counts.sum(axis=1) + imaginary, expected + imaginary)


def cell_association(counts: Array) -> Array:
    """The association of each adjective within each pair of nouns, ``(adjectives, pairs)``; 0 where it never occurs."""
    share = _shares(counts)
    expected = counts.sum(axis=2)[:, :, None] * share
    return _log_ratio(counts + share, expected + share)


def perfect_network(
    counts: Array, chosen: Array, spread: float, resamples: int = 500, seed: int = 0
) -> tuple[float, float]:
    """The correlation and slope that a network would reach if it knew the true association of every cell.

    The counts of a text are a sample, and small counts say little about the truth behind them. So true associations
    are drawn, and from them counts as large as the text's, whose `cell_association` is compared with the truth.

    Parameters
    ----------
    counts
        See `adjective_counts`.
    chosen
        True for the cells that are used, ``(adjectives, pairs)``; each should occur in the counts.
    spread
        Standard deviation of the true associations, which are drawn from a normal distribution around 0, in nats.
    resamples, seed
        How many texts are drawn, and their seed. The results are means over the texts.
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
    """ln(seen / expected) of women's nouns minus that of men's nouns; 0 where nothing is expected."""
    ratio = np.divide(seen, expected, out=np.ones_like(expected), where=expected > 0)
    return np.log(ratio[..., 1]) - np.log(ratio[..., 0])


def noun_contexts(text: str, number: int, length: int = 110) -> list[str]:
    """The text before places where an adjective and a noun of `NOUNS` follow.

    The adjective itself is left out, so that every other one can be tried there: ``"... Farewell, my "``.

    Parameters
    ----------
    text
        Plays in the book's Markdown.
    number, length
        The most places to take, spread evenly over the text, and how many characters before each.

    Raises
    ------
    UserError
        The text has no such place, or a number is below 1.
    """
    check_sizes(number=number, length=length)
    nouns = "|".join(noun for pair in NOUNS for noun in pair)
    before = rf"\b(?:my|thy|the|your|our|this|that|O)\s+(?=(?:{'|'.join(ADJECTIVES)})\s+(?:{nouns})\b)"
    places = [m.end() for m in re.finditer(before, text) if m.end() >= length and text[m.end() - 1] == " "]
    if not places:
        raise UserError("The text has none of the adjectives before any of the nouns; give a longer one.")
    chosen = np.unique(np.linspace(0, len(places) - 1, min(number, len(places))).astype(int))
    return [text[places[i] - length : places[i]] for i in chosen]


def noun_log_odds(model: "keras.Model", tokenizer: Tokenizer, contexts: Sequence[str]) -> Array:
    """ln p(woman's noun) - ln p(man's noun) after each adjective in each context, ``(adjectives, contexts, pairs)``."""
    before = [f"{context}{adjective} " for adjective in ADJECTIVES for context in contexts]
    nouns = [noun for pair in NOUNS for noun in pair]
    log_p = log_likelihoods(model, tokenizer, before, nouns, whole_words=True)
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
"""Invented beginnings with a gap for a noun, after which "his own" or "her own" may follow."""


def pronoun_log_odds(
    model: "keras.Model", tokenizer: Tokenizer, nouns: Sequence[str], choice: tuple[str, str] = ("his own", "her own")
) -> Array:
    """ln p(first choice) - ln p(second choice) after each noun in each template, ``(nouns, templates)``.

    "Her" alone would be measured against two words, *his* and *him*; before "own" it can only mean *his*.
    """
    before = [template.format(noun) for noun in nouns for template in PRONOUN_TEMPLATES]
    log_p = log_likelihoods(model, tokenizer, before, choice, whole_words=True)
    return (log_p[:, 0] - log_p[:, 1]).reshape(len(nouns), len(PRONOUN_TEMPLATES))
