"""Summaries: written by a network for a short text, chosen from a longer one. Chapter: *summarisation*."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from companion.applications.extracts import choose, lead, manual_reader, sentences_to_choose
from companion.corpora.docstrings import (
    BODY_TOKENS,
    BODY_WORDS,
    FUNCTION_WORDS,
    is_english,
    plain,
    split_sentences,
    tokens_of,
    word_count,
)
from companion.errors import UserError, check_sizes, check_text

if TYPE_CHECKING:
    from companion.generation import Stepper
    from companion.recipes import Trained

LONGEST_LINE = 20  # tokens
SIDE_BY_SIDE = 128  # texts of similar length, summed up together
NEVER = -1e9
CHOSEN = 3  # sentences of a longer text


# ----------------------------------------------------------------------------------------------------------------------
# Writing


class NoWordTwice:
    """A stepper (see `companion.generation`) that writes each token at most once, with a few exceptions.

    Parameters
    ----------
    stepping
        The stepper that it wraps.
    free
        Ids that may be repeated, of function words and punctuation.

    References
    ----------
    A decoder's habit of repeating itself is described, and cured in training, by See, Liu & Manning 2017, section 2.3.
    Here it is cured in decoding, as Paulus, Xiong & Socher 2018 do for sequences of three words.
    """

    def __init__(self, stepping: "Stepper", free: Sequence[int]) -> None:
        self._stepping, self._free = stepping, list(free)
        self.vocab_size = stepping.vocab_size

    def start(self, batch: int) -> list[np.ndarray]:
        """The states of the wrapped stepper, and an empty record of the tokens that each text has."""
        return [*self._stepping.start(batch), np.zeros((batch, self.vocab_size), dtype=bool)]

    def step(self, ids: np.ndarray, state: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Read one id of each text; logits of the next, very low for tokens that the text already has."""
        *inner, seen = state
        logits, inner = self._stepping.step(ids, inner)
        seen = seen.copy()
        seen[np.arange(len(seen)), ids] = True
        seen[:, self._free] = False
        return np.where(seen, NEVER, logits), [*inner, seen]


def write_lines(trained: "Trained", texts: Sequence[str], repeat: bool = False) -> list[str]:
    """A line for each short text, written greedily: lower-case tokens with spaces between them.

    Parameters
    ----------
    trained
        The recipe ``docstring-summaries`` or one like it.
    texts
        The texts; the first ``BODY_TOKENS`` tokens of each are read.
    repeat
        Whether a word may be repeated in a line; function words and punctuation always may.
    """
    from companion.generation import NEVER_WRITTEN, Sampler, SourceStepper, write_until
    from companion.tokenizers import BEGIN, END, UNKNOWN

    vocabulary = trained.vocabularies.source
    free = vocabulary.encode([*FUNCTION_WORDS.split(), *".,()'\"/-:;"]).tolist()
    encoded = [vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS]) for text in texts]
    if not trained.sizes.get("copy"):
        encoded = [(np.where(ids < len(vocabulary), ids, UNKNOWN), []) for ids, _ in encoded]
    lines = [""] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i][0]))
    for start in range(0, len(order), SIDE_BY_SIDE):
        places = order[start : start + SIDE_BY_SIDE]
        stepping: Stepper = SourceStepper(trained.model, [encoded[i][0] for i in places])
        if not repeat:
            stepping = NoWordTwice(stepping, free)
        written = write_until(
            stepping, [BEGIN], END, LONGEST_LINE, Sampler(greedy=True), samples=len(places), banned=NEVER_WRITTEN
        )
        for place, ids in zip(places, written, strict=True):
            lines[place] = " ".join(vocabulary.decode(ids, encoded[place][1]))
    return lines


def sureness(trained: "Trained", texts: Sequence[str], lines: Sequence[str]) -> np.ndarray:
    """The mean log-probability of each line's tokens, end token included, in nats, shape ``(lines,)``.

    Parameters
    ----------
    trained
        A network that can copy.
    texts, lines
        Texts, and a line for each from `write_lines`.
    """
    from companion.evaluation import pair_losses
    from companion.tokenizers import Pairs

    vocabulary, sources, targets = trained.vocabularies.source, [], []
    for text, line in zip(texts, lines, strict=True):
        source, unknown = vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS])
        sources.append(source)
        targets.append(vocabulary.encode_target(line.split(), unknown))
    pairs, losses = Pairs(sources, targets), pair_losses(trained.model)
    nats = np.zeros(len(lines))
    for places in pairs.plan(SIDE_BY_SIDE):
        nats[places] = losses(*pairs.batch(places)).numpy()
    return -nats / [len(target) + 1 for target in targets]


class Trace(NamedTuple):
    """Where each token of a line came from, end token included.

    Attributes
    ----------
    generated, copied
        The two parts of the token's probability, from the vocabulary and from the text, ``(T + 1,)``.
    weights
        Where the decoder looked, ``(T + 1, tokens of the text)``.
    """

    generated: np.ndarray
    copied: np.ndarray
    weights: np.ndarray


