"""The command line as a whole: its help, options and exit codes, and what happens to its output."""

import argparse
import io
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import CATS, QUICK, refused, run

from companion.cli import main, table
from companion.cli.options import Command, Number, Option, in_flags
from companion.cli.program import program, suggested
from companion.errors import UserError
from companion.training import TrainingInterrupted, WorkerLostError

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def started(*words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT | more.pop("env", {}), **more)


# -- how it is called --------------------------------------------------------------------------------------------------


def test_the_help_of_every_command_has_examples_that_begin_as_the_program_was_called(capsys):
    for command in ([], *([command.name] for command in table.COMMANDS)):
        code, out, err = run(capsys, *command, "--help")
        assert code == 0 and not err
        examples = out.partition("example")[2].splitlines()[1:]
        assert examples[0].startswith(f"  {program()} {' '.join(command)}")


@pytest.mark.parametrize("script", ["bin/gate-by-gate", "a b/gate-by-gate"])
def test_the_program_is_named_as_it_was_called(tmp_path, script):
    """It has a name that works when pasted: the script's name if it is on the path, otherwise its path, quoted."""
    file = tmp_path / script
    file.parent.mkdir()
    file.write_text(f"#!{sys.executable}\nimport sys\nfrom companion.cli import main\nsys.exit(main())\n")
    file.chmod(0o755)
    said = started(str(file), "corpora", cwd=tmp_path).stdout
    assert f"({shlex.quote(str(file))} corpora --fetch" in said
    said = started(f"./{script}", "corpora", cwd=tmp_path).stdout
    assert f"({shlex.quote(f'./{script}')} corpora --fetch" in said
    path = {"PATH": f"{file.parent}{os.pathsep}{os.environ['PATH']}"}
    assert "(gate-by-gate corpora --fetch" in started("gate-by-gate", "corpora", cwd=tmp_path, env=path).stdout


def test_the_module_is_named_with_the_python_that_runs_it(tmp_path):
    python = tmp_path / "own bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')  # as another Python on the path
    python.chmod(0o755)
    said = started(sys.executable, "-m", "companion", "corpora", cwd=tmp_path).stdout
    assert f"({shlex.quote(sys.executable)} -m companion corpora --fetch" in said
    said = started(str(python), "-m", "companion", "corpora", cwd=tmp_path).stdout
    words = shlex.split(said.partition("(")[2].partition(" --fetch")[0])
    assert started(*words, cwd=tmp_path).returncode == 0


def test_what_is_suggested_is_quoted():
    assert shlex.split(suggested(["generate", "my model", "--prompt", '"'], called="p")) == [
        *("p", "generate", "my model", "--prompt", '"')
    ]


