"""Same seed, same result: one call that every chapter starts with."""

import os
import random

import numpy as np


def quiet_tensorflow() -> None:
    """Keep TensorFlow's start-up messages off the page; call it before TensorFlow is first imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def set_seed(seed: int, tensorflow: bool = True) -> None:
    """Seed Python, NumPy and Keras, and make TensorFlow's operations deterministic.

    Parameters
    ----------
    seed
        Any non-negative integer.
    tensorflow
        Chapters that need no network pass ``False`` and start a few seconds sooner.
    """
    random.seed(seed)
    np.random.seed(seed)
    if tensorflow:
        quiet_tensorflow()
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
