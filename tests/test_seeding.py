"""The same seed gives the same numbers, and TensorFlow uses the device that was asked for."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from execution import ENVIRONMENT

from companion.errors import UserError
from companion.seeding import check_seed, generator, set_seed, visible_gpus

ROOT = Path(__file__).resolve().parents[1]


def test_the_same_seed_gives_the_same_numbers():
    drawn = []
    for seed in (7, np.int64(7), np.uint8(7), 8):
        set_seed(seed, tensorflow=False)
        drawn.append((random.random(), np.random.random()))
    assert drawn[0] == drawn[1] == drawn[2] != drawn[3]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True, np.float64(1), [1]])
def test_a_bad_seed_is_reported(seed):
    with pytest.raises(UserError, match=r"The seed is .*; it should be a whole number from 0 to 4,294,967,295."):
        check_seed(seed)


def test_a_generator_is_numpy_s_and_its_seed_is_checked():
    for seed in (3, [3, 1], 2**40, np.int32(3)):
        assert generator(seed).random() == np.random.default_rng(seed).random()
    assert generator(None).random() != generator(None).random()
    for wrong in (-1, 1.5, [1, -1], "1"):
        with pytest.raises(UserError, match="at least 0"):
            generator(wrong)


@pytest.mark.parametrize(
    ("wanted", "gpus", "visible"),
    [
        ("cpu", ["a", "b"], []),
        ("cpu", [], []),
        ("gpu", ["a", "b"], ["a", "b"]),
        ("gpu:0", ["a", "b"], ["a"]),
        ("gpu:1", ["a", "b"], ["b"]),
    ],
)
def test_which_gpus_are_visible(wanted, gpus, visible):
    assert visible_gpus(wanted, gpus) == visible


@pytest.mark.parametrize(
    ("wanted", "gpus", "hidden", "says"),
    [
        ("gpu", [], None, "is gpu, but TensorFlow finds no GPU; set it to cpu or unset it"),
        ("gpu:0", [], "-1", r"finds no GPU \(CUDA_VISIBLE_DEVICES is '-1'\)"),
        ("gpu:2", ["a", "b"], None, "is gpu:2, but the last GPU TensorFlow finds is gpu:1"),
    ],
)
def test_a_missing_gpu_is_reported(monkeypatch, wanted, gpus, hidden, says):
    if hidden is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    with pytest.raises(UserError, match=says):
        visible_gpus(wanted, gpus)


def run(code, *path, **environment):
    """The output of another Python, both streams, without the settings of the book's own build."""
    unset = {"GATE_BY_GATE_DEVICE", "CUDA_VISIBLE_DEVICES"}
    environment = {name: value for name, value in os.environ.items() if name not in unset} | environment
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT]))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    return outcome.stdout


DEVICES = """
import os
from companion.errors import UserError
from companion.seeding import quiet_tensorflow
try:
    quiet_tensorflow()
    quiet_tensorflow()
    import tensorflow as tf
    tf.ones(1) + 1
    visible, there = tf.config.get_visible_devices("GPU"), tf.config.list_physical_devices("GPU")
    print(len(visible) if len(visible) != len(there) else "all", os.environ.get("CUDA_VISIBLE_DEVICES"))
except UserError as error:
    print(error)
"""


def test_by_default_no_device_is_hidden():
    """And nothing else is printed."""
    assert run(DEVICES) == "all None\n"
    assert run(DEVICES, GATE_BY_GATE_DEVICE="", CUDA_VISIBLE_DEVICES="-1") == "all -1\n"


def test_only_cpu_hides_the_gpus_and_from_this_process_alone():
    said = run(DEVICES, GATE_BY_GATE_DEVICE=" CPU ")
    assert said in ("0 None\n", "all None\n")  # none of some, or of none


def test_asking_for_a_gpu_without_one_gives_one_sentence():
    said = run(DEVICES, GATE_BY_GATE_DEVICE="gpu", CUDA_VISIBLE_DEVICES="-1")
    assert said.startswith("GATE_BY_GATE_DEVICE is gpu, but TensorFlow finds no GPU (CUDA_VISIBLE_DEVICES is '-1'); ")
    assert said.count("\n") == 1


TWO_GPUS = """
import logging, os
from types import SimpleNamespace
visible = ["first", "second"]
def show(devices, kind):
    if os.environ.get("STARTED"):
        raise RuntimeError("Visible devices cannot be modified after being initialized")
    visible[:] = devices
config = SimpleNamespace(
    list_physical_devices=lambda kind: ["first", "second"],
    get_visible_devices=lambda kind: list(visible),
    set_visible_devices=show,
)
get_logger = logging.getLogger
ones = lambda n: n
"""


@pytest.mark.parametrize(
    ("wanted", "started", "says"),
    [
        ("", "", "all None"),
        ("gpu", "", "all None"),
        ("gpu", "yes", "all None"),
        ("cpu", "", "0 None"),
        ("gpu:1", "", "1 None"),
        ("cpu", "yes", "GATE_BY_GATE_DEVICE=cpu comes too late: TensorFlow has begun to compute. Set it before Python"),
    ],
)
def test_one_of_two_gpus_can_be_chosen(tmp_path, wanted, started, says):
    """With a fake TensorFlow, which shows what it is asked for."""
    (tmp_path / "tensorflow.py").write_text(TWO_GPUS)
    assert run(DEVICES, tmp_path, GATE_BY_GATE_DEVICE=wanted, STARTED=started).startswith(says)


@pytest.mark.parametrize("value", ["cuda", "gpu:", "gpu:x", "gpu:-1", "0"])
def test_an_unknown_device_gives_one_sentence(value):
    said = run(DEVICES, GATE_BY_GATE_DEVICE=value)
    assert said == f"GATE_BY_GATE_DEVICE is '{value}'; it should be cpu, gpu, or one GPU by number, such as gpu:1.\n"


def test_another_backend_of_keras_is_refused_in_one_sentence():
    said = run(DEVICES, KERAS_BACKEND="torch")
    assert said == "KERAS_BACKEND is 'torch', but this package computes with tensorflow; unset it.\n"
    assert run(DEVICES, KERAS_BACKEND="").startswith("all ")


def test_the_book_is_built_on_the_cpu():
    assert ENVIRONMENT["GATE_BY_GATE_DEVICE"] == "cpu"


THREADS = """
import os
from companion.seeding import share_cores
os.sched_setaffinity(0, {0})
share_cores()
print(os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["TF_NUM_INTEROP_THREADS"])
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_cores_are_shared_by_two_operations_unless_the_environment_says_otherwise():
    unset = {"TF_NUM_INTRAOP_THREADS": "", "TF_NUM_INTEROP_THREADS": ""}
    clean = "import os\nfor name in ('TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'): del os.environ[name]\n"
    assert run(clean + THREADS, **unset) == "1 2\n"
    assert run(THREADS, TF_NUM_INTRAOP_THREADS="3", TF_NUM_INTEROP_THREADS="1") == "3 1\n"