def trace(trained: "Trained", text: str, line: str) -> Trace:
    """What a network with a copy mechanism does while it writes a line about a text.

    Parameters
    ----------
    trained, text
        As in `write_lines`.
    line
        Tokens with spaces between them, from `write_lines` or from anywhere else.

    Raises
    ------
    UserError
        The network can't copy.
    """
    from keras import Model

    from companion.generation import softmax
    from companion.tokenizers import BEGIN, END, padded

    if not trained.sizes.get("copy"):
        raise UserError(
            "This network has no copy mechanism to trace; use the recipe docstring-summaries, which has one."
        )
    vocabulary, model = trained.vocabularies.source, trained.network
    source, unknown = vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS])
    target = [*vocabulary.encode_target(line.split(), unknown), END]
    layers = [model.get_layer(name).output for name in ("logits", "gate", "attention")]
    logits, gate, (_, weights) = Model(model.inputs, layers)([padded([source]), padded([[BEGIN, *target[:-1]]])])
    write = 1 / (1 + np.exp(-np.asarray(gate[0, :, 0], dtype=float)))
    p, weights = softmax(np.asarray(logits[0], dtype=float)), np.asarray(weights[0], dtype=float)
    inside = [p[t, token] if token < len(vocabulary) else 0.0 for t, token in enumerate(target)]
    pointed = [weights[t, source == token].sum() for t, token in enumerate(target)]
    return Trace(write * inside, (1 - write) * pointed, weights)


def as_sentence(tokens: Sequence[str], text: str) -> str:
    """Tokens as a sentence, spelt with the capitals that the text uses for them.

    >>> as_sentence(["return", "the", "ndarray", "of", "a", "fourier", "series", "."], "A Fourier series has terms.")
    'Return the ndarray of a Fourier series.'
    """
    inside = re.findall(r"(?<=[\w,] )[A-Za-z_][\w.'-]*\w", text)
    spelling = {name.lower(): name for name in inside}
    line = " ".join(spelling.get(token, token) for token in tokens)
    line = re.sub(r" (?=[.,;:!?)])|(?<=[(]) ", "", line)
    return line[:1].upper() + line[1:]


@dataclass(frozen=True)
class Summary:
    """A text summed up; iterating over it gives its lines.

    Attributes
    ----------
    lines
        At least one.
    remarks
        What a reader should know about how the lines were made, as sentences; may be empty.
    """

    lines: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)


def summarise(text: str, count: int | None = None) -> Summary:
    """A reader's own text, summed up.

    A text that the network can read whole gets one line in the network's words. A longer one gets its most surprising
    sentences, as judged by a trigram model of Python's manual.

    Parameters
    ----------
    text
        English prose.
    count
        How many sentences to choose, fewer than the text has. By default, the network writes a line for a short text,
        and 3 sentences are chosen from a longer one, or fewer if it has fewer than four.

    Raises
    ------
    UserError
        The text is empty, too short to sum up, not English, or has too few sentences to choose from; or ``count`` isn't
        a whole number of at least 1.
    """
    if count is not None:
        check_sizes(sentences=count)
    check_text(text)
    text = "\n\n".join(plain(paragraph) for paragraph in re.split(r"\n\s*\n", text)).strip()
    if not text:
        raise UserError("The text is empty, so there is nothing to sum up; give at least one sentence.")
    if not is_english(text):
        raise UserError(
            "This doesn't look like English prose, which is all that the model has learnt: too few of its words are "
            "'the', 'of', 'is' and the like. Give an English text."
        )
    words = word_count(text)
    if words < BODY_WORDS:
        raise UserError(
            f"The text has {_counted(words, 'word')}, too few to sum up; give a text of at least {BODY_WORDS}."
        )
    if count is None and len(tokens_of(text)) <= BODY_TOKENS:
        return _written(text)
    return _chosen(text, count)


def _written(text: str) -> Summary:
    from companion.recipes import load_recipe

    (line,) = write_lines(load_recipe("docstring-summaries"), [text])
    if not line:
        return Summary((lead(text),), ("the network wrote nothing, so this is the first sentence",))
    return Summary((as_sentence(line.split(), text),))


def _chosen(text: str, count: int | None) -> Summary:
    parts = split_sentences(text)
    there = len(sentences_to_choose(parts))
    if len(parts) == 1:
        raise UserError(
            f"The text is a single sentence of {_counted(word_count(text), 'word')}: there is nothing to choose from, "
            f"and the network reads at most {BODY_TOKENS} words and punctuation marks. Give a shorter text, or one of "
            "several sentences (each should end in . ! or ? and the next begin with a capital letter)."
        )
    if not there:
        raise UserError(
            f"The text has no sentence to choose: none of its {len(parts):,} parts ends in . ! or ?, so they may be "
            "headings or a list. Give prose."
        )
    if count is not None and count >= there:
        raise UserError(
            f"The text has only {_counted(there, 'different sentence')}, so {count} can't be chosen: ask "
            f"for fewer{f', at most {there - 1}' if there > 1 else ', or leave the number out'}."
        )
    count = count or min(CHOSEN, max(1, there - 1))
    return Summary(tuple(choose(text, manual_reader().scores(text), count)))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
