"""Which ranking finds the reply? Run ``python benchmarks/text_generation.py``.

For each of a few seeds the corpus's groups of messages are divided again, seven in ten for training and two for testing
(one tenth is left out, so that there is as much to learn from as in the chapter), and every ranking orders all distinct
replies of the test part for each test message. The results are recall@k in per cent, one value per seed, and, for the
language model, how sure it is of its replies to questions that it has read and to others. One more ranking shows what a
careless split would have promised: the dual encoder, with single pairs divided instead of groups. Results go to
``companion/data/results/text-generation.json``; five seeds take about ten minutes on two cores.
"""

from collections.abc import Sequence

import numpy as np

from companion.applications.dual_encoder import DualEncoder
from companion.applications.ranking import (
    candidates,
    mutual_information,
    nearest_scores,
    overlap_scores,
    prior,
    recall_at,
)
from companion.applications.replies import certainty, is_factual, train_writer
from companion.corpora import load_corpus
from companion.corpora.conversations import Exchange
from companion.evaluation import log_likelihoods
from companion.recipes import prompt_of, reply_text
from companion.results import write_results

SEEDS = range(5)
KS = (1, 5, 10, 20)
RANKINGS = {
    "chance": "any order",
    "overlap": "shared words, TF-IDF",
    "nearest": "replies to similar messages",
    "prior": "ln p(reply), the language model alone",
    "per_token": "ln p(reply | message) per token",
    "conditional": "ln p(reply | message)",
    "information": "ln p(reply | message) - ln p(reply)",
    "dual": "dual encoder",
    "dual_careless": "dual encoder, pairs dealt without regard to their messages",
}


def main() -> None:
    """Measure, print, write."""
    documents = [[Exchange(*pair) for pair in document.pairs] for document in load_corpus("chatterbot").documents]
    recalls: dict[str, dict[str, list[float]]] = {name: {str(k): [] for k in KS} for name in RANKINGS}
    distinct: dict[str, list[float]] = {name: [] for name in RANKINGS}
    sure: dict[str, list[float]] = {name: [] for name in ("read_p", "read_right", "unread_p", "unread_right")}
    sizes: dict[str, list[int]] = {name: [] for name in ("train", "test", "messages", "replies")}
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(documents))
        tenth = len(order) // 10
        test = [pair for i in order[: 2 * tenth] for pair in documents[i]]
        train = [pair for i in order[3 * tenth :] for pair in documents[i]]
        messages, replies, true = candidates(test)
        for name, size in zip(sizes, (train, test, messages, replies), strict=True):
            sizes[name].append(len(size))
        writer = train_writer(train, seed=seed, progress=False)
        prompts, texts = [prompt_of(m, writer.text_tokenizer) for m in messages], [reply_text(r) for r in replies]
        log_p = log_likelihoods(writer.model, writer.text_tokenizer, prompts, texts, strict=False)
        lengths = np.array([len(writer.text_tokenizer.encode(text)) for text in texts])
        scores = {
            "chance": np.random.default_rng(seed).random(log_p.shape),
            "overlap": overlap_scores(messages, replies, train),
            "nearest": nearest_scores(messages, replies, train),
            "prior": np.tile(prior(log_p), (len(messages), 1)),
            "per_token": log_p / lengths,
            "conditional": log_p,
            "information": mutual_information(log_p),
            "dual": DualEncoder(train, seed=seed).scores(messages, replies),
        }
        for name, table in scores.items():
            _note(name, table, true, recalls, distinct)
        careless_train, careless_test = _careless(documents, len(train), len(test), seed)
        messages, replies, true = candidates(careless_test)
        _note(
            "dual_careless", DualEncoder(careless_train, seed=seed).scores(messages, replies), true, recalls, distinct
        )
        for name, part in (("read", train), ("unread", test)):
            asked = [pair for pair in part if is_factual(pair)]
            found = [certainty(pair, writer) for pair in asked]
            sure[f"{name}_p"].append(float(np.mean([p for _, p, _ in found])))
            sure[f"{name}_right"].append(float(np.mean([right for _, _, right in found])))
        print(f"seed {seed}: " + ", ".join(f"{name} {values['10'][-1]:.1f}" for name, values in recalls.items()))
    content = {
        "what": "recall@k in per cent among all distinct replies of the test part, one value a seed",
        "rankings": RANKINGS,
        "seeds": list(SEEDS),
        "sizes": sizes,
        "recall": recalls,
        "distinct_first": distinct,
        "certainty": sure,
    }
    print(write_results("text-generation", content, packages=("keras", "numpy", "scikit-learn", "tensorflow")))


def _note(
    name: str,
    scores: np.ndarray,
    true: np.ndarray,
    recalls: dict[str, dict[str, list[float]]],
    distinct: dict[str, list[float]],
) -> None:
    for k in KS:
        recalls[name][str(k)].append(round(100 * float(recall_at(scores, true, k).mean()), 2))
    distinct[name].append(round(len(set(scores.argmax(axis=1).tolist())) / len(scores), 4))


def _careless(
    documents: Sequence[Sequence[Exchange]], train: int, test: int, seed: int
) -> tuple[list[Exchange], list[Exchange]]:
    pairs = [pair for document in documents for pair in document]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[i] for i in order[test : test + train]], [pairs[i] for i in order[:test]]


if __name__ == "__main__":
    main()