# Examples that would take too long to run.
NOT_RUN = {"train", "corpora", "summarise", "reply"}
EXAMPLES = [example for command in table.COMMANDS for example in command.examples]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the examples in the help name."""
    monkeypatch.chdir(tmp_path)
    for name in ("my.txt", "other.txt", "article.txt"):
        Path(name).write_text("Once upon a time. " + CATS * 120, encoding="utf-8")
    return tmp_path


def test_the_examples_of_the_help_work(capsys, place):
    assert run(capsys, "train", "my.txt", "--out", "mymodel", *QUICK)[0] == 0
    for example in EXAMPLES:
        words = shlex.split(example)
        if words[0] not in NOT_RUN:
            code, out, err = run(capsys, *words)
            assert code == 0 and out.strip() and not err, example


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.split()[0] in NOT_RUN])
def test_the_longer_examples_of_the_help_can_be_read(capsys, monkeypatch, example):
    name = example.split()[0]
    chosen = next(command for command in table.COMMANDS if command.name == name)
    ran = []
    monkeypatch.setattr(table, "COMMANDS", (replace(chosen, run=ran.append),))
    assert run(capsys, *shlex.split(example))[0] == 0 and len(ran) == 1


def test_the_help_describes_every_option(capsys):
    for command in table.COMMANDS:
        _, out, _ = run(capsys, command.name, "--help")
        for option in command.options:
            assert (option.flag in out) == (option.help is not None and option.flag.startswith("--")) or option.metavar


def test_the_version(capsys):
    code, out, _ = run(capsys, "--version")
    assert code == 0 and out.startswith("gate-by-gate ")


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Give a command: train, generate"),
        (["zug"], "'zug'"),
        (["generate"], "required: MODEL. See"),
        (["train", "x"], "required: --out. See"),
        (["train", "x", "--out"], "expected one argument; if its value begins with a dash, put = between"),
        (["train", "x", "--out", "m", "--unitz", "3"], "train has no option --unitz; did you mean --units?"),
        (["train", "x", "--out", "m", "--tokenizer", "letter"], "'letter' (choose from"),
        (["reply", "-x"], "put -- before a text that begins with a dash"),
        (["generate", "m", "Once", "upon"], "doesn't know what to do with 'Once upon'"),
        (["generate", "m", "--beam", "2", "--temperature", "1"], "--beam and --temperature don't go together"),
        (["generate", "m", "--beam", "2", "--top-k", "1"], "--beam and --top-k don't go together"),
        (["generate", "m", "--beam", "2", "--top-p", "1"], "--beam and --top-p don't go together"),
        (["generate", "m", "--beam", "2", "--seed", "1"], "--beam and --seed don't go together"),
        (["generate", "m", "--greedy", "--beam", "2"], "--beam and --greedy don't go together"),
        (["generate", "m", "--greedy", "--seed", "1"], "--greedy and --seed don't go together"),
        (["translate", "--sentences", "我在家。", "--to", "iso"], "--sentences and --to don't go together"),
        (["train", "x", "--out", "m", "--heads", "4"], "--heads only goes with --model transformer"),
        (["train", "x", "--out", "m", "--context", "4"], "--context only goes with --model transformer"),
        (["train", "x", "--out", "m", "--model", "transformer", "--cell", "lstm"], "--cell only goes with --model rec"),
        (["train", "x", "--out", "m", "--model", "transformer", "--embedding-dim", "4"], "--embedding-dim only goes"),
        (["train", "x", "--out", "m", "--worker", "0"], "--worker goes together with --hosts"),
        (["train", "x", "--out", "m", "--hosts", "a:1,b:2"], "--hosts goes together with --worker"),
        (["train", "x", "--out", "m", "--workers", "2", "--hosts", "a:1,b:2"], "--workers and --hosts don't go tog"),
        (["train", "x", "--out", "m", "--timeout", "5"], "--timeout goes together with --workers or --hosts or TF_CON"),
    ],
)
def test_options_that_can_t_be_used_are_refused_before_anything_else(capsys, words, says):
    assert says in refused(capsys, *words)


BAD_NUMBERS = {
    "train x --out m": {
        "--vocab-size": ["1", "-3", "many"],
        "--units": ["0", "1.5", "1" + "0" * 30],
        "--layers": ["0"],
        "--heads": ["0"],
        "--context": ["1"],
        "--embedding-dim": ["0"],
        "--dropout": ["1", "-0.1", "nan"],
        "--epochs": ["0", "-1"],
        "--batch-size": ["0"],
        "--window": ["0"],
        "--learning-rate": ["0", "-1", "inf", "nan", "1e6"],
        "--seed": ["-1", "4294967296"],
        "--workers": ["0", "-1"],
        "--worker": ["-1"],
        "--timeout": ["0", "inf", "nan", "-inf"],
    },
    "generate m": {
        "--max-tokens": ["-1", "x"],
        "--temperature": ["0", "-1", "1e-310", "inf", "nan"],
        "--top-k": ["0"],
        "--top-p": ["0", "1.5"],
        "--seed": ["-1"],
        "--beam": ["0", "1001"],
    },
    "reply hello": {"--count": ["0"], "--temperature": ["0"], "--top-p": ["0", "2"], "--seed": ["-1"]},
    "summarise -": {"--sentences": ["0", "-1", "two"]},
}


def test_every_number_is_checked(capsys):
    """By the option's own name, before anything is read or printed."""
    for words, bad in BAD_NUMBERS.items():
        command = next(command for command in table.COMMANDS if command.name == words.split()[0])
        assert set(bad) == {option.flag for option in command.options if option.number}
        for flag, values in bad.items():
            for value in values:
                assert f"{flag} is {value[:40]}; it should be " in refused(capsys, *words.split(), f"{flag}={value}")
                assert f"{flag} is " in refused(capsys, *words.split(), flag, value)


def test_a_number_that_is_only_too_large_is_reported_as_such(capsys):
    said = refused(capsys, "generate", "m", "--max-tokens", "1000000000000")
    assert said.endswith("it should be a whole number of at least 0, and at most 2,147,483,647.\n")
    assert "at most" not in refused(capsys, "generate", "m", "--max-tokens=-1")


@pytest.fixture
def fake(monkeypatch):
    """A command ``do`` that hands over its options, or raises a given error."""
    got: list[argparse.Namespace] = []

    def do(options: argparse.Namespace) -> None:
        got.append(options)
        if fails:
            raise fails[0]

    fails: list[BaseException] = []
    options = (
        Option("text", "a text", "TEXT", default="none", nargs="?"),
        Option("--prompt", "a text", "TEXT"),
        Option("--top-k", "a number", "K", None, Number("small", most=5)),
        Option("--greedy", "a switch", default=False),
    )
    monkeypatch.setattr(table, "COMMANDS", (Command("do", do, "Do it.", options, ("do",)),))
    return got, fails


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        (["--prompt", "-x"], "-x"),
        (["--prompt=-x"], "-x"),
        (["--prompt=--"], "--"),
        (["--prompt", "-- he said"], "-- he said"),
        (["--prompt", "--nothing like it"], "--nothing like it"),
        (["--greedy", "--prompt", "-1"], "-1"),
        (["--prompt", "a=b"], "a=b"),
        (["--prompt", ""], ""),
    ],
)
def test_a_value_may_begin_with_a_dash(fake, words, prompt):
    got, _ = fake
    assert main(["do", *words]) == 0
    assert got[0].prompt == prompt and got[0].text == "none"


