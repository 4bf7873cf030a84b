"""A language with a known entropy: no model can do better than its grammar, and here the grammar is known.

A sentence is ``the dogs that the cat near the kings follows hear the bird.`` A verb agrees in number with its subject,
and between the two there can be clauses in clauses, each with a subject of its own that waits for its verb. So any
reader has to keep a stack of open subjects, and how deep it gets has no limit.

The grammar is a table, `RULES`: for each symbol, what it may be written as, and with what probability. Every rule
writes one word and then leaves symbols to write, in this order::

    sentence  ->  the subject ending
    subject   ->  dog rest_sg       | dogs rest_pl | ...                  (every noun, singular and plural)
    rest_n    ->  verb_n            | near object tail_n | that clause_n verb_n
    tail_n    ->  verb_n            | near object tail_n
    clause_n  ->  verb_n object     | the subject                         (that sees a dog, that a dog sees)
    object    ->  the noun
    ending    ->  .                 | the noun stop                       (the last verb may have an object)

where n is sg or pl, and verb_n stands for the six verbs of that number (``sees`` or ``see``).

No symbol has two rules that begin with the same word. So, from the left, each word tells which rule wrote it: a
text has one derivation (the grammar is *simple*, in the sense of Korenjak & Hopcroft 1966, and so unambiguous), and
the surprisal of a word is that of its rule. This gives the exact probability of any text and the exact distribution
of its next word, with nothing but a stack. Probabilities are in nats. Chapters: *recurrence*, *gates*, *learning*.
"""

import numbers
from bisect import bisect
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from companion.errors import UserError, check_sizes, check_text
from companion.seeding import generator

NOUNS = ("dog", "cat", "boy", "girl", "bird", "king")  # the plural ends in s
VERBS = ("see", "hear", "know", "follow", "help", "call")  # the singular ends in s
NUMBERS = ("sg", "pl")

THAT = 0.55  # how often a subject has a clause
NEAR = 0.20  # how often it has a place: "near the kings", whose noun is nobody's subject
INNER = 0.75  # how often a clause has a subject of its own: that makes it one deeper
OBJECT = 0.40  # how often the last verb of a sentence has an object


class Rule(NamedTuple):
    """One way to write a symbol: a word, then other symbols."""

    probability: float
    word: str
    then: tuple[str, ...] = ()


def _words(stems: Iterable[str], ending: str, probability: float, *then: str) -> list[Rule]:
    """A rule for each word; the second is half as frequent as the first, the third a third, and so on."""
    shares = [1 / rank for rank, _ in enumerate(stems, start=1)]
    return [Rule(probability * s / sum(shares), w + ending, then) for s, w in zip(shares, stems, strict=True)]


def _rules() -> dict[str, list[Rule]]:
    rules = {
        "sentence": [Rule(1.0, "the", ("subject", "ending"))],
        "subject": _words(NOUNS, "", 0.5, "rest_sg") + _words(NOUNS, "s", 0.5, "rest_pl"),
        "object": [Rule(1.0, "the", ("noun",))],
        "noun": _words(NOUNS, "", 0.5) + _words(NOUNS, "s", 0.5),
        "ending": [Rule(1 - OBJECT, "."), Rule(OBJECT, "the", ("noun", "stop"))],
        "stop": [Rule(1.0, ".")],
    }
    for n, ending in zip(NUMBERS, ("s", ""), strict=True):
        near = Rule(NEAR, "near", ("object", f"tail_{n}"))
        that = Rule(THAT, "that", (f"clause_{n}", f"verb_{n}"))
        rules[f"rest_{n}"] = [*_words(VERBS, ending, 1 - NEAR - THAT), near, that]
        rules[f"tail_{n}"] = [*_words(VERBS, ending, 1 - NEAR), near]
        rules[f"clause_{n}"] = [*_words(VERBS, ending, 1 - INNER, "object"), Rule(INNER, "the", ("subject",))]
        rules[f"verb_{n}"] = _words(VERBS, ending, 1.0)
    return rules


RULES = _rules()
VOCABULARY = ("the", ".", "that", "near", *(word + end for end in ("", "s") for word in (*NOUNS, *VERBS)))
_ID_OF = {word: number for number, word in enumerate(VOCABULARY)}
_RULE_OF = {symbol: {_ID_OF[rule.word]: rule for rule in rules} for symbol, rules in RULES.items()}


def sample(seed: int, n: int) -> np.ndarray:
    """The first ``n`` tokens of an endless text, one random sentence after the other.

    Parameters
    ----------
    seed
        Different seeds give independent texts. The same seed with a larger ``n`` gives the same text and more of it.
    n
        Tokens. The last sentence is cut off where they end.

    Returns
    -------
    numpy.ndarray
        Ids, int32, ``(n,)``: places in `VOCABULARY`. `decode` makes a text of them.

    Examples
    --------
    >>> decode(sample(seed=38, n=12))
    ' the cat that the birds see follows. the king hears.'

    Raises
    ------
    UserError
        ``n`` isn't a whole number of at least 0, or the seed isn't one.
    """
    check_sizes(0, n=n)
    table = {
        symbol: (list(accumulate(r.probability for r in rules)), [(_ID_OF[r.word], r.then[::-1]) for r in rules])
        for symbol, rules in RULES.items()
    }
    ids: list[int] = []
    stack: list[str] = []
    for number in generator(seed).random(n).tolist():
        up_to, rules = table[stack.pop() if stack else "sentence"]
        token, then = rules[min(bisect(up_to, number), len(rules) - 1)]
        ids.append(token)
        stack.extend(then)
    return np.array(ids, dtype=np.int32)


