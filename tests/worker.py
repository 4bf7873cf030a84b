"""What `test_workers` lets two workers train: run as ``python worker.py INDEX HOSTS FOLDER``, or imported for one.

Starting a worker takes far longer than the tiny trainings, so one pair of workers does all of them.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from companion import set_seed
from companion.models import language_model, transformer_model
from companion.training import Alone, Cluster, History, Team, TrainingConfig, TrainingInterrupted, fit, join

CONFIG = TrainingConfig(
    epochs=2, batch_size=4, window=8, learning_rate=1e-2, warmup_steps=5, average=0.9, evaluations=2
)
IDS = (np.cumsum(np.random.default_rng(0).integers(1, 3, 1200)) % 6).astype(np.int32)
MODELS = {
    "lstm": lambda: language_model(6, embedding_dim=4, units=8, dropout=0.2),
    "transformer": lambda: transformer_model(6, hidden_dim=8, num_layers=2, num_heads=2, context=8, dropout=0.2),
}


def train(name: str, team: Alone, checkpoint: Path | None = None) -> list[np.ndarray]:
    """Losses and weights at the end of a training run."""
    set_seed(4)
    model = MODELS[name]()
    history: History = fit(model, IDS, IDS[:300], CONFIG, checkpoint, progress=False, team=team)
    losses = [history.column(column) for column in ("training_loss", "validation_loss")]
    return [*losses, *(v.numpy() for v in model.trainable_variables)]


@contextlib.contextmanager
def interrupted(team: Team, look: int) -> Iterator[None]:
    """SIGTERM comes at this worker's nth look."""
    original, looks = team.from_chief, []

    def from_chief(data: bytes) -> bytes:
        looks.append(data)
        if len(looks) == look:
            signal.raise_signal(signal.SIGTERM)
        return original(data)

    team.from_chief = from_chief  # type: ignore[method-assign]
    yield
    team.from_chief = original  # type: ignore[method-assign]


def main(index: str, hosts: str, folder: str) -> None:
    """Train everything as one of the workers; worker 0 writes the results."""
    checkpoint = Path(folder) / "checkpoint.npz"
    with join(Cluster(tuple(hosts.split(",")), int(index)), {}, timeout=300) as team:
        found = {name: train(name, team) for name in MODELS}
        said = ""
        with interrupted(team, 4) if team.index else contextlib.nullcontext():
            try:
                train("lstm", team, checkpoint)
            except TrainingInterrupted as error:
                said = str(error)
        print(said)
        found["resumed"] = train("lstm", team, checkpoint)
        if team.index == 0:
            arrays = {f"{name}_{n}": array for name, run in found.items() for n, array in enumerate(run)}
            np.savez(Path(folder) / "found.npz", **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
