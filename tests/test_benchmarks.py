"""Every benchmark script can be started today, and its results are on file."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from companion import results
from companion.models import language_model, transformer_model
from companion.training import TrainingConfig

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
RESULTS = sorted(results.FOLDER.glob("*.json"))
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


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
