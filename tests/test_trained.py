"""A trained model continues texts, scores them as training did, and says what it can't do."""

import os
import subprocess
import sys

import pytest

import companion
from companion.errors import UserError
from companion.evaluation import evaluate
from companion.models.encoder_decoder import encoder_decoder
from companion.ngrams import NGramModel
from companion.recipes import ENCODER_DECODER, LANGUAGE_MODEL, NGRAM, TRANSFORMER, Trained, train_language_model
from companion.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    PairVocabulary,
    Tokenizer,
    Vocabulary,
    WordTokenizer,
    unknown_nats,
)
from companion.training import TrainingConfig

TEXT = "the cat sees the dogs. the dog sees a cat that sees dogs. " * 30
PARTS = (TEXT, TEXT[:200], "the cat sees the zebras & the dog. ")
SIZES = {
    LANGUAGE_MODEL: {"embedding_dim": 3, "units": 5},
    TRANSFORMER: {"hidden_dim": 4, "num_heads": 1, "num_layers": 1, "context": 4},
}
CONFIG = TrainingConfig(batch_size=2, window=8)


def made(tokenizer: Tokenizer, kind: str = LANGUAGE_MODEL, **settings) -> Trained:
    return train_language_model(PARTS, tokenizer, kind, SIZES[kind], CONFIG, progress=False, **settings)


@pytest.fixture(scope="module")
def by_character() -> Trained:
    return made(CharTokenizer.train(TEXT))


@pytest.fixture(scope="module")
def by_word() -> Trained:
    return made(WordTokenizer.train(TEXT, vocab_size=5))


@pytest.mark.parametrize("kind", [LANGUAGE_MODEL, TRANSFORMER])
def test_it_is_trained_and_scored_with_the_spelling_of_what_is_unknown(kind):
    tokenizer, begun = CharTokenizer.train(TEXT), []
    trained = made(tokenizer, kind, began=begun.append, about={"text": "of cats"}, seed=3)
    assert begun == [trained.model] and trained.kind == kind and trained.about == {"text": "of cats"}
    assert trained.sizes == {"vocab_size": tokenizer.vocab_size, **SIZES[kind]}
    assert len(trained.history.rows) == 1
    spelling = unknown_nats(tokenizer, PARTS[2], TEXT)
    assert spelling > 10  # there are two unknown characters
    assert trained.score == evaluate(trained.model, tokenizer.encode(PARTS[2]), len(PARTS[2]), spelling)


def test_the_same_seed_gives_the_same_model(by_character):
    again = made(by_character.tokenizer)
    assert again.score == by_character.score
    assert made(by_character.tokenizer, seed=1).score != by_character.score


def test_only_the_first_worker_has_a_score(by_character):
    from companion.training import Alone

    class Second(Alone):
        index = 1

        def rows(self, batch_size):
            return slice(0, batch_size)

    assert made(by_character.tokenizer, team=Second()).score is None
    assert made(by_character.tokenizer, team=Alone()).score == by_character.score


@pytest.mark.parametrize(
    ("kind", "parts", "said"),
    [(ENCODER_DECODER, PARTS, "should be 'language model' or 'transformer'"), ("gpt", PARTS, "kind is 'gpt'")],
)
def test_a_text_that_can_t_be_trained_on_is_reported_first(kind, parts, said):
    with pytest.raises(UserError, match=said):
        train_language_model(parts, CharTokenizer.train(TEXT), kind, {}, progress=False)


def test_evaluated_on_the_held_out_text_it_has_its_score_again_saved_or_not(by_character, by_word, tmp_path):
    assert by_word.tokenizer.unknown_examples and unknown_nats(by_word.tokenizer, PARTS[2], TEXT) > 10
    for name, trained in (("char", by_character), ("word", by_word)):
        assert trained.evaluate(PARTS[2]) == trained.score
        trained.save(tmp_path / name)
        assert companion.load(tmp_path / name).evaluate(PARTS[2]) == trained.score


