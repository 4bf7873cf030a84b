"""Ids of pairs: vocabularies, what they call unknown, their file, and batches."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import UserError
from companion.tokenizers import (
    BEGIN,
    END,
    PAD,
    SPECIALS,
    UNKNOWN,
    Pairs,
    PairVocabulary,
    Vocabulary,
    load_pair_vocabulary,
    padded,
)


def some_pairs(n: int) -> Pairs:
    rng = np.random.default_rng(0)
    sources = [rng.integers(4, 9, rng.integers(1, 6)) for _ in range(n)]
    return Pairs(sources, [source[::-1] for source in sources])


TOKENS = st.sampled_from([*"abcdef", *SPECIALS])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(TOKENS, min_size=1, max_size=5), min_size=1, max_size=4), st.integers(4, 8))
def test_copied_words_come_back_through_their_ids(sequences: list[list[str]], size: int) -> None:
    vocabulary = Vocabulary.train(sequences, size=size)
    assert len(vocabulary) <= size
    for sequence in sequences:
        ids, unknown = vocabulary.encode_source(sequence)
        assert vocabulary.decode(ids, unknown) == sequence
        known = vocabulary.encode(sequence)
        assert (known == np.where(ids < len(vocabulary), ids, UNKNOWN)).all()
        assert not {PAD, BEGIN, END} & {*ids.tolist(), *known.tolist()}


def test_text_that_looks_like_a_special_token_is_unknown() -> None:
    vocabulary = Vocabulary.train([["a", *SPECIALS, "a"]])
    assert vocabulary.tokens == [*SPECIALS, "a"]
    assert vocabulary.encode([*SPECIALS, "a"]).tolist() == [UNKNOWN] * 4 + [4]
    assert not any(name in vocabulary for name in SPECIALS) and "a" in vocabulary
    ids, unknown = vocabulary.encode_source(["<pad>", "a", "<unk>"])
    assert ids.tolist() == [5, 4, 6] and unknown == ["<pad>", "<unk>"]
    assert vocabulary.encode_target(["<end>", "<pad>"], unknown).tolist() == [UNKNOWN, 5]
    assert vocabulary.decode(ids, unknown) == ["<pad>", "a", "<unk>"]
    with pytest.raises(UserError, match="token '<end>' has the name of a special one"):
        Vocabulary(["a", "<end>"])


def test_what_is_decoded_can_be_printed_whatever_was_read() -> None:
    broken = ["a", "\ud83d\ude00", "b\ud800"]
    vocabulary = Vocabulary.train([broken, ["a"]])
    ids, unknown = Vocabulary("a").encode_source(broken)
    for written in (vocabulary.decode(vocabulary.encode(broken)), Vocabulary("a").decode(ids, unknown)):
        assert written == ["a", "\ufffd\ufffd", "b\ufffd"] and all(token.encode() for token in written)
    with pytest.raises(UserError, match="ud800"):
        Vocabulary(["a", "\ud800"])


def test_vocabularies_are_saved_and_read(tmp_path) -> None:
    both = PairVocabulary(Vocabulary(["a", "b"]), Vocabulary(["三"]))
    both.save(tmp_path / "v.json")
    read = load_pair_vocabulary(tmp_path / "v.json")
    assert (read.source.tokens, read.target.tokens) == (both.source.tokens, both.target.tokens)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "doesn't hold two vocabularies"),
        ({"kind": "word"}, "doesn't hold two vocabularies"),
        ({"kind": "pairs", "source": ["a"], "target": ["a", "a"]}, "'a' occurs twice"),
        ({"kind": "pairs", "source": ["a"], "target": ["<pad>"]}, "token '<pad>' has the name of a special one"),
        ({"kind": "pairs", "source": ["a"], "target": 3}, "list of strings"),
        ({"kind": "pairs", "source": ["a", None], "target": ["b"]}, "list of strings"),
        ({"kind": "pairs", "source": {"a": 4}, "target": ["b"]}, "list of strings"),
        ({"kind": "pairs", "source": ["a"]}, "'target' is missing"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: Any, says: str, tmp_path) -> None:
    (tmp_path / "v.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"v.json.*{says}"):
        load_pair_vocabulary(tmp_path / "v.json")


@pytest.mark.parametrize(
    "use",
    [
        lambda v: v.encode(None),
        lambda v: v.encode(3),
        lambda v: v.encode([1, 2]),
        lambda v: v.encode_source([None]),
        lambda v: v.encode_target(["a", 1], []),
        lambda v: v.decode(None),
        lambda v: v.decode(["a"]),
        lambda v: v.decode([1.5]),
        lambda v: v.decode([-1]),
        lambda v: v.decode([6]),
        lambda v: v.decode([7], ["x"]),
        lambda v: v.decode([[4]]),
        lambda v: Vocabulary(None),
        lambda v: Vocabulary([1]),
        lambda v: Vocabulary(["a", "a"]),
        lambda v: Vocabulary.train([[1]]),
        lambda v: Vocabulary.train([["a"]], size=3),
        lambda v: Vocabulary.train([["a"]], size=4.5),
        lambda v: Vocabulary.train([["a"]], min_count=0),
        lambda v: Vocabulary.train([["a"]], min_count="1"),
    ],
)
def test_bad_input_of_a_vocabulary_is_reported(use: Any) -> None:
    with pytest.raises(UserError):
        use(Vocabulary("ab"))


@pytest.mark.parametrize("seed", [None, 1])
def test_every_pair_is_in_one_batch_and_batches_hold_similar_lengths(seed: int | None) -> None:
    pairs = some_pairs(101)
    plan = pairs.plan(8, seed)
    assert sorted(np.concatenate(plan).tolist()) == list(range(101)) and max(map(len, plan)) == 8
    spread = [np.ptp([len(pairs.sources[i]) for i in batch]) for batch in plan]
    assert np.mean(spread) <= 1
    assert seed is None or [b.tolist() for b in plan] != [b.tolist() for b in pairs.plan(8, 2)]


@pytest.mark.parametrize("settings", [{"batch_size": 0}, {"batch_size": 2.5}, {"pool": 0}, {"seed": "x"}, {"seed": -1}])
def test_bad_settings_of_a_plan_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        some_pairs(9).plan(**{"batch_size": 2} | settings)


@pytest.mark.parametrize(
    ("sources", "targets", "says"),
    [
        ([[4]], [[4], [5]], "1 sources and 2 targets"),
        ([[]], [[4]], "source is empty"),
        ([[4.5]], [[4]], "whole numbers from 0"),
        ([[4]], [[-1]], "whole numbers from 0"),
        ([["a"]], [[4]], "whole numbers from 0"),
        ([[[4]]], [[4]], "whole numbers from 0"),
        (None, [[4]], "whole numbers from 0"),
        ([4], [5], "whole numbers from 0"),
    ],
)
def test_bad_pairs_are_refused(sources: Any, targets: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Pairs(sources, targets)


def test_padded_is_a_rectangle() -> None:
    assert padded([[5], [6, 7]]).tolist() == [[5, PAD], [6, 7]]
    assert padded([]).shape == (0, 0) and padded([[], []]).shape == (2, 0)
