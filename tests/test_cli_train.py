"""`train`: a reader's text in, a model folder out; nothing is lost, and the suggested command works."""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import CATS, QUICK, refused, run, suggestion, trained

from companion import recipes
from companion.cli import memory
from companion.cli.train import MOST_WORDS, gpus, split
from companion.errors import UserError
from companion.recipes import load_model
from companion.storage import locked

FILES = ["model.json", "model.safetensors", "tokenizer.json"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "my.txt"
    path.write_text(CATS * 150, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("model"), CATS * 150)


def test_train_writes_a_folder_and_cleans_up(model):
    assert sorted(path.name for path in model.iterdir()) == FILES
    assert sorted(path.name for path in model.parent.iterdir()) == ["model", "my.txt"]


# The last twentieth of each text makes it hard to find a prompt.
ODD_TEXTS = {
    "word": ("Wherefore art thou Romeo, gentle Montague? " * 201, ["--tokenizer", "word"]),
    "few words": ("Wherefore art thou Romeo, gentle Montague? " * 201, ["--tokenizer", "word", "--vocab-size", "2"]),
    "bpe": ("猫坐在垫子上。" * 1000, ["--tokenizer", "bpe", "--vocab-size", "260"]),
    "CSV": ('"1","2"\n' * 1000, []),
    "blank end": (CATS * 150 + "\n" * 1000, []),
}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_what_is_suggested_works_when_it_is_pasted(capsys, tmp_path, monkeypatch, kind):
    """Even with a folder that has to be quoted."""
    text, more = ODD_TEXTS[kind]
    monkeypatch.chdir(tmp_path)
    Path("a text.txt").write_text(text, encoding="utf-8")
    out_folder = "it's\na model" if kind == "word" else "-model"
    code, out, err = run(capsys, "train", "a text.txt", "--out", out_folder, *QUICK, *more)
    assert (code, err) == (0, "") and "bits per character" in out
    words = suggestion(out)
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "") and len(out) > 400
    if "--prompt" in words:
        assert out.startswith(words[-1])
        assert words[-1].strip() in re.findall(r"\w+", text), "the test part begins within a word"


def test_train_a_transformer(capsys, text, tmp_path):
    sizes = ["--model", "transformer", "--layers", "1", "--heads", "2", "--context", "16"]
    code, out, _ = run(capsys, "train", text, "--out", tmp_path / "m", *sizes, *QUICK)
    assert code == 0 and "bits per character" in out
    code, out, _ = run(capsys, "generate", tmp_path / "m", "--prompt", "The cat " * 5, "--max-tokens", 5, "--seed", 1)
    assert code == 0 and out.startswith("The cat ")  # a prompt longer than the context
    said = refused(capsys, "train", text, "--out", tmp_path / "n", "--model", "transformer", "--heads", "3", *QUICK)
    assert "--units is 8, which 3 heads can't share" in said


