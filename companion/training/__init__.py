"""How the book trains: settings, batches, tasks, the loop, one worker or many."""

from companion.training.batches import (
    dataset,
    plan,
    share,
    windows,
)
from companion.training.crew import (
    Crew,
    free_ports,
)
from companion.training.ending import (
    EXIT_BAD_INPUT,
    EXIT_LOST,
    TrainingInterrupted,
    WorkerLostError,
    end_with_parent,
    exit_code,
    report,
)
from companion.training.joining import (
    check_timeout,
    join,
)
from companion.training.loop import (
    fit,
    fit_pairs,
)
from companion.training.meeting import (
    LOOPBACK,
    Cluster,
)
from companion.training.settings import (
    BATCH_SIZES,
    PROGRESS_VARIABLE,
    READING,
    CheckpointError,
    History,
    TrainingConfig,
    default_config,
)
from companion.training.stories import (
    fit_stories,
)
from companion.training.tasks import (
    PairsTask,
    TextTask,
)
from companion.training.team import (
    Alone,
    Team,
    share_dropout,
)
from companion.training.trainer import (
    Trainer,
    clipped,
)

__all__ = [
    "BATCH_SIZES",
    "EXIT_BAD_INPUT",
    "EXIT_LOST",
    "LOOPBACK",
    "PROGRESS_VARIABLE",
    "READING",
    "Alone",
    "CheckpointError",
    "Cluster",
    "Crew",
    "History",
    "PairsTask",
    "Team",
    "TextTask",
    "Trainer",
    "TrainingConfig",
    "TrainingInterrupted",
    "WorkerLostError",
    "check_timeout",
    "clipped",
    "dataset",
    "default_config",
    "end_with_parent",
    "exit_code",
    "fit",
    "fit_pairs",
    "fit_stories",
    "free_ports",
    "join",
    "plan",
    "report",
    "share",
    "share_dropout",
    "windows",
]
