"""Every benchmark script can be started today, and its results are on file."""

import doctest
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from companion import results
from companion.models import language_model, transformer_model
from companion.training import TrainingConfig

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
RESULTS = sorted(results.FOLDER.glob("*.json"))
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
sys.path.append(
    str(FOLDER)
)  # after the libraries, since some scripts have the name of one; ``speed`` imports ``peers``


def threads() -> dict[str, str]:
    """The settings for the number of threads of libraries."""
    return {name: value for name, value in os.environ.items() if "THREADS" in name or "PARALLELISM" in name}


def script(name: str):
    """The script as a module, without running it."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_can_be_imported_and_says_where_its_results_are(name):
    before = threads()
    module = script(name)
    assert threads() == before, "they are set when it runs"
    assert callable(module.main)
    written = [path for path in RESULTS if f"``companion/data/results/{path.name}``" in module.__doc__]
    assert len(written) == 1, module.__doc__


def test_all_results_have_a_script():
    texts = [(FOLDER / f"{name}.py").read_text("utf-8") for name in SCRIPTS]
    assert RESULTS
    for path in RESULTS:
        assert any(f"results/{path.name}" in text for text in texts), path.name


def test_every_part_of_the_transformers_is_on_file():
    module = script("transformers")
    assert module.PARTS.keys() <= results.read_results("transformers").keys()


def test_updates_are_timed():
    """A regression test: this part once missed a changed signature."""
    module = script("transformers")
    vocab, _ = module.plays()
    config = TrainingConfig(batch_size=2, window=8)
    models = {"lstm": language_model(vocab, 4, 4), "transformer": transformer_model(vocab, 8, 1, 2, 8)}
    found = module.update_seconds({kind: (model, config) for kind, model in models.items()}, turns=1)
    assert all(found[kind][clock] > 0 for kind in models for clock in ("processor", "clock"))


# -- speed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["summary", "serving"])
def test_the_examples_of_the_race_hold(name):
    failed, tried = doctest.testmod(importlib.import_module(f"peers.{name}"))
    assert tried and not failed


def test_the_race_runs_and_says_what_it_leaves_out(tmp_path):
    command = [sys.executable, str(FOLDER / "speed.py"), "--quick", "--only", "training,generation,loss"]
    no_torch = ["--torch", str(tmp_path / "python"), "--folder", str(tmp_path)]
    ran = subprocess.run(command + no_torch, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("Give --torch a Python that has PyTorch.") == 1
    found = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert found.keys() >= {"processor", "machine", "versions", "runs", "peak", "training", "generation", "loss"}
    lstm, transformer = found["training"]
    both = {"ours_float32"} if found["processor"]["bfloat16"] else set()
    assert lstm["characters_per_second"].keys() == {"ours", "keras", "numpy"} | both
    assert lstm["times_as_fast_as"].keys() == {"keras", "numpy"} | both
    assert transformer["characters_per_second"].keys() == {"ours"}
    for row in found["training"] + found["generation"]:
        for rate in row["characters_per_second"].values():
            assert 0 < rate["low"] <= rate["median"] <= rate["high"]
    assert found["loss"]["curves"]["ours"][-1]["loss"] < 4


def test_a_contestant_that_ends_is_left_out_with_a_sentence(capsys):
    from peers.pool import Contestant, Pool, Settings

    with Pool(Settings(rounds=2), 1) as pool:
        sizes = {"vocab_size": 5, "embedding_dim": 2, "units": 2}
        fine = Contestant("fine", "with_numpy", "training", {"sizes": sizes, "batch": 1, "window": 2})
        wrong = Contestant("wrong", "with_numpy", "training", {"sizes": sizes, "batch": 0, "window": "two"})
        missing = Contestant("missing", "with_nothing", "training", {})
        assert pool.race([wrong, missing, fine], 2, 0.0).keys() == {"fine"}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[0].startswith("wrong (training) isn't measured. It failed with ")
    assert said[1].endswith("No module named 'peers.with_nothing'")


def test_results_of_another_machine_are_not_kept(tmp_path, capsys):
    speed = script("speed")
    (tmp_path / "speed.json").write_text('{"processor": {"name": "an abacus"}, "loss": {}}')
    speed.main(["--quick", "--only", "scoring", "--folder", str(tmp_path)])
    found = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert "loss" not in found and found["runs"].keys() == {"scoring"}
    assert "second call" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [["--only", "flying"], ["--cores", "0"], ["--cores", "many"], ["--rounds", "0"], ["--seconds", "-1"]]
)
def test_options_that_can_t_be_used_are_told_in_a_sentence(options):
    with pytest.raises(SystemExit, match=r"there are|expected|above 0"):
        script("speed").main(["--quick", *options])