def test_unknown_characters_are_charged(capsys, tmp_path):
    """With a vocabulary of two, nearly everything is unknown, and predicting "unknown" is no achievement."""
    (tmp_path / "t.txt").write_text(CATS * 150)
    code, out, _ = run(capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", "--vocab-size", 2, *QUICK)
    assert code == 0 and float(re.search(r"([\d.]+) bits per character", out)[1]) > 8
    assert load_model(tmp_path / "m").score.bits_per_character > 8, "as the model's own file says"


def test_the_usual_vocabulary_of_words_is_bounded(capsys, tmp_path):
    """Every further word adds a column of logits; what is left out counts as unknown and is spelt."""
    words = " ".join(f"{'abcdefghij'[n % 10]}{chr(97 + n // 10 % 26)}{chr(97 + n // 260 % 26)}{chr(97 + n // 6760)}"
                     for n in range(12_000))  # fmt: skip
    (tmp_path / "t.txt").write_text(words)
    code, out, _ = run(
        capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", "--tokenizer", "word", *QUICK, "--batch-size", "2"
    )
    assert code == 0 and f" {MOST_WORDS:,} tokens" in out
    assert load_model(tmp_path / "m").tokenizer.vocab_size == MOST_WORDS


# -- nothing is lost ---------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_without_the_option(capsys, text, model, tmp_path):
    before = (model / "model.safetensors").read_bytes()
    assert "exists already" in refused(capsys, "train", text, "--out", model, *QUICK)
    assert (model / "model.safetensors").read_bytes() == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    for more in ([], ["--overwrite"]):
        said = refused(capsys, "train", text, "--out", tmp_path / "photos", *more, *QUICK)
        assert "has other files in it but no model" in said
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    shutil.copytree(model, tmp_path / "photos", dirs_exist_ok=True)
    said = refused(capsys, "train", text, "--out", tmp_path / "photos", "--overwrite", *QUICK)
    assert "such as cat.jpg, which would be lost" in said and (tmp_path / "photos" / "cat.jpg").exists()


def test_overwrite_replaces_a_model_and_writes_where_a_link_leads(capsys, text, model, tmp_path):
    shutil.copytree(model, tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    code, _, _ = run(capsys, "train", text, "--out", tmp_path / "link", "--overwrite", *QUICK, "--seed", 1)
    assert code == 0 and load_model(tmp_path / "real").about["seed"] == 1
    assert (tmp_path / "link").is_symlink() and sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_lasts(capsys, text, tmp_path):
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "m", doing="training into"):
            begun.set()
            end.wait()

    other = threading.Thread(target=hold)
    other.start()
    begun.wait()
    try:
        said = refused(capsys, "train", text, "--out", tmp_path / "m", *QUICK)
    finally:
        end.set()
        other.join()
    assert "Another process is already training into" in said and not (tmp_path / "m").exists()


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_a_model_that_appeared_meanwhile_is_not_overwritten(capsys, text, model, tmp_path, monkeypatch, more):
    """By another machine, which doesn't see locks: the later run keeps its model next to it, and says so."""
    trains = recipes.train_language_model

    def meanwhile(*given, **more):
        shutil.copytree(model, tmp_path / "m")
        return trains(*given, **more)

    monkeypatch.setattr(recipes, "train_language_model", meanwhile)
    code, out, err = run(capsys, "train", text, "--out", tmp_path / "m", *QUICK, "--seed", 7, *more)
    seeds = {path.name: load_model(path).about["seed"] for path in tmp_path.iterdir() if path.is_dir()}
    assert "bits per character" in out
    if more:
        assert code == 0 and seeds == {"m": 7}
    else:
        assert code == 2 and seeds == {"m": 0, "m-2": 7} and f"{tmp_path / 'm-2'}" in err
    assert not list(tmp_path.glob("*.npz")), "the training is over, so its checkpoint goes"


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("", "is empty"),
        ("/", "root of the file system"),
        (".", "has other files in it but no model"),
        ("my.txt", "is a file"),
        ("my.txt/model", "is a file, not a folder"),
        ("x" * 245, "name is too long"),
        ("x" * 300, "name is too long"),
        ("/proc/model", "Can't write /proc/model"),
    ],
)
def test_a_place_that_can_t_be_written_to_is_reported_before_training(capsys, text, tmp_path, monkeypatch, out, says):
    monkeypatch.chdir(tmp_path)
    shutil.copy(text, "my.txt")
    for more in ([], ["--overwrite"]):
        assert says in refused(capsys, "train", "my.txt", "--out", out, *QUICK, *more)
    assert not list(tmp_path.rglob("model.json"))


@pytest.fixture
def as_anybody():
    """Run a command as a user who is bound by permissions: even root can drop its privilege."""
    without = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if not shutil.which("setpriv"):
            pytest.skip("the superuser may read and write everything")

    def run_command(*words) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-m", "companion"]
        return subprocess.run([*without, *python, *map(str, words)], capture_output=True, text=True)

    return run_command


