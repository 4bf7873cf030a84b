"""Same seed, same result: one call that every chapter starts with; and TensorFlow, quiet and on the right device."""

import contextlib
import functools
import importlib
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from companion.errors import UserError

LARGEST = 2**32 - 1  # the largest seed of NumPy and Keras
DEVICE_VARIABLE = "GATE_BY_GATE_DEVICE"

Device = TypeVar("Device")


class DeviceError(UserError):
    """The environment asks for a device, or a backend of Keras, that can't be had."""


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up messages; every function that needs it calls this first.

    Some messages are printed before any log level applies, straight to the process's standard error, which is
    redirected during the import.

    TensorFlow uses the devices that it finds, unless the environment variable ``GATE_BY_GATE_DEVICE`` says otherwise:
    ``cpu`` hides the GPUs, ``gpu`` asks for one, ``gpu:1`` shows only the second. The book is built with ``cpu``, and
    its numbers are a CPU's: a GPU adds in a different order, so the last digits differ, and training magnifies them.

    Raises
    ------
    DeviceError
        ``GATE_BY_GATE_DEVICE`` has another value, or names a GPU that TensorFlow doesn't find; or ``KERAS_BACKEND``
        names another backend than TensorFlow.
    """
    wanted = os.environ.get(DEVICE_VARIABLE, "").strip().lower()
    if not re.fullmatch(r"(cpu|gpu(:[0-9]{1,4})?)?", wanted):
        raise DeviceError(
            f"{DEVICE_VARIABLE} is {wanted!r}; it should be cpu, gpu, or one GPU by number, such as gpu:1."
        )
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise DeviceError(f"KERAS_BACKEND is {backend!r}, but this package computes with tensorflow; unset it.")
    os.environ["KERAS_BACKEND"] = backend  # it counts before the reader's own configuration of Keras
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _stderr_aside():
            tensorflow = importlib.import_module("tensorflow")
            tensorflow.get_logger().setLevel("ERROR")
            _use_device(wanted)  # which has TensorFlow look for GPUs, and talk about it
    _use_device(wanted)


def share_cores() -> None:
    """Have TensorFlow run two operations at a time, each on half of the cores, as training an LSTM is fastest.

    The LSTM reads a batch in two halves (`companion.models.lstm`), of which each can have its core; by itself
    TensorFlow would give every small product all cores. It counts only before TensorFlow is imported, and the
    environment variables ``TF_NUM_INTRAOP_THREADS`` and ``TF_NUM_INTEROP_THREADS`` come first.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores() // 2)))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _stderr_aside() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@functools.cache
def _use_device(wanted: str) -> None:
    if not wanted:
        return
    import tensorflow as tf

    visible = visible_gpus(wanted, tf.config.list_physical_devices("GPU"))
    if wanted == "gpu" or visible == tf.config.get_visible_devices("GPU"):
        return
    try:
        tf.config.set_visible_devices(visible, "GPU")
    except RuntimeError:
        raise DeviceError(
            f"{DEVICE_VARIABLE}={wanted} comes too late: TensorFlow has begun to compute. Set it before Python starts."
        ) from None


def visible_gpus(wanted: str, gpus: Sequence[Device]) -> list[Device]:
    """The GPUs that TensorFlow may use, of those that it finds.

    Parameters
    ----------
    wanted
        ``"cpu"``, ``"gpu"``, or one GPU by its number, such as ``"gpu:1"``; see `quiet_tensorflow`.
    gpus
        All that TensorFlow finds.

    Raises
    ------
    DeviceError
        There is no such GPU.

    Examples
    --------
    >>> visible_gpus("gpu:1", ["the first", "the second"])
    ['the second']
    """
    if wanted == "cpu":
        return []
    if not gpus:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES is {hidden!r})"
        raise DeviceError(
            f"{DEVICE_VARIABLE} is {wanted}, but TensorFlow finds no GPU{why}; set it to cpu or unset it."
        )
    if wanted == "gpu":
        return list(gpus)
    number = int(wanted.removeprefix("gpu:"))
    if number >= len(gpus):
        raise DeviceError(f"{DEVICE_VARIABLE} is {wanted}, but the last GPU TensorFlow finds is gpu:{len(gpus) - 1}.")
    return [gpus[number]]


def check_seed(seed: object) -> None:
    """Raise a `UserError` unless the seed is a whole number from 0 to `LARGEST`."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed <= LARGEST:
        raise UserError(f"The seed is {seed}; it should be a whole number from 0 to {LARGEST:,}.")


def generator(seed: int | Sequence[int] | np.random.Generator | None) -> np.random.Generator:
    """Like ``np.random.default_rng(seed)``, but raises a `UserError` for a seed that it doesn't take.

    A seed is None (a different sequence each time), a whole number of at least 0, or several of them.
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise UserError(f"The seed is {seed}; it should be a whole number of at least 0.") from None


def set_seed(seed: int, tensorflow: bool = True) -> None:
    """Seed Python, NumPy and Keras, and make TensorFlow's operations deterministic.

    On a CPU, and with the same number of threads, the same seed then gives the same result to the last digit. The
    same holds on GPUs of one kind, except that the few operations without a deterministic version raise an error there.

    Parameters
    ----------
    seed
        A whole number from 0 to `LARGEST`; a NumPy integer will do.
    tensorflow
        Chapters that need no network pass ``False`` and start a few seconds sooner.

    Raises
    ------
    UserError
        The seed isn't such a number.
    """
    check_seed(seed)
    seed = int(seed)
    random.seed(seed)
    np.random.seed(seed)
    if tensorflow:
        quiet_tensorflow()
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
