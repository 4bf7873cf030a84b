"""`generate` and `evaluate`: every tokenizer, every way to choose a token, and prompts of all kinds."""

import re

import numpy as np
import pytest
import regex
from command_line import CATS, refused, run, trained
from hypothesis import given
from hypothesis import strategies as st

from companion.cli.prompts import check_prompt, suggested_prompt
from companion.errors import UserError
from companion.recipes import RECIPES, Recipe, TransformerRecipe, load_model
from companion.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TOKENIZERS = {
    "char": CharTokenizer.train,
    "few characters": lambda text: CharTokenizer.train(text, 3),
    "word": WordTokenizer.train,
    "few words": lambda text: WordTokenizer.train(text, 3),
    "bpe": lambda text: BPETokenizer.train(text, 260),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("char"), CATS * 150)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    more = ["--tokenizer", "word", "--vocab-size", "12"]
    return trained(tmp_path_factory.mktemp("word"), CATS * 150 + "Nobody knew the zebra.\n" * 20, *more)


def test_generate_is_seeded(capsys, model):
    arguments = ("generate", model, "--prompt", "The", "--max-tokens", 40)
    first, again = (run(capsys, *arguments, "--seed", 7)[1] for _ in range(2))
    other = run(capsys, *arguments, "--seed", 8)[1]
    assert first == again != other
    assert first.startswith("The") and len(first) == len("The") + 40 + 1


@pytest.mark.parametrize(
    "more", [["--greedy"], ["--beam", "2"], ["--top-k", "3", "--top-p", "0.9", "--temperature", "0.5"]]
)
def test_generate_in_every_way(capsys, model, more):
    code, out, _ = run(capsys, "generate", model, "--prompt", "The", "--max-tokens", 10, *more)
    assert code == 0 and out.startswith("The") and len(out) == len("The") + 10 + 1


# -- prompts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["grammar-tiny", "shakespeare-small", "shakespeare-transformer", "shakespeare-3gram"])
def test_every_model_continues_something_without_a_prompt(capsys, name):
    code, out, err = run(capsys, "generate", name, "--max-tokens", 5, "--seed", 1)
    assert code == 0 and out.strip() and not err


def test_a_word_needs_no_space_before_it(capsys):
    code, out, _ = run(capsys, "generate", "grammar-tiny", "--prompt", "the kings", "--max-tokens", 3, "--seed", 1)
    assert code == 0 and out.startswith("the kings ")


def test_unknown_characters_and_words_are_reported_with_known_ones(capsys, model, words):
    said = refused(capsys, "generate", model, "--prompt", "Zoë")
    assert "doesn't know the characters 'Z', 'ë' of --prompt; its characters are .ATacd" in said
    assert "doesn't know the character 'ë' of" in refused(capsys, "generate", model, "--prompt", "catë")
    said = refused(capsys, "generate", words, "--prompt", "the zebra sat")
    assert "doesn't know the word 'zebra' of --prompt; it knows " in said and "'cat'" in said
    assert "strict" not in said and "encode" not in said
    assert "--prompt is empty" in refused(capsys, "generate", model, "--prompt", "")
    assert "isn't text in UTF-8" in refused(capsys, "generate", model, "--prompt", "caf\udce9")


ODD_TEXTS = st.one_of(
    st.text(min_size=1),
    st.text("ab \n", min_size=1),
    st.text('"1,;2\r\n', min_size=1),
    st.text("The cat. 猫在 नमस्ते e\u0301 \U0001f408", min_size=1),
    st.sampled_from(['"1","2"\n' * 9, "\n\n\n", "- x\n- y\n\n\n", "---", "-1 -2", "x" * 99, "猫坐在垫子上" * 9]),
)


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(training=ODD_TEXTS, test=ODD_TEXTS)
def test_what_is_suggested_is_a_known_word_or_number_of_the_text(kind, training, test):
    tokenizer = TOKENIZERS[kind](training)
    for text in (test, training + test):
        prompt = suggested_prompt(tokenizer, text, training[-1:])
        if prompt is not None:
            assert len(tokenizer.encode(prompt, strict=True))
            check_prompt(tokenizer, prompt)
            assert prompt.strip() in text and regex.fullmatch(r" ?[\p{L}\p{M}\p{N}]{1,20}", prompt)


def test_the_rest_of_a_word_that_was_cut_is_not_suggested():
    tokenizer = CharTokenizer.train("The cat sat on it.")
    assert suggested_prompt(tokenizer, "cat sat", before="e") == "sat"
    assert suggested_prompt(tokenizer, "cat sat", before=" ") == "cat"
    assert suggested_prompt(tokenizer, "cat.", before="e") is None
    assert suggested_prompt(tokenizer, "\n\n", before="e") is None
    assert suggested_prompt(tokenizer, "Bat cat", before="\n") == "cat", "one that is known"
    words = WordTokenizer.train("The cat sat on it.")
    assert suggested_prompt(words, "ov cat", before="l") == " cat"


