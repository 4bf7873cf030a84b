"""Weights as version 1 of the format had them: ``weights.npz``, arrays in the order of the network's weights."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError


def read_npz(path: Path, count: int) -> list[np.ndarray]:
    """The arrays of a file, which must have ``count`` numbers; the headers are read before any array is allocated.

    Raises
    ------
    UserError
        There are more or fewer numbers, or the file isn't of that format; the message is the reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [f"weight_{n:02d}.npy" for n in range(len(archive.namelist()))]
            headers = [_header(archive, member) for member in members]
            if sum(math.prod(shape) for shape, _ in headers) == count:
                return [_array(archive, member, *header) for member, header in zip(members, headers, strict=True)]
    except Exception as error:  # a damaged archive can raise anything
        raise UserError(f"{path.name} can't be read ({type(error).__name__})") from None
    raise UserError(f"the sizes in model.json are not those of {path.name}")


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    if by_columns or dtype not in (np.float16, np.float32) or any(size < 0 for size in shape):
        raise ValueError
    return shape, dtype


def _array(archive: zipfile.ZipFile, member: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    with archive.open(member) as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        size = math.prod(shape) * dtype.itemsize
        data = file.read(size)
        if len(data) != size or file.read(1):
            raise ValueError
    return np.frombuffer(data, dtype).reshape(shape)
