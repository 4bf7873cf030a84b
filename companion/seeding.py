"""Same seed, same result: one call that every chapter starts with."""

import importlib
import os
import random
import sys
from typing import Any

import numpy as np

from companion.errors import UserError

LARGEST = 2**32 - 1  # what NumPy's and Keras's seeds can be


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up messages; every function that needs it calls this first.

    Some are printed before any log level counts, straight to the process's standard error, so that is put aside
    while the import lasts.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            tensorflow = importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    tensorflow.get_logger().setLevel("ERROR")


def check_seed(seed: Any) -> None:
    """Raise a `UserError` if this is no seed: a whole number from 0 to `LARGEST`."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= LARGEST:
        raise UserError(f"The seed is {seed}; it should be a whole number from 0 to {LARGEST:,}.")


def generator(seed: Any) -> np.random.Generator:
    """``np.random.default_rng``, which says in a sentence what is no seed: one or several whole numbers, or None."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise UserError(f"The seed is {seed}; it should be a whole number of at least 0.") from None


def set_seed(seed: int, tensorflow: bool = True) -> None:
    """Seed Python, NumPy and Keras, and make TensorFlow's operations deterministic.

    Parameters
    ----------
    seed
        A whole number from 0 to `LARGEST`.
    tensorflow
        Chapters that need no network pass ``False`` and start a few seconds sooner.

    Raises
    ------
    UserError
        It is no such number.
    """
    check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    if tensorflow:
        quiet_tensorflow()
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