@pytest.mark.skipif(os.name != "posix", reason="permissions differ")
def test_missing_permissions_are_reported(text, model, tmp_path, as_anybody):
    shutil.copytree(model, tmp_path / "model")
    shutil.copy(text, tmp_path / "my.txt")
    (tmp_path / "locked").mkdir()
    for closed, words, says in (
        ("locked", ["train", tmp_path / "my.txt", "--out", tmp_path / "locked" / "m"], "may not be written to"),
        ("model", ["train", tmp_path / "my.txt", "--out", tmp_path / "model", "--overwrite"], "may not be written to"),
        ("model", ["generate", tmp_path / "model"], "Permission denied"),
        ("model/model.json", ["generate", tmp_path / "model"], "may not be read"),
        ("model/tokenizer.json", ["evaluate", tmp_path / "model", text], "tokenizer.json"),
        ("my.txt", ["evaluate", "grammar-tiny", tmp_path / "my.txt"], "may not be read"),
    ):
        mode = (tmp_path / closed).stat().st_mode
        (tmp_path / closed).chmod(0)
        try:
            ended = as_anybody(*words)
        finally:
            (tmp_path / closed).chmod(mode)
        assert ended.returncode == 2 and says in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr


def test_the_current_folder_can_be_written_to_if_it_is_empty(capsys, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "train", text, "--out", ".", *QUICK)
    assert code == 0 and sorted(os.listdir()) == FILES
    assert run(capsys, *suggestion(out), "--max-tokens", 2)[0] == 0
    assert "exists already" in refused(capsys, "train", text, "--out", ".", *QUICK)


@pytest.fixture
def mounted(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    try:
        mount = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True)
    except OSError:
        pytest.skip("nothing can be mounted here")
    if mount.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_mounted_folder_gets_a_model(capsys, text, mounted):
    """Like a container's volume: the checkpoint of an interrupted run is in it too, and isn't in the way."""
    (mounted / "lost+found").mkdir()
    (mounted / "checkpoint.npz").write_bytes(b"no checkpoint")
    assert "is damaged" in refused_after_it_began(capsys, "train", text, "--out", mounted, *QUICK)
    (mounted / "checkpoint.npz").unlink()
    assert run(capsys, "train", text, "--out", mounted, *QUICK)[0] == 0
    assert sorted(os.listdir(mounted)) == ["lost+found", *FILES]
    assert os.listdir(mounted.parent) == ["volume"]


def refused_after_it_began(capsys, *words) -> str:
    code, _, err = run(capsys, *words)
    assert code == 2 and err.count("\n") == 1
    return err


# -- sizes and workers -------------------------------------------------------------------------------------------------


def test_a_network_that_the_memory_can_t_hold_is_refused(capsys, text, tmp_path):
    for more in (["--units", "1000000"], ["--model", "transformer", "--units", "1000000", "--layers", "100"]):
        said = refused(capsys, "train", text, "--out", tmp_path / "m", *more)
        assert "GB of memory, but this machine has" in said and "Lower --units" in said
        assert ("--context" in said) == ("transformer" in more), "what can be lowered"


# The peak memory of a training run in GB, and its kind, sizes, streams and window; the rest are defaults.
LSTM, TRANSFORMER = "language model", "transformer"
MEASURED = [
    (1.84, LSTM, {"vocab_size": 49_892, "embedding_dim": 64, "units": 16}, 64, 64),
    (0.84, LSTM, {"vocab_size": 85, "embedding_dim": 64, "units": 256}, 64, 64),
    (1.31, LSTM, {"vocab_size": 10_000, "embedding_dim": 64, "units": 256}, 64, 64),
    (5.18, LSTM, {"vocab_size": 85, "embedding_dim": 64, "units": 2048, "num_layers": 2}, 32, 32),
    (2.81, TRANSFORMER, {"vocab_size": 85, "hidden_dim": 512, "num_layers": 6, "num_heads": 8, "context": 128}, 32, 64),
    (
        1.94,
        TRANSFORMER,
        {"vocab_size": 85, "hidden_dim": 256, "num_layers": 4, "num_heads": 4, "context": 512},
        16,
        256,
    ),
]


@pytest.mark.parametrize(("gigabytes", "kind", "sizes", "streams", "window"), MEASURED)
def test_the_memory_that_training_takes_is_estimated(gigabytes, kind, sizes, streams, window):
    estimate = memory.training_bytes(kind, sizes | {"dropout": 0.1}, streams * window) / 1e9
    assert gigabytes / 2 < estimate < gigabytes * 2