def decode(ids: Iterable[int]) -> str:
    """The text of ids: a space before every word and none before a full stop.

    Raises
    ------
    UserError
        Something isn't an id of the language.
    """
    words = [_word(i) for i in ids]
    return "".join(word if word == "." else " " + word for word in words)


def _word(token: int) -> str:
    if not isinstance(token, numbers.Integral) or not 0 <= token < len(VOCABULARY):
        raise UserError(f"{token!r} isn't an id of the language; its ids are 0 to {len(VOCABULARY) - 1}.")
    return VOCABULARY[token]


def encode(text: str) -> np.ndarray:
    """The ids of a text, int32, ``(tokens,)``.

    >>> encode("the dogs see.").tolist()
    [0, 16, 10, 1]

    Raises
    ------
    UserError
        It isn't a string, or a word isn't in the language.
    """
    check_text(text)
    words = text.replace(".", " .").split()
    for word in words:
        if word not in _ID_OF:
            raise UserError(f"The language has no word {word!r}; its words are {' '.join(VOCABULARY)}.")
    return np.array([_ID_OF[word] for word in words], dtype=np.int32)


# ---------------------------------------------------------------------------------------------------------------
# What is known exactly


@cache
def _per_sentence() -> tuple[float, float, float]:
    """The entropy of a sentence in nats, and its expected length in tokens and in characters."""
    symbols = list(RULES)
    leaves = np.array([[sum(r.probability * r.then.count(s) for r in RULES[t]) for s in symbols] for t in symbols])
    # How often each symbol is written: "sentence" once at the start, and every one wherever another leaves it.
    start = np.array([symbol == "sentence" for symbol in symbols], dtype=float)
    times = np.linalg.solve(np.eye(len(symbols)) - leaves.T, start)
    nats = np.array([-sum(r.probability * np.log(r.probability) for r in RULES[s]) for s in symbols])
    lengths = np.array([sum(r.probability * len(decode([_ID_OF[r.word]])) for r in RULES[s]) for s in symbols])
    return float(times @ nats), float(times.sum()), float(times @ lengths)


def entropy_rate() -> float:
    """The entropy rate of the language in nats per token: the floor for the cross-entropy of every model.

    The sentences are independent, so it is the entropy of a sentence over its expected length. Both are sums over
    the symbols, because writing a symbol costs the entropy of its rules and makes one token; how often each is expected
    in a sentence is the solution of one linear equation for each symbol (Grenander 1967 for the entropy of a
    probabilistic grammar). Nothing is sampled.
    """
    nats, tokens, _ = _per_sentence()
    return nats / tokens


def bits_per_character() -> float:
    """The entropy rate in bits per character of the text that `decode` writes."""
    nats, _, characters = _per_sentence()
    return nats / characters / float(np.log(2))


class Parsed(NamedTuple):
    """What is known of a token of a text.

    Attributes
    ----------
    word, symbol
        The word, and the symbol of the grammar it was written for.
    depth
        How many clauses it is nested in: 0 in the main clause.
    subject
        Of a verb: the place in the text of the noun it agrees with; otherwise None.
    log_probability
        Of the word given all that comes before it, in nats.
    """

    word: str
    symbol: str
    depth: int
    subject: int | None
    log_probability: float


class _Open(NamedTuple):
    """A symbol on the stack: still to be written, in a clause of that depth and for the verb of that subject."""

    symbol: str
    depth: int = 0
    subject: int | None = None


def _read(ids: Iterable[int], stack: list[_Open]) -> Iterator[Parsed]:
    """Parse a text token by token; the stack is that after the tokens so far."""
    for place, token in enumerate(ids):
        symbol, depth, subject = stack.pop()
        word = _word(token)
        rule = _RULE_OF[symbol].get(int(token))
        if rule is None:
            expected = " ".join(r.word for r in RULES[symbol])
            raise UserError(f"Token {place} is {word!r}, which can't come there; one of these can: {expected}.")
        is_verb = rule.word.removesuffix("s") in VERBS
        yield Parsed(rule.word, symbol, depth, subject if is_verb else None, float(np.log(rule.probability)))
        if symbol == "subject":
            subject = place
        opened = [_Open(s, depth + s.startswith("clause"), subject) for s in rule.then]
        stack.extend(reversed(opened))
        if not stack:
            stack.append(_Open("sentence"))


def parse(ids: Iterable[int]) -> list[Parsed]:
    """What each token of a text is: how deep in clauses, and which subject a verb agrees with.

    >>> for token in parse(encode("the dogs that the cat sees hear.")):
    ...     print(token.word, token.depth, token.subject)
    the 0 None
    dogs 0 None
    that 0 None
    the 1 None
    cat 1 None
    sees 1 4
    hear 0 1
    . 0 None

    Raises
    ------
    UserError
        The text doesn't begin like a text of the language; the message says which token is wrong.
    """
    return list(_read(ids, [_Open("sentence")]))


def log_probabilities(ids: Iterable[int]) -> np.ndarray:
    """The exact log probability of each token given all before it, in nats, float64, ``(tokens,)``.

    Their sum is the log probability of the text, and minus their mean is what a perfect model pays for it.

    Raises
    ------
    UserError
        The text doesn't begin like a text of the language.
    """
    return np.array([token.log_probability for token in parse(ids)])


def next_distribution(context: Iterable[int]) -> np.ndarray:
    """The exact probability that each token comes next, float64, ``(len(VOCABULARY),)``; ``context`` is all before.

    Raises
    ------
    UserError
        The context doesn't begin like a text of the language.
    """
    stack = [_Open("sentence")]
    for _ in _read(context, stack):
        pass
    p = np.zeros(len(VOCABULARY))
    for rule in RULES[stack[-1].symbol]:
        p[_ID_OF[rule.word]] = rule.probability
    return p
