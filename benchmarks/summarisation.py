"""Lines for docstrings, scored: run ``python benchmarks/summarisation.py``.

The recipe ``docstring-summaries`` is trained with three seeds, and once without its copy mechanism. The seeds change
the initial weights and the dropout; the order of the pairs is the same for all. Each network writes a line for every
docstring of the test packages, greedily, once free to repeat words and once not. They are compared with ways that need
no network: the first sentence, whole and cut to ten words, the most central and the most surprising, a random one, the
line of the nearest training docstring, and the best possible choice of a sentence.

Scores are ROUGE F1 times 100. Written to ``companion/data/results/summarisation.json`` after each network, which is
kept in the cache folder; an interrupted run continues where it was.
"""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from companion.applications.extracts import Centrality, cut, lead, manual_reader
from companion.applications.summaries import write_lines
from companion.corpora.docstrings import Documented, load_documented, split_sentences
from companion.evaluation import ROUGE, bootstrap, interval, rouge
from companion.recipes import RECIPES, PairRecipe, load_recipe
from companion.results import write_results

NAME = "docstring-summaries"
NETWORKS = {"copy": (True, (0, 1, 2)), "no copy": (False, (0,))}  # whether it can copy, seeds
WAYS = {"repeating": True, "no word twice": False}


def untrained(training: Sequence[Documented], test: Sequence[Documented]) -> dict[str, list[str]]:
    """The answers of every way without a network."""
    bodies = [pair.body for pair in test]
    central, surprising = Centrality([pair.body for pair in training]), manual_reader()
    rng = random.Random(0)

    def best(pair: Documented) -> str:
        parts = split_sentences(pair.body)
        return parts[int(rouge(parts, [pair.summary] * len(parts))[:, 2].argmax())]

    return {
        "first sentence": [lead(body) for body in bodies],
        "first sentence, ten words": [cut(body) for body in bodies],
        "most central sentence": [central(body) for body in bodies],
        "most surprising sentence": [surprising(body) for body in bodies],
        "random sentence": [rng.choice(split_sentences(body)) for body in bodies],
        "line of the nearest docstring": [training[i].summary for i in central.nearest(bodies)],
        "best sentence, chosen with the answer": [best(pair) for pair in test],
    }


def over_items(scores: np.ndarray) -> dict[str, list[float]]:
    """Mean and bootstrap interval over the test items, for each kind of ROUGE."""
    columns = zip(ROUGE, 100 * scores.T, strict=True)
    return {kind: [round(x, 2) for x in bootstrap(column)] for kind, column in columns}


def main() -> None:
    """Score, train, write after each step."""
    training, validation, test = load_documented()
    references = [pair.summary for pair in test]
    items = {name: rouge(lines, references) for name, lines in untrained(training, test).items()}
    content: dict[str, Any] = {
        "what": "ROUGE F1 (stemmed) times 100 of one-line summaries of the test packages' docstrings",
        "pairs": {"training": len(training), "validation": len(validation), "test": len(test)},
        "untrained": {name: over_items(scores) for name, scores in items.items()},
        "networks": {},
    }
    recipe = RECIPES[NAME]
    assert isinstance(recipe, PairRecipe)
    for label, (copy, seeds) in NETWORKS.items():
        runs: dict[str, list[Any]] = {way: [] for way in (*WAYS, "seeds", "nats", "seconds")}
        for seed in seeds:
            name = NAME if copy and not seed else f"{NAME}, {label}, seed {seed}"
            data = recipe.data if copy else "docstrings without copying"
            RECIPES[name] = dataclasses.replace(recipe, name=name, data=data, seed=seed, copy=copy)
            trained = load_recipe(name)
            assert trained.score
            runs["seeds"].append(seed)
            runs["nats"].append(round(trained.score.nats_per_token, 3))
            runs["seconds"].append(trained.about["seconds"])
            for way, repeat in WAYS.items():
                scores = rouge(write_lines(trained, [pair.body for pair in test], repeat), references)
                runs[way].append(over_items(scores))
                print(label, seed, way, scores.mean(axis=0).round(4), flush=True)
            content["networks"][label] = runs | over_seeds(runs)
            write_results("summarisation", content)


def over_seeds(runs: dict[str, list[Any]]) -> dict[str, Any]:
    """Mean and Student's interval over the seeds, once there are two."""
    if len(runs["nats"]) < 2:
        return {}
    return {
        f"{way}, over seeds": {
            kind: [round(x, 2) for x in interval([run[kind][0] for run in runs[way]])] for kind in ROUGE
        }
        for way in WAYS
    }


if __name__ == "__main__":
    main()