def test_a_model_that_knows_nothing_visible_says_what_it_knows():
    with pytest.raises(UserError, match=r"of --prompt; it knows only ' '"):
        check_prompt(CharTokenizer.train("a b b ", 2), "a")


def test_few_unknown_words_are_named_of_many():
    with pytest.raises(UserError, match="and 2 more"):
        check_prompt(CharTokenizer.train("."), "abcdefghijkl")


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_a_missing_or_damaged_model_is_reported(capsys, tmp_path, model, command):
    more = [model.with_name("my.txt")] if command == "evaluate" else []
    said = refused(capsys, command, tmp_path / "none", *more)
    assert "There is no model folder" in said
    (tmp_path / "half").mkdir()
    assert "model.json is missing" in refused(capsys, command, tmp_path / "half", *more)
    assert "is empty" in refused(capsys, command, "", *more)


@pytest.mark.parametrize("command", ["generate", "evaluate"])
@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("dates", "translate '3 March 2021'"),
        ("sentences", "translate --sentences"),
        ("docstring-summaries", "summarise"),
        ("question-answering", "answer 'Ada went"),
    ],
)
def test_a_recipe_that_doesn_t_continue_text_suggests_its_command(capsys, model, command, name, does):
    more = [model.with_name("my.txt")] if command == "evaluate" else []
    assert does in refused(capsys, command, name, *more)


@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_a_file_of_a_model_isn_t_the_model(capsys, model, command):
    more = [model.with_name("my.txt")] if command == "evaluate" else []
    assert "model.json is a file, but a model is a folder" in refused(capsys, command, model / "model.json", *more)


@pytest.mark.parametrize("variable", ["GATE_BY_GATE_DEVICE", "KERAS_BACKEND"])
@pytest.mark.parametrize("name", ["a folder", "grammar-tiny"])
def test_a_missing_device_isn_t_blamed_on_the_model(capsys, model, monkeypatch, variable, name):
    monkeypatch.setenv(variable, "abacus")
    said = refused(capsys, "generate", model if name == "a folder" else name)
    assert f"{variable} is 'abacus'" in said and "damaged" not in said and "train" not in said


@pytest.mark.parametrize("name", ["x" * 300, "my.txt/more"])
def test_a_bad_path_is_reported(capsys, model, name):
    said = refused(capsys, "generate", f"{model.parent}/{name}")
    assert "There is no model folder" in said and "train TEXT --out" in said
    assert "shakespeare-3gram" in said
    offered = said.partition("use a recipe: ")[2].strip(" .\n").split(", ")
    assert all(isinstance(RECIPES[recipe], Recipe | TransformerRecipe) for recipe in offered), "no other can continue"


# -- scores ------------------------------------------------------------------------------------------------------------


def bits(out: str) -> float:
    """The bits per character that `evaluate` printed."""
    return float(re.search(r"^bits per character +([\d.]+)$", out, re.MULTILINE)[1])


def test_evaluate_scores_a_file(capsys, model):
    text = model.with_name("my.txt")
    code, out, _ = run(capsys, "evaluate", model, text)
    assert code == 0
    assert "bits per character" in out and f"{len(text.read_text()):,} characters" in out and "unknown" not in out


@pytest.mark.parametrize("kind", ["model", "words"])
def test_training_and_evaluate_give_the_same_score(capsys, request, tmp_path, kind):
    """Both charge for unknown words, which the word model's test part has."""
    model = request.getfixturevalue(kind)
    text = model.with_name("my.txt").read_text()
    (tmp_path / "test.txt").write_text(text[len(text) * 95 // 100 :])
    stored = load_model(model).score
    capsys.readouterr()
    code, out, _ = run(capsys, "evaluate", model, tmp_path / "test.txt")
    assert code == 0 and ("unknown" in out) == (kind == "words")
    np.testing.assert_allclose(bits(out), stored.bits_per_character, atol=1e-4)


def test_unknown_characters_cost_what_it_takes_to_spell_them(capsys, model, tmp_path):
    (tmp_path / "known.txt").write_text("The cat sat.", encoding="utf-8")
    (tmp_path / "unknown.txt").write_text("Zhe cet sqt.", encoding="utf-8")
    known, unknown = (
        bits(run(capsys, "evaluate", model, tmp_path / f"{name}.txt")[1]) for name in ("known", "unknown")
    )
    assert unknown > known + 3, "three of twelve characters cost 20 bits each, instead of about 4"


def test_a_perplexity_beyond_all_bounds_is_said_in_words(capsys, words, tmp_path):
    (tmp_path / "odd.txt").write_text("猫坐在垫子上" * 100, encoding="utf-8")
    code, out, _ = run(capsys, "evaluate", words, tmp_path / "odd.txt")
    assert code == 0 and "perplexity          above a million per token" in out
