"""How well it translates, over seeds: run ``python benchmarks/translation.py``.

Dates and numbers, exact matches on the same 1,000 held-out phrases, each for three seeds:

- ``short``: what the chapter trains, one pass over 60,000 phrases;
- ``uniform``: the same with attention that can't choose;
- ``long``: the recipe ``dates``, 240,000 phrases.

Sentences, Chinese into English, chrF and BLEU on the held-out ones: the nearest neighbour, and for three seeds the
recipe ``sentences``, greedy and with a beam of 4. Written to ``results/translation.json`` after each training, with
machine and versions; what is there already is not trained again.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from companion import dates, recipes, results, translation
from companion.errors import UserError
from companion.seq2seq import decode
from companion.training import TrainingConfig

SEEDS = (0, 1, 2)
PACKAGES = ("babel", "keras", "numpy", "sacrebleu", "tensorflow")
SHORT = 60_000


def trained(recipe: recipes.PairRecipe) -> Any:
    """A recipe's model, trained now."""
    with tempfile.TemporaryDirectory() as folder:
        return recipes._encoder_decoder(recipe, progress=True)(Path(folder) / "checkpoint.npz")


def exact(model: Any, test: Any) -> float:
    """Share of the targets that are written to the last character."""
    written = decode(model, test.sources)
    return float(np.mean([w == list(t) for w, t in zip(written, test.targets, strict=True)]))


def short_pairs() -> Any:
    """The chapter's own training set, under the name a recipe wants."""
    return dates.pairs(n=SHORT)


def date_score(kind: str, seed: int) -> dict[str, float]:
    """Train once; exact match on the held-out phrases."""
    long = recipes.RECIPES["dates"]
    assert isinstance(long, recipes.PairRecipe)
    if kind == "long":
        recipe = dataclasses.replace(long, seed=seed, training=dataclasses.replace(long.training, seed=seed))
    else:
        config = TrainingConfig(epochs=1, learning_rate=5e-3, average=0.98, evaluations=3, seed=seed)
        dates.short_pairs = short_pairs  # type: ignore[attr-defined]
        attention = "uniform" if kind == "uniform" else long.attention
        recipe = dataclasses.replace(long, data="dates.short_pairs", training=config, attention=attention, seed=seed)
    model = trained(recipe).model
    return {"exact": exact(model, long.pairs()[3])}


def sentence_scores(_kind: str, seed: int) -> dict[str, float]:
    """Train once; chrF and BLEU, greedy and with a beam."""
    recipe = recipes.RECIPES["sentences"]
    assert isinstance(recipe, recipes.PairRecipe)
    config = dataclasses.replace(recipe.training, seed=seed)
    model = trained(dataclasses.replace(recipe, seed=seed, training=config)).model
    vocabulary, _, _, test = recipe.pairs()
    reference = [pair.en for pair in translation.sentences()["test"]]
    found = {}
    for name, how in {"greedy": {}, "beam": {"beam_width": 4, "length_penalty": 1.0}}.items():
        written = decode(model, test.sources, 40, **how)
        texts = [translation.english(vocabulary, ids) for ids in written]
        found[f"{name}_chrf"] = translation.chrf(texts, reference)
        found[f"{name}_bleu"] = translation.bleu(texts, reference)
    return found


def main() -> None:
    """Train whatever is missing, and write after each."""
    try:
        content = results.read_results("translation")
    except UserError:
        content = {}
    runs: list[tuple[str, str, Any]] = [("dates", kind, date_score) for kind in ("short", "uniform", "long")]
    runs.append(("sentences", "", sentence_scores))
    for seed in SEEDS:
        for group, kind, score in runs:
            scores = content.setdefault(group, {})
            if len(next(iter([scores.get(kind)] if kind else list(scores.values())), None) or []) > seed:
                continue
            for name, value in score(kind, seed).items():
                scores.setdefault(kind or name, []).append(round(value, 4))
            print(group, kind, scores, flush=True)
            results.write_results("translation", {"what": __doc__, "seeds": list(SEEDS)} | content, PACKAGES)


if __name__ == "__main__":
    main()
