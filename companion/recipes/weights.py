"""Weights as a safetensors file: plain arrays with names, checked before anything is allocated for them.

The file is a header of JSON, which has the type, shape and place of each array, and then their bytes; no code runs when
it is read. Format: https://github.com/huggingface/safetensors

In 8 bits a matrix is stored as whole numbers from -127 to 127, and beside it, as ``<name>.scale``, what a step of each
of its columns is worth. A column is what one gate of one unit hears, so a loud one costs its neighbours no precision.
"""

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion.errors import UserError

if TYPE_CHECKING:
    import keras

LARGEST_HEADER = 2**20  # bytes; ten times that of a Transformer of a hundred blocks
LARGEST_HALF = 65_504.0  # the largest number of 16 bits
LARGEST_BYTE = 127  # the largest number of 8 bits with a sign; -128 isn't used
SCALE = ".scale"
ITEM_SIZES = {"I8": 1, "F16": 2, "F32": 4}
BITS = (32, 16, 8)  # that the numbers of a matrix may have
CELLS = {"lstm_cell", "gru_cell", "simple_rnn_cell"}  # a recurrent layer's only part, so its name says nothing


class Stored(NamedTuple):
    """A file's description of one array."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def named_weights(model: "keras.Model") -> "dict[str, keras.Variable]":
    """The variables that training changes, by name: ``embedding/embeddings``, ``lstm_1/kernel``, ``block_2/up/bias``.

    The names don't include that of the network itself; the random state of a dropout layer isn't included.
    """
    named = {}
    for variable in model.trainable_variables:
        parts = [part for part in variable.path.split("/") if part not in CELLS]
        named["/".join(parts[1:] if parts[0] == model.name else parts)] = variable
    assert len(named) == len(model.trainable_variables)
    return named


def packed(arrays: dict[str, np.ndarray], bits: int = 32) -> bytes:
    """The bytes of a safetensors file, in which a number has 32 or 16 bits; or 8 in matrices, and 16 elsewhere.

    Raises
    ------
    UserError
        A number is infinite or nan, or too large for 16 bits; or there are no such numbers.
    """
    from safetensors.numpy import save

    if bits not in BITS:
        raise UserError(f"Weights can't be stored in {bits!r} bits; they can in {', '.join(map(str, BITS))}.")
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        largest = float(np.abs(array).max(initial=0))
        if not math.isfinite(largest):
            raise UserError(f"The weights {name} have a number that is infinite or nan; train with shorter steps.")
        if bits == 8 and array.ndim > 1:
            stored |= _in_bytes(name, array)
            continue
        if bits < 32 and largest > LARGEST_HALF:
            raise UserError(
                f"The weights {name} have a number of {largest:,.0f}, but 16 bits hold none above 65,504; save the "
                "model in 32 bits."
            )
        stored[name] = np.asarray(array, np.float32 if bits == 32 else np.float16, order="C")
    return save(stored)


def _in_bytes(name: str, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """A matrix as numbers of 8 bits and the scales of its columns."""
    largest = np.abs(matrix).max(axis=tuple(range(matrix.ndim - 1)))
    scale = np.where(largest > 0, largest / LARGEST_BYTE, 1).astype(np.float32)
    whole = np.rint(matrix / scale).clip(-LARGEST_BYTE, LARGEST_BYTE)
    return {name: np.asarray(whole, np.int8, order="C"), name + SCALE: scale}


def count_stored(described: dict[str, Stored]) -> int:
    """How many weights a file holds; scales aren't weights."""
    return sum(math.prod(stored.shape) for name, stored in described.items() if not name.endswith(SCALE))


def read_header(path: Path) -> dict[str, Stored]:
    """A safetensors file's description of its arrays, which has to cover the file to the last byte.

    Raises
    ------
    UserError
        It doesn't; the message is the reason.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(LARGEST_HEADER, size - 8):
            raise UserError(f"{path.name} is too short, or isn't a safetensors file")
        text = file.read(length)
    try:
        header = json.loads(text)
        described = {name: _stored(entry) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"the header of {path.name} isn't that of a safetensors file") from None
    end = 0
    for name, stored in sorted(described.items(), key=lambda item: item[1].start):
        if stored.start != end or stored.end - end != math.prod(stored.shape) * ITEM_SIZES[stored.dtype]:
            raise UserError(f"the place of {name!r} in the header of {path.name} doesn't fit its shape"[:200])
        end = stored.end
    if 8 + length + end != size:
        raise UserError(f"{path.name} doesn't have the length that its header says")
    return described


def _stored(entry: Any) -> Stored:
    dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    whole = [type(number) is int and number >= 0 for number in (start, end, *shape)]
    if dtype not in ITEM_SIZES or not isinstance(shape, list) or len(shape) > 4 or not all(whole):
        raise ValueError
    return Stored(dtype, tuple(shape), start, end)


def unpacked(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file whose header was checked; those in 8 bits are multiplied by their scales.

    Raises
    ------
    UserError
        The arrays can't be read, or one in 8 bits has no scale that fits.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    except SafetensorError as error:
        raise UserError(f"its weights can't be read ({error})") from None
    for name in [name for name, array in arrays.items() if array.dtype == np.int8]:
        scale = arrays.pop(name + SCALE, None)
        if scale is None or scale.dtype != np.float32 or scale.shape != arrays[name].shape[-1:]:
            raise UserError(f"its weights {name} have no scale that fits")
        arrays[name] = arrays[name] * scale
    return arrays
