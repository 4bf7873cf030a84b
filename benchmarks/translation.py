"""How well the networks translate, over seeds: run ``python benchmarks/translation.py``.

For dates and numbers, exact matches on the same 1,000 held-out phrases, each for three seeds:

- ``short``: what the chapter trains, one pass over 60,000 phrases;
- ``uniform``: the same with attention that can't choose;
- ``long``: the recipe ``dates``, 240,000 phrases.

For sentences, Chinese into English, chrF and BLEU on the held-out ones, for three seeds of the recipe ``sentences``,
greedy and with a beam of 4. Written to ``companion/data/results/translation.json`` after each training run, with
machine and versions; what is there isn't trained again.
"""

import dataclasses
import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from companion import recipes, results
from companion.applications import translation
from companion.corpora.sentences import load_sentences
from companion.evaluation import bleu, chrf
from companion.generation import decode
from companion.training import TrainingConfig

SEEDS = (0, 1, 2)
PACKAGES = ("babel", "keras", "numpy", "sacrebleu", "tensorflow")


def trained(recipe: recipes.PairRecipe, seed: int) -> Any:
    """The model of a recipe with another seed; with the recipe's own seed, the cached one."""
    if recipe == recipes.RECIPES.get(recipe.name) and seed == recipe.seed:
        return recipes.load_recipe(recipe.name)
    recipe = dataclasses.replace(recipe, seed=seed, training=dataclasses.replace(recipe.training, seed=seed))
    return recipes.train_recipe(recipe, progress=False)


def exact(model: Any, test: Any) -> float:
    """Share of the targets that are written to the last character."""
    written = decode(model, test.sources)
    return float(np.mean([w == list(t) for w, t in zip(written, test.targets, strict=True)]))


def date_score(kind: str, seed: int) -> dict[str, float]:
    """Train once; exact match on the held-out phrases."""
    long = recipes.RECIPES["dates"]
    assert isinstance(long, recipes.PairRecipe)
    recipe = long
    if kind != "long":
        config = TrainingConfig(epochs=1, learning_rate=5e-3, average=0.98, evaluations=3)
        attention = "uniform" if kind == "uniform" else long.attention
        recipe = dataclasses.replace(long, data="short dates", training=config, attention=attention)
    model = trained(recipe, seed).model
    return {"exact": exact(model, recipes.PAIR_DATA[long.data]()[3])}


def sentence_scores(seed: int) -> dict[str, float]:
    """Train once; chrF and BLEU, greedy and with a beam."""
    recipe = recipes.RECIPES["sentences"]
    assert isinstance(recipe, recipes.PairRecipe)
    model = trained(recipe, seed).model
    vocabulary, _, _, test = recipes.PAIR_DATA[recipe.data]()
    reference = [pair.en for pair in load_sentences()["test"]]
    found = {}
    ways: dict[str, Any] = {"greedy": {}, "beam": {"beam_width": 4, "length_penalty": 1.0}}
    for name, how in ways.items():
        written = decode(model, test.sources, 40, **how)
        texts = [translation.english(vocabulary, ids) for ids in written]
        found[f"{name}_chrf"] = chrf(texts, reference)
        found[f"{name}_bleu"] = bleu(texts, reference)
    return found


RUNS: dict[str, Callable[[int], dict[str, float]]] = {
    "short": functools.partial(date_score, "short"),
    "uniform": functools.partial(date_score, "uniform"),
    "long": functools.partial(date_score, "long"),
    "sentences": sentence_scores,
}


def kept() -> dict[str, Any]:
    """The results so far."""
    return results.read_results("translation", missing={"what": __doc__, "seeds": list(SEEDS), "runs": {}})


def main() -> None:
    """Train the missing runs, or those of the runs named on the command line; write after each."""
    for name in sys.argv[1:] or RUNS:
        for seed in SEEDS[len(kept()["runs"].get(name, [])) :]:
            found = {measure: round(value, 4) for measure, value in RUNS[name](seed).items()}
            print(name, seed, found, flush=True)
            content = kept()
            content["runs"].setdefault(name, []).append(found)
            results.write_results("translation", content, PACKAGES)


if __name__ == "__main__":
    main()