def test_a_model_that_counts_can_do_the_same_but_is_not_saved(tmp_path):
    tokenizer = CharTokenizer.train(TEXT)
    trained = Trained(NGramModel(3).fit(tokenizer.encode(TEXT)), tokenizer, {}, kind=NGRAM)
    ids = tokenizer.encode(PARTS[2])
    expected = evaluate(trained.model, ids, len(ids), unknown_nats(tokenizer, PARTS[2], TEXT))
    assert trained.evaluate(PARTS[2]) == expected
    assert trained.generate("the c", max_tokens=3, greedy=True) == "at "
    for write in (lambda: trained.save(tmp_path / "m"), lambda: trained.export(tmp_path / "m.keras")):
        with pytest.raises(UserError, match="n-gram model"):
            write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("tokenizer", "prompt"),
    [
        (CharTokenizer.train("two\nlines"), "\n"),
        (CharTokenizer.train("one line"), " "),
        (CharTokenizer.train("word"), "d"),
        (WordTokenizer.train("two\nlines"), "\n"),
        (WordTokenizer.train("of that that"), " that"),
        (BPETokenizer([]), "\n"),
    ],
)
def test_without_a_prompt_it_continues_something_that_its_tokenizer_knows(tokenizer, prompt):
    model = NGramModel(2, vocab_size=tokenizer.vocab_size).fit([1, 2, 1])
    trained = Trained(model, tokenizer, {}, kind=NGRAM)
    assert trained.default_prompt() == prompt
    assert trained.generate(max_tokens=9, seed=1) == trained.generate(prompt, max_tokens=9, seed=1)


def test_it_writes_what_the_functions_write_in_one_piece_or_in_many(by_character):
    from companion.generation import beam_search, generate

    settings = {"max_tokens": 20, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "seed": 4}
    text = by_character.generate("the", **settings)
    assert text == generate(by_character.model, by_character.tokenizer, "the", **settings)
    assert "".join(by_character.stream("the", **settings)) == text
    found = by_character.generate("the", max_tokens=5, beam_width=3)
    assert found == beam_search(by_character.model, by_character.tokenizer, "the", 5, 3)


def test_a_word_that_is_known_with_a_space_before_it_needs_none(by_word):
    assert " cat" in by_word.tokenizer.tokens and "cat" not in by_word.tokenizer.tokens
    assert by_word.generate("cat sees", seed=1) == by_word.generate(" cat sees", seed=1)
    with pytest.raises(UserError, match="zebra"):
        by_word.generate("zebra")


@pytest.mark.parametrize("setting", [{"temperature": 0.5}, {"top_k": 1}, {"top_p": 0.9}, {"seed": 0}, {"greedy": True}])
def test_beam_search_ignores_no_setting(by_character, setting):
    with pytest.raises(UserError, match=f"{next(iter(setting))} changes nothing"):
        by_character.generate("the", beam_width=2, **setting)


def test_a_model_of_another_kind_says_what_to_use(tmp_path):
    vocabulary = Vocabulary("abc")
    sizes = {"source_vocab": 7, "target_vocab": 7, "embedding_dim": 2, "units": 2}
    trained = Trained(encoder_decoder(**sizes), PairVocabulary(vocabulary, vocabulary), sizes, kind=ENCODER_DECODER)
    for use in (trained.generate, trained.stream, lambda: trained.evaluate("abc"), trained.default_prompt):
        with pytest.raises(UserError, match="generation.decode"):
            use()
    with pytest.raises(UserError, match=r"should end in .keras"):
        trained.export(tmp_path / "m.h5")
    assert trained.vocabularies.source is vocabulary


def test_a_model_of_texts_has_no_vocabularies_of_pairs(by_character):
    with pytest.raises(UserError, match="an encoder-decoder is needed"):
        _ = by_character.vocabularies
    with pytest.raises(UserError, match="empty"):
        by_character.evaluate("")


def in_another_process(code: str, folder) -> str:
    here = os.path.dirname(os.path.dirname(companion.__file__))
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": here}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_package_offers_its_modules_without_importing_them(tmp_path):
    code = """
import sys, companion
assert not {"companion.corpora", "companion.recipes", "keras", "matplotlib"} & set(sys.modules)
assert companion.tokenizers.CharTokenizer.train("ab").vocab_size == 3
assert "tensorflow" not in sys.modules
for name in companion.__all__:
    assert name in dir(companion) and getattr(companion, name)
assert companion.models.__name__ == "companion.models" and companion.load is companion.recipes.load
try:
    companion.nothing
except AttributeError as error:
    print(error)
"""
    assert in_another_process(code, tmp_path) == "module 'companion' has no attribute 'nothing'\n"


def test_a_recipe_and_a_folder_load_from_anywhere(tmp_path, by_character):
    by_character.save(tmp_path / "mine")
    code = """if True:
        import os, companion
        write = lambda name, prompt: print(companion.load(name).generate(prompt, 30, seed=1))
        write("mine", "the")
        write("grammar-tiny", "the kings")
        os.mkdir("grammar-tiny")  # a folder that isn't a model hides no recipe
        write("grammar-tiny", "the kings")"""
    first, rest = in_another_process(code, tmp_path).split("\n", 1)
    assert first == by_character.generate("the", 30, seed=1)
    assert len(rest) > 60 and rest[: len(rest) // 2] == rest[len(rest) // 2 :]
