"""A trained model with everything that goes with it, and what it can do."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.errors import UserError, disk_errors
from companion.evaluation import Score, evaluate
from companion.recipes.builders import ANSWERER, CONTINUES_TEXT, ENCODER_DECODER, LANGUAGE_MODEL, NGRAM
from companion.recipes.folder import Encoder, read_folder, write_folder
from companion.tokenizers import PairVocabulary, StoryReader, Tokenizer, unknown_nats
from companion.training import History

if TYPE_CHECKING:
    import keras

    from companion.ngrams import NGramModel


_INSTEAD = {
    ENCODER_DECODER: "encode a source with its vocabularies.source, and give the ids to companion.generation.decode",
    ANSWERER: "ask it about stories with companion.applications.answering.answer",
}


@dataclass
class Trained:
    """A trained model with everything that goes with it.

    Attributes
    ----------
    model
        A Keras network, or an n-gram model.
    tokenizer
        What turns text into its ids: a `companion.tokenizers.Tokenizer`; for an encoder-decoder a
        `companion.tokenizers.PairVocabulary`, for an answerer a `companion.tokenizers.StoryReader`.
    sizes
        The arguments that build it, for the function that `companion.recipes.BUILDERS` has for its kind.
    history
        How the training went; see `companion.training.History`.
    score
        On its held-out text.
    about
        Anything else worth keeping: seeds, seconds, versions.
    kind
        ``"language model"`` (a recurrent one), ``"transformer"``, ``"encoder-decoder"``, ``"answerer"`` or
        ``"n-gram model"``.

    Examples
    --------
    >>> import companion
    >>> trained = companion.load("shakespeare-3gram")  # doctest: +SKIP
    >>> trained.generate("**ROMEO**", max_tokens=20, seed=1)  # doctest: +SKIP
    """

    model: "keras.Model | NGramModel"
    tokenizer: Encoder
    sizes: dict[str, Any]
    history: History = field(default_factory=History, repr=False)
    score: Score | None = None
    about: dict[str, Any] = field(default_factory=dict)
    kind: str = LANGUAGE_MODEL

    def default_prompt(self) -> str:
        """What the model continues without a prompt: a new line, or else a space or the first token it can read.

        Raises
        ------
        UserError
            The model doesn't continue texts.
        """
        tokenizer = self.text_tokenizer
        return next(text for text in ("\n", " ", *tokenizer.tokens[1:]) if not _has_unknown(tokenizer, text))

    def generate(
        self,
        prompt: str | None = None,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        *,
        greedy: bool = False,
        beam_width: int | None = None,
    ) -> str:
        """Continue a prompt; the new text is returned, without the prompt.

        Parameters
        ----------
        prompt
            At least one character; by default, `default_prompt`. A word that is known only with a space before it is
            read with one.
        max_tokens, temperature, top_k, top_p, seed, greedy
            As in `companion.generation.generate`.
        beam_width
            If given, `companion.generation.beam_search` of that width chooses the text; the settings of sampling would
            have no effect and must be left out.

        Raises
        ------
        UserError
            A setting is out of its range, the prompt is empty or has unknown characters, or the model doesn't continue
            texts.
        """
        if beam_width is None:
            return "".join(self.stream(prompt, max_tokens, temperature, top_k, top_p, seed, greedy=greedy))
        from companion.generation import beam_search

        usual = {"temperature": 1.0, "top_k": None, "top_p": None, "seed": None, "greedy": False}
        given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed, "greedy": greedy}
        if changed := [name for name, value in given.items() if value != usual[name]]:
            raise UserError(f"Beam search draws nothing at random, so {changed[0]} changes nothing; leave it out.")
        tokenizer = self.text_tokenizer
        return beam_search(self.model, tokenizer, self._readable(prompt), max_tokens, beam_width)

    def stream(
        self,
        prompt: str | None = None,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        *,
        greedy: bool = False,
    ) -> Iterator[str]:
        """Like `generate`, but yield the text piece by piece as it is written."""
        from companion.generation import stream

        tokenizer = self.text_tokenizer
        settings = (max_tokens, temperature, top_k, top_p, seed)
        return stream(self.model, tokenizer, self._readable(prompt), *settings, greedy=greedy)

    def evaluate(self, text: str) -> Score:
        """Score the model on a text; what its tokenizer calls unknown costs its spelling, as after training.

        For the held-out part that it was scored on after training, this is `score` again.

        Raises
        ------
        UserError
            The text is empty, or the model doesn't predict texts.
        """
        tokenizer = self.text_tokenizer
        if not text:
            raise UserError("The text to score is empty; give at least one character.")
        return evaluate(self.model, tokenizer.encode(text), len(text), unknown_nats(tokenizer, text))

    def save(self, folder: str | Path, bits: int = 32, replace: bool = True) -> None:
        """Write a folder that `companion.load` reads; see `companion.recipes.save_model`."""
        save_model(folder, self, bits, replace)

    def export(self, path: str | Path) -> None:
        """Write the network alone as a Keras file, such as ``mymodel.keras``.

        ``keras.models.load_model`` reads it. A recurrent language model is written as a network of Keras's own layers
        and needs nothing else; every other kind has layers of this package, which a process has to make known to Keras
        by one line before it loads the file: ``import companion.models.registered``. The tokenizer isn't in the file;
        save that with ``tokenizer.save("tokenizer.json")``.

        Raises
        ------
        UserError
            The name doesn't end in ``.keras``, the file can't be written, or the model isn't a Keras network.
        """
        network = self.network
        if Path(path).suffix != ".keras":
            raise UserError(f"{path} should end in .keras, as the name of a Keras file.")
        from companion.models.plain import with_keras_layers

        with disk_errors(str(path)):
            (with_keras_layers(network) if self.kind == LANGUAGE_MODEL else network).save(path)

    @property
    def network(self) -> "keras.Model":
        """The model, if it is a Keras network.

        Raises
        ------
        UserError
            It is an n-gram model.
        """
        if self.kind == NGRAM:
            raise UserError("This n-gram model is a table of counts, but a Keras network is needed here.")
        return self.model

    @property
    def vocabularies(self) -> PairVocabulary:
        """The tokenizer, if it is the two vocabularies of an encoder-decoder.

        Raises
        ------
        UserError
            It is another kind of model.
        """
        if isinstance(self.tokenizer, PairVocabulary):
            return self.tokenizer
        raise UserError(
            f"This {self.kind} has no vocabularies of source and target; an encoder-decoder is needed here."
        )

    @property
    def story_reader(self) -> StoryReader:
        """The tokenizer, if the model answers questions about stories.

        Raises
        ------
        UserError
            It is another kind of model.
        """
        if isinstance(self.tokenizer, StoryReader):
            return self.tokenizer
        raise UserError(f"This {self.kind} doesn't read stories; use the recipe question-answering.")

    @property
    def text_tokenizer(self) -> Tokenizer:
        """The tokenizer, if the model continues and predicts texts.

        Raises
        ------
        UserError
            It is another kind of model.
        """
        if self.kind in CONTINUES_TEXT and isinstance(self.tokenizer, Tokenizer):
            return self.tokenizer
        raise UserError(f"This {self.kind} doesn't continue a text; {_INSTEAD.get(self.kind, 'use another model')}.")

    def _readable(self, prompt: str | None) -> str:
        if prompt is None:
            return self.default_prompt()
        tokenizer = self.text_tokenizer
        with_space = f" {prompt}"
        is_better = _has_unknown(tokenizer, prompt) and not _has_unknown(tokenizer, with_space)
        return with_space if is_better else prompt


def _has_unknown(tokenizer: Tokenizer, text: str) -> bool:
    return isinstance(text, str) and bool((tokenizer.encode(text) == tokenizer.unknown_id).any())


def save_model(folder: str | Path, trained: Trained, bits: int = 32, replace: bool = True) -> None:
    """Write a trained model as a folder, all of it or nothing; the files are those of `companion.recipes.folder`.

    Parameters
    ----------
    folder
        Created, or replaced when the new one is complete.
    trained
        The model and what goes with it.
    bits
        How many a number of a matrix has. 16 halve the file, and the loss differs in the fourth digit or later; 8 halve
        it once more, and the loss differs in the third.
    replace
        Whether an existing model may be replaced; see `companion.storage.directory_atomically`.

    Raises
    ------
    UserError
        The folder can't be written, the model is an n-gram model, ``bits`` isn't 32, 16 or 8, or a weight is infinite,
        isn't a number, or is above 65,504 and so too large for 16 bits.
    """
    if trained.kind == NGRAM:
        raise UserError("An n-gram model is counted in seconds and can't be saved; load its recipe, or count again.")
    content: dict[str, Any] = {
        "kind": trained.kind,
        "model": trained.sizes,
        "score": vars(trained.score) if trained.score else None,
        "history": trained.history.rows,
        "about": trained.about,
    }
    write_folder(folder, trained.network, trained.tokenizer, content, bits, replace)


def load_model(folder: str | Path) -> Trained:
    """Read what `save_model` wrote, and check it.

    Raises
    ------
    UserError
        The folder is missing, incomplete, changed since it was saved, or written by another version.
    """
    model, tokenizer, content = read_folder(folder)
    rows = [{name: math.nan if value is None else value for name, value in row.items()} for row in content["history"]]
    score = content["score"] and _score(content["score"])
    return Trained(model, tokenizer, content["model"], History(rows), score, content["about"], content["kind"])


def _score(kept: dict[str, Any]) -> Score:
    """A score from a file, in which null stands for an infinite number."""
    numbers: dict[str, Any] = {name: math.inf if value is None else value for name, value in kept.items()}
    return Score(**numbers)
