"""What does counterfactual augmentation remove from a model of the plays, and what does it cost?

Run ``python benchmarks/bias.py``. For each seed two small character LSTMs are trained that differ only in their text:
one reads the 32 training plays twice, the other reads them once as they are and once with the gendered words exchanged
(`companion.analysis.swap.Swap`), so both make the same number of updates. Both are scored on the test plays as they are
and with the words exchanged, and the paired log-odds of the chapter are measured in both. Results go to
``companion/data/results/bias.json``; three seeds take about 12 minutes on one core.
"""

from typing import Any

import numpy as np

from companion.analysis.bias import NOUNS, noun_contexts, noun_log_odds, pronoun_log_odds
from companion.analysis.swap import Swap
from companion.corpora import load_corpus
from companion.evaluation import evaluate
from companion.models import language_model
from companion.results import write_results
from companion.seeding import set_seed
from companion.tokenizers import CharTokenizer
from companion.training import TrainingConfig, fit

SEEDS = range(3)
SIZES: dict[str, Any] = {"embedding_dim": 32, "units": 96}
CONTEXTS = 24
VALIDATION = 60_000  # characters of each kind, to watch the training


def main() -> None:
    """Train, measure, print, write after every seed."""
    train, validation, test = load_corpus("shakespeare").split()
    swap = Swap.learn(train)
    tokenizer = CharTokenizer.train(train)
    contexts = noun_contexts(test, CONTEXTS)
    texts = {"plain": (train, 2), "augmented": (train + swap(train), 1)}
    watched = validation[:VALIDATION]
    watch = {"plain": watched, "augmented": watched + swap(watched)}
    runs: dict[str, list[dict[str, Any]]] = {arm: [] for arm in texts}
    for seed in SEEDS:
        for arm, (text, epochs) in texts.items():
            set_seed(seed)
            model = language_model(tokenizer.vocab_size, **SIZES)
            config = TrainingConfig(
                epochs=epochs, batch_size=64, window=64, learning_rate=4e-3, average=0.99, seed=seed
            )
            fit(model, tokenizer.encode(text), tokenizer.encode(watch[arm]), config, progress=False)
            nouns = noun_log_odds(model, tokenizer, contexts).mean(axis=1)
            pronouns = pronoun_log_odds(model, tokenizer, [noun for pair in NOUNS for noun in pair]).mean(axis=1)
            run = {
                "original": evaluate(model, tokenizer.encode(test)).bits_per_character,
                "swapped": evaluate(model, tokenizer.encode(swap(test))).bits_per_character,
                "nouns": np.round(nouns, 3).tolist(),
                "pronouns": np.round(pronouns.reshape(-1, 2), 3).tolist(),
            }
            runs[arm].append(run)
            print(seed, arm, {k: run[k] for k in ("original", "swapped")}, nouns.mean(), pronouns.mean(), flush=True)
        content = {
            "what": "bits per character on the test plays, original and swapped; nouns: ln p(woman's) - ln p(man's) "
            "after each adjective (rows) for each pair (columns), mean over contexts; pronouns: ln p(his own) - "
            "ln p(her own) after each noun of each pair, mean over templates",
            "seeds": list(range(seed + 1)),
            "sizes": SIZES,
            "contexts": len(contexts),
            "runs": runs,
        }
        print(write_results("bias", content), flush=True)


if __name__ == "__main__":
    main()
