"""Text drawn from `companion.grammar`, the language with a known entropy."""

from companion.corpora.catalogue import source
from companion.corpora.corpus import Corpus, Document


@source("grammar")
def sampled_grammar() -> Corpus:
    """Three texts drawn with three seeds: 500,000 tokens to train on, 50,000 to validate, 100,000 to test."""
    from companion.grammar import decode, sample

    documents = []
    for seed, (title, tokens) in enumerate([("training", 500_000), ("validation", 50_000), ("test", 100_000)]):
        text = decode(sample(seed, tokens))
        documents.append(Document(title, text[: text.rindex(".") + 1]))  # whole sentences
    return Corpus(
        name="grammar",
        documents=tuple(documents),
        licence="none needed: its sentences are drawn at random",
        source="companion.grammar, seeds 0 to 2",
        citation="The language with a known entropy of this book.",
        held_out=(frozenset({"validation"}), frozenset({"test"})),
    )
