"""Which ranking finds the reply? Run ``python benchmarks/text_generation.py``.

For each of a few seeds the corpus's groups of messages are dealt anew, seven in ten for training and two for the test
(the tenth is left out, so that there is as much to learn from as in the chapter), and every ranking orders all distinct
replies of the test part for each test message. The figures are recall@k in per cent, a value a seed, and, for the
language model, how sure it is of its replies to questions it has read and to others. One more ranking shows what a
careless split would have promised: the dual encoder, with single pairs dealt instead of groups. And as the chapter's
language model is trained until it knows its pairs by heart, another one is trained with dropout and stopped by pairs of
the tenth that is left out. Results go to ``results/text-generation.json``; five seeds take about a quarter of an hour
on two cores. Stopped, it goes on where it was; delete the results to begin anew.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from companion import set_seed
from companion.corpora import load_corpus
from companion.errors import UserError
from companion.models import language_model
from companion.replies import (
    DualEncoder,
    Pair,
    as_text,
    candidates,
    certainty,
    is_factual,
    log_likelihoods,
    mutual_information,
    nearest_scores,
    overlap_scores,
    prior,
    prompt_of,
    read_pairs,
    recall_at,
    reply_text,
    train_writer,
)
from companion.results import read_results, write_results
from companion.tokenizers import WordTokenizer
from companion.training import TrainingConfig, fit

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
    "careful_conditional": "ln p(reply | message), a language model with dropout, stopped by held-out pairs",
    "careful_information": "ln p(reply | message) - ln p(reply) of the same",
    "dual": "dual encoder",
    "dual_careless": "dual encoder, pairs dealt without regard to their messages",
}


class Deal(NamedTuple):
    """The corpus's groups as one seed deals them."""

    seed: int
    train: list[Pair]
    held_out: list[Pair]
    test: list[Pair]


def deal(seed: int) -> Deal:
    """Two tenths of the groups for the test, a tenth held out, the others for training."""
    documents = _documents()
    order = np.random.default_rng(seed).permutation(len(documents))
    tenth = len(order) // 10
    cuts = np.split(order, [2 * tenth, 3 * tenth])
    test, held_out, train = ([pair for i in cut for pair in documents[i]] for cut in cuts)
    return Deal(seed, train, held_out, test)


def by_rule(dealt: Deal, note: "Note") -> None:
    """What needs no network."""
    messages, replies, true = candidates(dealt.test)
    note("chance", np.random.default_rng(dealt.seed).random(true.shape), true)
    note("overlap", overlap_scores(messages, replies, dealt.train), true)
    note("nearest", nearest_scores(messages, replies, dealt.train), true)


def by_writer(dealt: Deal, note: "Note") -> None:
    """The chapter's language model, and how sure it is."""
    writer = train_writer(dealt.train, seed=dealt.seed, progress=False)
    log_p, lengths, true = _log_p(writer.model, writer.tokenizer, dealt.test)
    note("prior", np.tile(prior(log_p), (len(log_p), 1)), true)
    note("per_token", log_p / lengths, true)
    note("conditional", log_p, true)
    note("information", mutual_information(log_p), true)
    for name, part in (("read", dealt.train), ("unread", dealt.test)):
        found = [certainty(pair, writer) for pair in part if is_factual(pair)]
        note.sure[f"{name}_p"].append(float(np.mean([p for _, p, _ in found])))
        note.sure[f"{name}_right"].append(float(np.mean([right for _, _, right in found])))


def by_careful_writer(dealt: Deal, note: "Note") -> None:
    """The same network with half of its values dropped, in smaller steps; kept is what predicts held-out pairs best."""
    tokenizer = WordTokenizer.train(as_text(dealt.train))
    set_seed(dealt.seed)
    model = language_model(tokenizer.vocab_size, embedding_dim=64, units=128, dropout=0.5)
    config = TrainingConfig(epochs=1, batch_size=16, window=32, learning_rate=5e-3, average=0.9, evaluations=15)
    ids = tokenizer.encode(as_text(dealt.train, passes=15, seed=dealt.seed))
    fit(model, ids, tokenizer.encode(as_text(dealt.held_out, seed=dealt.seed + 1)), config, progress=False)
    log_p, _, true = _log_p(model, tokenizer, dealt.test)
    note("careful_conditional", log_p, true)
    note("careful_information", mutual_information(log_p), true)


