"""When do two workers train faster than one? Run ``python benchmarks/scaling_out.py`` on an idle machine.

Two worker processes on this machine, one thread each, and this process with as many threads as there are cores take
turns with the same global batch, for models and batches of several sizes:

- one worker on one core, and one worker on all cores, alone;
- both workers together: each half of the batch, then the all-reduce;
- the all-reduce alone, of as many numbers as the model has weights.

The fastest of several rounds is kept, as with ``timeit``, because other work of the machine can only slow a round down.
Everything is repeated with new processes, and every run is kept, so that their differences can be seen. The table is
printed and written to ``companion/data/results/scaling-out.json``. It takes about five minutes.

Other programs that use the cores make two workers slower than one: a worker that has to wait for a core keeps the other
one waiting. So the script refuses to start while the machine is busy, unless ``--busy`` is given.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from companion import set_seed
from companion.models import language_model
from companion.results import write_results
from companion.seeding import cores
from companion.training import LOOPBACK, Alone, Cluster, Team, TextTask, Trainer, TrainingConfig, free_ports, join

CORES = cores()
WORKERS = 2
VOCAB_SIZE, WINDOW = 85, 32
UNITS, BATCHES = (64, 256), (8, 32, 128)
CASES = [(units, batch) for units in UNITS for batch in BATCHES]
RUNS, ROUNDS, SECONDS = 4, 24, 0.02
IDLE = 0.5  # load average of the last minute above which the machine counts as busy


def stepper(units: int, batch: int, team: Alone) -> tuple[Callable[[], Any], int]:
    """A function that takes one training step and waits for its loss, and the number of weights."""
    set_seed(0)
    ids = np.random.default_rng(0).integers(1, VOCAB_SIZE, 2 * batch * WINDOW + 1)
    model = language_model(VOCAB_SIZE, units=units)
    config = TrainingConfig(batch_size=batch, window=WINDOW)
    trainer = Trainer(TextTask(model, ids, ids, config, team), config, team)
    (*_, data) = trainer.task.batches(0)

    def step() -> None:
        trainer.compiled_update(data, trainer.states)[0].numpy()

    step()
    return step, model.count_params()


def reducer(team: Team, numbers: int) -> Callable[[], Any]:
    """A function that sums a row of numbers over all workers."""
    import tensorflow as tf

    row = tf.ones(numbers)

    @tf.function
    def together() -> Any:
        def reduce() -> Any:
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, row)

        return team.run(reduce)

    def step() -> None:
        together().numpy()

    step()
    return step


def repeats(step: Callable[[], Any]) -> int:
    """How many steps a round has."""
    start = time.perf_counter()
    step()
    return max(1, min(50, round(SECONDS / (time.perf_counter() - start))))


def timed(step: Callable[[], Any], number: int) -> float:
    """Seconds per step."""
    start = time.perf_counter()
    for _ in range(number):
        step()
    return (time.perf_counter() - start) / number


def worker(index: int, hosts: str) -> None:
    """One of the two workers: it runs a round for each line of input; worker 0 answers with its times."""
    with join(Cluster(tuple(hosts.split(",")), index), {}) as team:
        for units, batch in CASES:
            both, numbers = stepper(units, batch, team)
            reduce = reducer(team, numbers)
            alone, _ = stepper(units, batch, Alone())
            for line in sys.stdin:
                if line == "next\n":
                    break
                number = int(line)
                times = {"one_core": timed(alone, number) if index == 0 else 0.0}
                reduce()  # wait for the other worker
                times["two_workers"] = timed(both, number)
                times["all_reduce"] = timed(reduce, number)
                if index == 0:
                    print(json.dumps(times), flush=True)


def threads(number: str) -> None:
    """Set how many threads TensorFlow takes if it is loaded from now on, here and in processes started later."""
    os.environ |= {"TF_NUM_INTRAOP_THREADS": number, "TF_NUM_INTEROP_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}


def run() -> list[dict[str, Any]]:
    """Measure all cases once, with two new workers."""
    threads("1")  # of the workers
    hosts = ",".join(f"{LOOPBACK}:{port}" for port in free_ports(WORKERS))
    command = [sys.executable, __file__]
    crew = [
        subprocess.Popen(
            [*command, str(index), hosts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if index == 0 else None,
            text=True,
        )
        for index in range(WORKERS)
    ]

    threads(str(CORES))  # of this process

    def tell(line: str) -> None:
        for process in crew:
            print(line, file=process.stdin, flush=True)

    rows = []
    for units, batch in CASES:
        alone, numbers = stepper(units, batch, Alone())
        number = repeats(alone)
        rounds = []
        for _ in range(ROUNDS):
            times = {"all_cores": timed(alone, number)}
            tell(str(number))
            rounds.append(times | json.loads(crew[0].stdout.readline()))  # type: ignore[union-attr]
        tell("next")
        best = {name: round(1000 * min(times[name] for times in rounds), 3) for name in rounds[0]}
        rows.append({"units": units, "batch": batch, "weights": numbers, "milliseconds": best})
        print(rows[-1], flush=True)
    for process in crew:
        process.wait()
    return rows


def by_case(runs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row per case, with the times of every run."""
    return [
        case[0]
        | {"milliseconds": {name: [row["milliseconds"][name] for row in case] for name in case[0]["milliseconds"]}}
        for case in zip(*runs, strict=True)
    ]


def main(busy: bool = False) -> None:
    """Measure, print a table, write the results."""
    load = round(os.getloadavg()[0], 1)  # of other programs
    if load > IDLE and not busy:
        raise SystemExit(
            f"The load average of the last minute is {load}, above {IDLE}: the times would be those of a busy machine. "
            "Wait until a minute after the other programs have ended, or measure anyway with --busy."
        )
    rows = by_case([run() for _ in range(RUNS)])
    what = "milliseconds a training step, fastest of a run's rounds, each run; all_reduce: of all weights, alone"
    about = {"window": WINDOW, "runs": RUNS, "rounds": ROUNDS, "cores": CORES, "load_before": load}
    write_results("scaling-out", {"what": what, **about, "rows": rows})


if __name__ == "__main__":
    if sys.argv[1:] in ([], ["--busy"]):
        main(busy=len(sys.argv) > 1)
    else:
        worker(int(sys.argv[1]), sys.argv[2])