def test_little_free_memory_is_a_warning(capsys, monkeypatch):
    wants = (LSTM, {"vocab_size": 85, "units": 4096, "num_layers": 2}, 64 * 64)  # about 15 GB
    monkeypatch.setattr(memory, "total_memory", lambda: 64e9)
    monkeypatch.setattr(memory, "free_memory", lambda: 32e9)
    memory.check_memory(*wants)
    assert capsys.readouterr().err == ""
    memory.check_memory(*wants, workers=3)
    assert ", but only 32.0 GB are free; " in capsys.readouterr().err
    monkeypatch.setattr(memory, "free_memory", lambda: 2e9)
    memory.check_memory(*wants)
    assert ", but only 2.0 GB are free; " in capsys.readouterr().err
    monkeypatch.setattr(memory, "total_memory", lambda: 8e9)
    with pytest.raises(UserError, match=r" GB of memory, but this machine has 8\.0 GB\. Lower --units"):
        memory.check_memory(*wants)


def test_a_gpu_is_named_if_one_is_used(monkeypatch):
    """Nothing is printed on a machine without one."""
    import tensorflow as tf

    found = [tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")]
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: found if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "Big One"})
    assert gpus() == ", on Big One"
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    assert gpus() == ""


def test_more_workers_than_the_memory_holds_are_refused_before_one_is_started(capsys, text, tmp_path, monkeypatch):
    monkeypatch.setattr("companion.cli.train.Crew", None)  # whoever starts it fails
    said = refused(capsys, "train", text, "--out", tmp_path / "m", "--workers", "1000000", *QUICK)
    assert "1,000,000 workers take at least 700,000.0 GB of memory, but this machine has" in said
    assert not (tmp_path / "m").exists()
    monkeypatch.setattr(memory, "total_memory", lambda: 8e9)
    memory.check_workers(11)
    with pytest.raises(UserError, match="--workers can be at most 11"):
        memory.check_workers(12)


def test_workers_can_t_share_a_pipe(capsys, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = refused(capsys, "train", tmp_path / "pipe", "--out", tmp_path / "m", "--workers", "2")
    assert "2 workers can read" in said


def test_the_split_keeps_everything_once():
    text = "".join(chr(97 + n % 26) for n in range(9_999))
    assert "".join(split(text, "t")) == text
    with pytest.raises(UserError, match="at least 5,000"):
        split(text[:4_999], "t")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hosts", "a:1,a:1", "--worker", "0"], "same address"),
        (["--hosts", "a:1,b:2", "--worker", "2"], "no worker 2"),
        (["--hosts", "a,b:2", "--worker", "0"], "'a'"),
    ],
)
def test_bad_addresses_are_reported(capsys, text, tmp_path, words, says):
    assert says in refused(capsys, "train", text, "--out", tmp_path / "m", *words)


def test_a_training_run_that_explodes_names_the_option(capsys, tmp_path, monkeypatch):
    """The message says --learning-rate, not learning_rate as functions do."""

    def runs_away(*given, **more):
        raise UserError("Lower learning_rate (it is 1.0) or clip_norm.")

    monkeypatch.setattr(recipes, "train_language_model", runs_away)
    (tmp_path / "t.txt").write_text(CATS * 150)
    said = refused_after_it_began(capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", *QUICK)
    assert "Lower --learning-rate (it is 1.0)" in said


def test_a_text_that_is_too_short_for_the_settings_names_the_options(capsys, text, tmp_path):
    said = refused_after_it_began(capsys, "train", text, "--out", tmp_path / "m", *QUICK, "--batch-size", "100000")
    assert said.endswith("Give more text, a smaller --batch-size, or a shorter window.\n")


def test_a_worker_suggests_the_program_that_its_launcher_was_called_as(capsys, text, tmp_path):
    _, out, _ = run(capsys, "train", text, "--out", tmp_path / "m", *QUICK, "--program", "the way")
    assert "Try: the way generate" in out
