"""The inside of a contestant's process: requests come in as lines of JSON, answers go out as lines of JSON.

This module needs nothing but Python, so that a process imports only the framework it measures. A *job* is a function
that builds what is measured and warms it up, and returns the function that is then called once a round.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

Run = Callable[..., dict[str, Any]]
Job = Callable[..., Run]


def serve(jobs: Mapping[str, Job], packages: tuple[str, ...] = ()) -> None:
    """Answer requests until standard input ends.

    ``{"do": "prepare", "job": ..., "slot": ..., "options": {...}}`` builds a job, ``{"do": "run", "slot": ...,
    "options": {...}}`` runs it and answers with what it returns, ``{"do": "forget"}`` drops all that was built.
    Anything a library prints goes to standard error.

    Parameters
    ----------
    jobs
        By name.
    packages
        Whose versions the first line of output states.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    built: dict[str, Run] = {}

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    answer({"versions": {package: version(package) for package in packages}})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer({"answer": _done(request, jobs, built)})
        except Exception as error:  # told in a sentence by the process that asked
            answer({"error": f"{type(error).__name__}: {error}"})


def _done(request: dict[str, Any], jobs: Mapping[str, Job], built: dict[str, Run]) -> dict[str, Any]:
    """Carry out one request."""
    if request["do"] == "forget":
        built.clear()
        return {}
    if request["do"] == "prepare":
        built[request["slot"]] = jobs[request["job"]](**request["options"])
        return {}
    return built[request["slot"]](**request["options"])


def repeated(step: Callable[[], int]) -> Run:
    """A run that takes steps for a number of seconds, and answers how much they did and how long they took.

    >>> repeated(lambda: 3)(seconds=0.0)["amount"]
    3
    """

    def run(seconds: float) -> dict[str, Any]:
        begin, amount = time.perf_counter(), 0
        while True:
            amount += step()
            taken = time.perf_counter() - begin
            if taken >= seconds:
                return {"amount": amount, "seconds": taken}

    return run
