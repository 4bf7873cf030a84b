"""Answering questions about stories, over three seeds: run ``python benchmarks/question_answering.py``.

Five networks are trained on 6,000 stories each and tested on the same unseen stories, including longer ones and ones
with other names. Written to ``companion/data/results/question-answering.json``. The first seed of
``latest`` is the recipe ``question-answering``, which comes with its weights. It takes about a quarter of an hour on
two idle cores. If stopped, it continues where it was; delete the results to start over.
"""

import time
from typing import Any, NamedTuple

import numpy as np

from companion import set_seed
from companion.applications.answering import answer, by_kind, on_support, right
from companion.corpora.stories import stories
from companion.models.answerer import Answerer, WholeStory
from companion.results import read_results, write_results
from companion.tokenizers import StoryReader
from companion.training import fit_stories

STORIES, SEEDS = 6000, 3
UNANSWERABLE = 0.2  # share of the training questions that have no answer
LENGTHS = (4, 8, 12, 16, 20, 30, 40)


class Network(NamedTuple):
    """One of the networks, and how it is trained."""

    attention: str | None = "latest"  # None: one LSTM over story and question
    names: str = "slots"
    shown: float = 0.5  # weight of the supporting facts in the loss
    learning_rate: float = 5e-3
    epochs: int = 10


NETWORKS = {
    "latest": Network(),
    "softmax": Network("softmax"),
    "whole": Network(None, names="words", shown=0.0, learning_rate=3e-3),
    "answers only": Network(shown=0.0),
    "words": Network(names="words"),
}


def test_sets() -> dict[str, Any]:
    """The stories that every network answers."""
    return {
        "test": stories(1500, seed=100, split="test"),
        "held-out names": stories(500, seed=101, split="test", held_out=True),
        "no answer": stories(500, seed=102, split="test", unanswerable=1.0),
    } | {f"length {n}": stories(250, seed=200 + n, split="test", lengths=(n, n)) for n in LENGTHS}


def run(name: str, seed: int, sets: dict[str, Any]) -> dict[str, Any]:
    """Train one network and test it; scores are percentages, mostly of right answers."""
    network = NETWORKS[name]
    told = stories(STORIES, seed=seed, unanswerable=UNANSWERABLE)
    reader = StoryReader(network.names)
    set_seed(seed)
    size = reader.vocab_size
    model: Any = Answerer(size, network.attention) if network.attention else WholeStory(size)
    start = time.process_time()
    settings: dict[str, Any] = {
        "epochs": network.epochs,
        "learning_rate": network.learning_rate,
        "shown": network.shown,
    }
    losses = fit_stories(model, reader, told, seed=seed, **settings)
    seconds = time.process_time() - start

    def percent(values: Any) -> float:
        return round(100 * float(np.mean(values)), 2)

    def kinds(told: Any, values: Any) -> dict[str, float]:
        return {kind: percent(value) for kind, value in by_kind(told, np.asarray(values)).items()}

    forced = {key: right(told, answer(model, reader, told, silent=False)) for key, told in sets.items()}
    test, nothing = sets["test"], sets["no answer"]
    replies, silences = answer(model, reader, test), answer(model, reader, nothing)
    scores = {
        "losses": [round(loss, 4) for loss in losses],
        "processor seconds": round(seconds),
        "parameters": model.count_params(),
        "test": kinds(test, forced["test"]),
        "test, all": percent(forced["test"]),
        "held-out names": kinds(sets["held-out names"], forced["held-out names"]),
        "held-out names, all": percent(forced["held-out names"]),
        "by length": {str(n): percent(forced[f"length {n}"]) for n in LENGTHS},
        "silent without an answer": kinds(nothing, [reply.word is None for reply in silences]),
        "silent with an answer": percent([reply.word is None for reply in replies]),
    }
    if network.attention:
        scores["attention on the supporting facts"] = kinds(
            test, [on_support(story, reply) for story, reply in zip(test, replies, strict=True)]
        )
    return scores


def main() -> None:
    """Train what is missing, print a line for each, write the results as they come."""
    sets = test_sets()
    found: dict[str, Any] = read_results("question-answering", missing={"networks": {}})["networks"]
    content = {
        "what": "right answers in per cent, a network and seed each; a network must answer unless the line says silent",
        "stories": STORIES,
        "settings": {name: network._asdict() for name, network in NETWORKS.items()},
        "networks": found,
    }
    jobs = [(seed, name) for name in NETWORKS for seed in range(SEEDS)]
    for seed, name in jobs:
        if str(seed) in found.setdefault(name, {}):
            continue
        scores = found[name][str(seed)] = run(name, seed, sets)
        print(name, seed, scores["test, all"], scores["test"], scores["processor seconds"], flush=True)
        write_results("question-answering", content)


if __name__ == "__main__":
    main()