def by_encoder(dealt: Deal, note: "Note") -> None:
    """The dual encoder."""
    messages, replies, true = candidates(dealt.test)
    note("dual", DualEncoder(dealt.train, seed=dealt.seed).scores(messages, replies), true)


def by_careless_encoder(dealt: Deal, note: "Note") -> None:
    """The dual encoder, with as many pairs dealt singly."""
    train, test = _careless(_documents(), len(dealt.train), len(dealt.test), dealt.seed)
    messages, replies, true = candidates(test)
    note("dual_careless", DualEncoder(train, seed=dealt.seed).scores(messages, replies), true)


WAYS: dict[Callable[[Deal, "Note"], None], tuple[str, ...]] = {
    by_rule: ("chance", "overlap", "nearest"),
    by_writer: ("prior", "per_token", "conditional", "information"),
    by_careful_writer: ("careful_conditional", "careful_information"),
    by_encoder: ("dual",),
    by_careless_encoder: ("dual_careless",),
}


class Note:
    """Takes down what a ranking finds, a value a deal."""

    def __init__(self, recalls: dict[str, Any], distinct: dict[str, Any], sure: dict[str, Any]) -> None:
        self.recalls = {name: recalls.get(name, {str(k): [] for k in KS}) for name in RANKINGS}
        self.distinct = {name: distinct.get(name, []) for name in RANKINGS}
        self.sure = {name: sure.get(name, []) for name in ("read_p", "read_right", "unread_p", "unread_right")}

    def __call__(self, name: str, scores: np.ndarray, true: np.ndarray) -> None:
        """Recall and how many replies ever come first."""
        for k in KS:
            self.recalls[name][str(k)].append(round(100 * float(recall_at(scores, true, k).mean()), 2))
        self.distinct[name].append(round(len(set(scores.argmax(axis=1).tolist())) / len(scores), 4))
        print(f"{name}: recall@10 {self.recalls[name]['10'][-1]:.1f} %", flush=True)


def main() -> None:
    """Measure what is missing, print, write after each."""
    try:
        found = read_results("text-generation")
    except UserError:
        found = {"recall": {}, "distinct_first": {}, "certainty": {}}
    note = Note(found["recall"], found["distinct_first"], found["certainty"])
    deals = [deal(seed) for seed in SEEDS]
    sizes: dict[str, list[int]] = {name: [] for name in ("train", "test", "messages", "replies")}
    for dealt in deals:
        messages, replies, _ = candidates(dealt.test)
        found_sizes = (len(dealt.train), len(dealt.test), len(messages), len(replies))
        for values, size in zip(sizes.values(), found_sizes, strict=True):
            values.append(size)
    content = {
        "what": "recall@k in per cent among all distinct replies of the test part, one value a seed",
        "rankings": RANKINGS,
        "seeds": list(SEEDS),
        "sizes": sizes,
        "recall": note.recalls,
        "distinct_first": note.distinct,
        "certainty": note.sure,
    }
    for number, dealt in enumerate(deals):
        for way, (name, *_) in WAYS.items():
            if len(note.distinct[name]) <= number:
                way(dealt, note)
                write_results("text-generation", content, packages=("keras", "numpy", "scikit-learn", "tensorflow"))


def _documents() -> list[list[Pair]]:
    return [read_pairs(document.text) for document in load_corpus("chatterbot").documents]


def _log_p(model: Any, tokenizer: Any, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln p(reply | message) of all messages and replies of some pairs, the replies' tokens, and which are true."""
    messages, replies, true = candidates(pairs)
    prompts, texts = [prompt_of(message, tokenizer) for message in messages], [reply_text(reply) for reply in replies]
    log_p = log_likelihoods(model, tokenizer, prompts, texts, parts=8)
    return log_p, np.array([len(tokenizer.encode(text)) for text in texts]), true


def _careless(documents: Sequence[Sequence[Pair]], train: int, test: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    pairs = [pair for document in documents for pair in document]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[i] for i in order[test : test + train]], [pairs[i] for i in order[:test]]


if __name__ == "__main__":
    main()