@pytest.mark.parametrize("text", ["- he said", "-5", "--nothing like it"])
def test_a_text_may_begin_with_a_dash_if_it_can_t_be_an_option(fake, text):
    got, _ = fake
    assert main(["do", text]) == 0 and got[0].text == text


def test_what_follows_two_dashes_is_a_text(fake):
    got, _ = fake
    assert main(["do", "--top-k", "3", "--", "-x"]) == 0
    assert (got[0].text, got[0].top_k, got[0].prompt) == ("-x", 3, None)
    assert got[0].given == {"text", "--top-k"}


# -- exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("No top_k of that size."), 2, "No --top-k of that size."),
        (WorkerLostError("Gone."), 3, "Gone."),
        (KeyboardInterrupt(), 130, "interrupted."),
        (TrainingInterrupted("The state is kept.", 15), 143, "The state is kept."),
        (MemoryError(), 2, "enough memory for this"),
        (PermissionError(13, "Permission denied", "m/model.json"), 2, "m/model.json: Permission denied."),
        (KeyError("x"), 1, "An unexpected error, KeyError: 'x' (test_cli.py, line "),
        (RuntimeError("Two\nlines"), 1, "RuntimeError: Two (test_cli.py, line "),
    ],
)
def test_every_error_is_reported_in_one_line(capsys, fake, error, code, says):
    fake[1].append(error)
    exit_code, out, err = run(capsys, "do")
    assert exit_code == code and not out
    assert says in err and err.strip().count("\n") == 0 and "Traceback" not in err


@pytest.mark.parametrize(
    "words", [["generate", "shakespeare-3gram"], ["corpora", "--fetch"], ["reply", "How are you?"]]
)
def test_a_bad_cache_folder_is_reported(capsys, tmp_path, monkeypatch, words):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "somewhere"):
        monkeypatch.setenv("GATE_BY_GATE_CACHE", str(place))
        assert str(place) in refused(capsys, *words)


def test_where_an_unexpected_error_happened_is_shown_on_request(fake, monkeypatch):
    fake[1].append(KeyError("x"))
    monkeypatch.setenv("GATE_BY_GATE_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["do"])


def test_names_of_functions_arguments_become_options():
    command = next(command for command in table.COMMANDS if command.name == "train")
    assert in_flags("Lower learning_rate (it is 1) or clip_norm.", command) == (
        "Lower --learning-rate (it is 1) or clip_norm."
    )
    assert in_flags("my_batch_size.txt is 3 units long.", command) == "my_batch_size.txt is 3 units long."


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_characters_that_the_output_lacks_are_shown_as_codes(monkeypatch):
    """For example with PYTHONIOENCODING=ascii, or in an old terminal."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", printed)
    assert main(["translate", "3 March 2021"]) == 0
    printed.flush()
    assert printed.buffer.getvalue().decode("ascii") == r"2021\u5e743\u67083\u65e5" + "\n"
    assert printed.errors == "strict", "the caller's stream is as it was"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_output_that_can_t_be_written_is_reported():
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "companion", "corpora"], stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT
        )
    assert ended.returncode == 2 and ended.stderr.decode().count("\n") == 1
    assert b"No space left on device" in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="a shell of its own kind")
def test_closed_outputs_aren_t_an_error():
    for closed, words, code, says in (
        (">&-", "corpora", 0, ""),
        ("2>&-", "corpora zug", 2, ""),
        ("<&- >&- 2>&-", "translate '3 March 2021'", 0, ""),
        (">&-", "corpora zug", 2, "There is no corpus 'zug'"),
    ):
        ended = started("sh", "-c", f'"$0" -m companion {words} {closed}', sys.executable)
        assert (ended.returncode, ended.stdout) == (code, "") and says in ended.stderr
        assert ended.stderr.count("\n") == bool(says)


def test_a_pipe_that_is_closed_early_ends_it_quietly():
    for arguments in (["corpora"], ["--help"]):
        command = subprocess.Popen(
            [sys.executable, "-m", "companion", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        command.stdout.close()
        assert command.stderr.read() == b"" and command.wait() == 0
        command.stderr.close()
