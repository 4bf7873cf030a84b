"""The command line as a reader uses it: own text in, a model out; mistakes give a sentence, exit code 2, no loss."""

import os
import subprocess
import sys

import pytest

from companion.cli import main
from companion.cli.train import split
from companion.errors import UserError

QUICK = ["--units", "8", "--embedding-dim", "4", "--epochs", "1", "--quiet"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "my.txt"
    path.write_text("The cat sat on the mat. A dog is in the fog.\n" * 200, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(text):
    folder = text.with_name("mymodel")
    assert main(["train", str(text), "--out", str(folder), *QUICK]) == 0
    return folder


def run(capsys, *arguments) -> tuple[int, str, str]:
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:  # argparse's own
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_train_writes_a_folder_and_cleans_up(model):
    assert sorted(path.name for path in model.iterdir()) == ["model.json", "tokenizer.json", "weights.npz"]
    assert not list(model.parent.glob("*.checkpoint.npz"))


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
def test_train_with_the_other_tokenizers(capsys, text, tmp_path, tokenizer):
    size = ["--vocab-size", "300"] if tokenizer == "bpe" else []
    code, out, _ = run(capsys, "train", text, "--out", tmp_path / "m", "--tokenizer", tokenizer, *size, *QUICK)
    assert code == 0 and "bits per character" in out
    code, out, _ = run(capsys, "generate", tmp_path / "m", "--prompt", "The cat", "--max-tokens", 5, "--seed", 1)
    assert code == 0 and out.startswith("The cat")


def test_train_a_transformer(capsys, text, tmp_path):
    sizes = ["--model", "transformer", "--layers", "1", "--heads", "2", "--context", "16"]
    code, out, _ = run(capsys, "train", text, "--out", tmp_path / "m", *sizes, *QUICK)
    assert code == 0 and "bits per character" in out
    code, out, _ = run(capsys, "generate", tmp_path / "m", "--prompt", "The cat " * 5, "--max-tokens", 5, "--seed", 1)
    assert code == 0 and out.startswith("The cat ")  # a prompt longer than the context
    code, _, err = run(capsys, "train", text, "--out", tmp_path / "n", "--model", "transformer", "--heads", "3", *QUICK)
    assert code == 2 and "can't be shared by 3 heads" in err


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
    assert code == 0 and out.startswith("The")


def test_evaluate_scores_a_file(capsys, model, text):
    code, out, _ = run(capsys, "evaluate", model, text)
    assert code == 0
    assert "bits per character" in out and f"{len(text.read_text()):,} characters" in out


def test_evaluate_says_how_much_is_unknown(capsys, model, tmp_path):
    (tmp_path / "t.txt").write_text("Zebra zoo quiz", encoding="utf-8")
    assert "unknown" in run(capsys, "evaluate", model, tmp_path / "t.txt")[1]


def test_corpora_are_listed_and_told(capsys):
    code, out, _ = run(capsys, "corpora")
    assert code == 0 and "shakespeare" in out
    code, out, _ = run(capsys, "corpora", "--fetch", "python-docs")
    assert code == 0 and "licence: PSF" in out


def test_it_runs_as_a_module_and_the_help_has_examples():
    for command in ([], ["train"], ["generate"], ["evaluate"], ["corpora"]):
        said = subprocess.run(
            [sys.executable, "-m", "companion", *command, "--help"], capture_output=True, text=True, check=True
        )
        assert "example" in said.stdout
        assert "python -m companion" in said.stdout


BAD_TEXTS = {
    "missing": (None, "There is no file"),
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "not UTF-8": (b"caf\xe9 " * 2000, "not UTF-8"),
    "short": (b"Too short.", "too few"),
}


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_a_bad_text_is_told(capsys, tmp_path, kind):
    content, says = BAD_TEXTS[kind]
    if content is not None:
        (tmp_path / "t.txt").write_bytes(content)
    code, out, err = run(capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", *QUICK)
    assert (code, out) == (2, "") and says in err and "Traceback" not in err and err.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_a_folder_is_no_text(capsys, tmp_path):
    assert run(capsys, "train", tmp_path, "--out", tmp_path / "m")[0] == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--temperature", "0"], "temperature"),
        (["--temperature", "-1"], "temperature"),
        (["--top-p", "0"], "top_p"),
        (["--top-p", "1.5"], "top_p"),
        (["--top-k", "0"], "top_k"),
        (["--max-tokens", "-1"], "max_tokens"),
        (["--seed", "-1"], "seed is -1"),
        (["--prompt", "Zoë"], "'ë'"),
        (["--prompt", ""], "prompt"),
    ],
)
def test_bad_settings_of_generate_are_told(capsys, model, options, says):
    code, out, err = run(capsys, "generate", model, *options)
    assert code == 2 and says in err and err.count("\n") == 1 and not out.strip()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--units", "0"], "units is 0"),
        (["--dropout", "1"], "dropout is 1"),
        (["--learning-rate", "0"], "learning_rate"),
        (["--epochs", "-1"], "epochs is -1"),
        (["--epochs", "0"], "epochs is 0"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--window", "0"], "window is 0"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_settings_of_train_are_told(capsys, text, tmp_path, options, says):
    code, _, err = run(capsys, "train", text, "--out", tmp_path / "m", "--quiet", *options)
    assert code == 2 and err.startswith("companion: ") and says in err
    assert not (tmp_path / "m").exists()


def test_nothing_is_overwritten_unasked(capsys, text, model, tmp_path):
    before = (model / "weights.npz").read_bytes()
    code, _, err = run(capsys, "train", text, "--out", model, *QUICK)
    assert code == 2 and "there already" in err
    assert (model / "weights.npz").read_bytes() == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    code, _, err = run(capsys, "train", text, "--out", tmp_path / "photos", "--overwrite", *QUICK)
    assert code == 2 and "not a model folder" in err
    assert (tmp_path / "photos" / "cat.jpg").exists()


def test_overwrite_replaces_a_model(capsys, text, tmp_path):
    for more in ([], ["--overwrite"]):
        assert run(capsys, "train", text, "--out", tmp_path / "m", *QUICK, *more)[0] == 0


@pytest.mark.parametrize("command", [["generate"], ["evaluate"]])
def test_a_model_that_is_not_there_or_not_whole_is_told(capsys, text, tmp_path, command):
    more = [text] if command == ["evaluate"] else []
    code, _, err = run(capsys, *command, tmp_path / "none", *more)
    assert code == 2 and "no model folder" in err
    (tmp_path / "half").mkdir()
    code, _, err = run(capsys, *command, tmp_path / "half", *more)
    assert code == 2 and "model.json is missing" in err


def test_an_unknown_option_exits_with_2(capsys):
    assert run(capsys, "generate")[0] == 2


@pytest.mark.skipif(os.name != "posix", reason="what can't be a path differs")
@pytest.mark.parametrize(("name", "says"), [("x" * 300, "File name too long"), ("my.txt/more", "Not a directory")])
def test_a_path_that_can_t_be_one_is_told(capsys, text, model, name, says):
    code, _, err = run(capsys, "evaluate", model, text.with_name(name.split("/")[0]) / "/".join(name.split("/")[1:]))
    assert code == 2 and says in err and err.count("\n") == 1


def test_the_split_keeps_everything_once():
    text = "".join(chr(97 + n % 26) for n in range(9_999))
    assert "".join(split(text, "t")) == text
    with pytest.raises(UserError, match="at least 5,000"):
        split(text[:4_999], "t")


@pytest.mark.parametrize(
    ("message", "says"),
    [("", "has no words"), ("你好吗", "not in Latin letters"), ("Wie geht es dir heute?", "is it English")],
)
def test_reply_says_why_a_message_can_t_be_used(capsys, message, says):
    code, out, err = run(capsys, "reply", message)
    assert code == 2 and says in err and not out and "Traceback" not in err


def test_reply_suggests_and_writes(capsys, monkeypatch):
    """What it prints; the writer is a small one here, the chapter's is made when the book is built."""
    from companion.applications import replies
    from companion.corpora.conversations import Exchange

    pairs = [Exchange("Are you a robot?", "I am a program.")] * 40
    writer = replies.train_writer(pairs, passes=100, progress=False)
    monkeypatch.setattr(replies, "load_writer", lambda: writer)
    code, out, _ = run(capsys, "reply", "Are you a robot, my dear Xyzzy?", "--count", 2, "--seed", 1)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Not known, and left out: dear, xyzzy" or lines[0] == "Not known, and left out: xyzzy"
    assert len([line for line in lines if line.startswith("   0.")]) == 2
    assert lines[-1].strip() == "i am a program."
    code, _, err = run(capsys, "reply", "Are you a robot?", "--seed", -1)
    assert code == 2 and "seed is -1" in err
    code, _, err = run(capsys, "reply", "Are you a robot?", "--count", 0)
    assert code == 2 and "--count is 0" in err
