"""The state of a training run as one file: named arrays and a description, in NumPy's npz format, without pickles."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.training.settings import CheckpointError

ABOUT = "about"


def packed(about: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """The content of a checkpoint: plain values and named arrays.

    >>> about, arrays = unpacked(packed({"step": 3}, {"weights": np.ones(2)}))
    >>> about, arrays["weights"].tolist()
    ({'step': 3}, [1.0, 1.0])
    """
    buffer = io.BytesIO()
    values: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(buffer, **values | {ABOUT: np.array(json.dumps(about))})
    return buffer.getvalue()


def unpacked(data: bytes, name: str | Path = "of another worker") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The values and arrays that `packed` put into this content.

    Each array is stored uncompressed with its checksum, so nothing is larger in memory than in the file.

    Parameters
    ----------
    data
        The content.
    name
        What to call the checkpoint in the message.

    Raises
    ------
    CheckpointError
        The content isn't a checkpoint, or is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("compressed")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            about = json.loads(str(file[ABOUT]))
            arrays = {key: file[key] for key in file.files if key != ABOUT}
        if not isinstance(about, dict):
            raise ValueError("no description")
    except Exception as error:  # a damaged file can raise anything
        raise damaged(name, type(error).__name__) from error
    return about, arrays


def damaged(name: str | Path, reason: str) -> CheckpointError:
    """The error for a damaged checkpoint."""
    return CheckpointError(f"The checkpoint {name} is damaged ({reason}); delete it to start from the beginning.")


def content_of(path: Path | None) -> bytes | None:
    """The content of a checkpoint file; None if there is no file.

    Raises
    ------
    UserError
        It can't be read.
    """
    if not path:
        return None
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(
            f"The checkpoint {path} can't be read ({error.strerror}); make it readable, or choose another file."
        ) from error
