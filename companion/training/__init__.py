"""How the book trains: settings, batches, tasks, the loop, one worker or many."""

from companion.training.batches import (
    dataset,
    share,
    windows,
)
from companion.training.crew import (
    Crew,
    end_with_parent,
    free_ports,
    report,
)
from companion.training.loop import (
    Trainer,
    fit,
    fit_pairs,
)
from companion.training.meeting import (
    EXIT_BAD_INPUT,
    EXIT_LOST,
    HELLO,
    KNOCK,
    LONGEST_HELLO,
    LOOPBACK,
    Cluster,
    WorkerLostError,
)
from companion.training.settings import (
    PROGRESS_VARIABLE,
    CheckpointError,
    History,
    TrainingConfig,
)
from companion.training.team import (
    Alone,
    Team,
    join,
    share_dropout,
)

__all__ = [
    "EXIT_BAD_INPUT",
    "EXIT_LOST",
    "HELLO",
    "KNOCK",
    "LONGEST_HELLO",
    "LOOPBACK",
    "PROGRESS_VARIABLE",
    "Alone",
    "CheckpointError",
    "Cluster",
    "Crew",
    "History",
    "Team",
    "Trainer",
    "TrainingConfig",
    "WorkerLostError",
    "dataset",
    "end_with_parent",
    "fit",
    "fit_pairs",
    "free_ports",
    "join",
    "report",
    "share",
    "share_dropout",
    "windows",
]
