"""N-gram models: against a slow reference, against the definition of a distribution, and on real text."""

import doctest
import time
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import companion.keys
import companion.ngrams
from companion import UserError
from companion.corpora import load_corpus
from companion.keys import distinct
from companion.ngrams import NGramModel, discounts

texts = st.lists(st.integers(0, 4), min_size=1, max_size=60)
orders = st.integers(1, 6)


def slow_kneser_ney(ids, order, vocab_size, context, token):
    """p(token | context) as Chen and Goodman write it: one n-gram at a time, with dictionaries."""

    def recurse(n, context):
        if n == 0:
            return 1 / vocab_size
        grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
        if n == order:
            counts = Counter(grams)
        else:
            before = defaultdict(set)
            for i, gram in enumerate(grams):
                before[gram].add(ids[i - 1] if i else "start")
            counts = {gram: len(tokens) for gram, tokens in before.items()}
        followers = {gram: count for gram, count in counts.items() if gram[:-1] == context}
        shorter = recurse(n - 1, context[1:])
        if not followers:
            return shorter
        taken = discounts(np.array(list(counts.values())))
        total = sum(followers.values())
        left_over = sum(taken[min(count, 3)] for count in followers.values())
        count = followers.get((*context, token), 0)
        return (count - taken[min(count, 3)]) / total + left_over / total * shorter

    n = min(order, len(context) + 1)
    return recurse(n, tuple(context[len(context) - n + 1 :]))


def random_text(seed, size=200, vocab_size=5):
    """Tokens with some structure: each often follows its predecessor."""
    random = np.random.default_rng(seed)
    jumps = random.choice(
        vocab_size,
        size=size,
        p=np.arange(vocab_size, 0, -1) / sum(range(vocab_size + 1)),
    )
    return np.cumsum(jumps) % vocab_size


# ---------------------------------------------------------------------------------------------------------------
# What it computes


def test_a_worked_example():
    # Bigrams of "abracadabra": ab 2, br 2, ra 2, ac ca ad da 1. n_1 = 4, n_2 = 3, so Y = 4 / 10 and D_1 = 0.4;
    # no bigram occurs three times, so the formula gives no D_2 below 2, and D_2 = 2 / 2. After "a" came b twice,
    # c and d once: 4 in all, of which 1 + 0.4 + 0.4 are taken away.
    ids = ["abcdr".index(letter) for letter in "abracadabra"]
    p = NGramModel(order=2).fit(ids).next_distribution(ids)
    one = NGramModel(order=2).fit(ids).next_distribution([])
    np.testing.assert_allclose(p - 1.8 / 4 * one, [0, (2 - 1) / 4, (1 - 0.4) / 4, (1 - 0.4) / 4, 0], atol=1e-12)
    # The lowest order counts what comes before: a after r, c, d and the start; b, c, d and r after one each.
    # n_1 = 4 and n_2 = 0 give D_1 = 1 / 2; 4 is at least 3, so D_3 = 3 / 2. In all 8, of which 3.5 are taken.
    np.testing.assert_allclose(one, np.array([4 - 1.5, 0.5, 0.5, 0.5, 0.5]) / 8 + 3.5 / 8 / 5)


def test_discounts_are_chen_and_goodmans_equation_17():
    counts = np.repeat([1, 2, 3, 4, 7], [40, 18, 10, 6, 20])
    y = 40 / (40 + 2 * 18)
    np.testing.assert_allclose(
        discounts(counts),
        [0, 1 - 2 * y * 18 / 40, 2 - 3 * y * 10 / 18, 3 - 4 * y * 6 / 10],
    )


@pytest.mark.parametrize("counts", [[5], [1], [2, 2], [1, 1, 3], [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3]])
def test_discounts_of_a_tiny_text_leave_something(counts):
    taken = discounts(np.array(counts))
    assert taken[0] == 0
    assert all(0 < taken[k] < k for k in (1, 2, 3))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_the_slow_reference(order, seed):
    ids = random_text(seed).tolist()
    model = NGramModel(order, vocab_size=7).fit(ids)
    for context in (
        [],
        [3],
        [0, 0],
        [4, 1, 2],
        [1, 1, 1, 1, 1],
        [5, 0],
        [6, 6, 6],
        ids[:4],
        ids[-4:],
    ):
        slow = [slow_kneser_ney(ids, order, 7, context, token) for token in range(7)]
        np.testing.assert_allclose(model.next_distribution(context), slow, rtol=1e-12)


@settings(deadline=None)
@given(texts, orders, st.lists(st.integers(0, 6), max_size=10))
def test_every_distribution_sums_to_one_and_is_nowhere_zero(ids, order, context):
    p = NGramModel(order, vocab_size=7).fit(ids).next_distribution(context)
    assert p.shape == (7,) and p.dtype == np.float64
    assert abs(p.sum() - 1) < 1e-12
    assert (p > 0).all()


@settings(deadline=None)
@given(texts, orders, st.lists(st.integers(0, 6), max_size=12))
def test_log_probabilities_are_those_of_the_next_distributions(ids, order, other):
    model = NGramModel(order, vocab_size=7).fit(ids)
    one_by_one = [np.log(model.next_distribution(other[:t])[token]) for t, token in enumerate(other)]
    np.testing.assert_allclose(model.log_probabilities(other), one_by_one, rtol=1e-12)


@settings(deadline=None)
@given(texts, orders, orders, st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_a_lower_order_of_a_model_is_the_model_of_that_order(ids, order, higher, other):
    order, higher = sorted((order, higher))
    lower = NGramModel(higher, vocab_size=7).fit(ids).with_order(order)
    assert lower.order == order
    np.testing.assert_array_equal(
        lower.log_probabilities(other),
        NGramModel(order, vocab_size=7).fit(ids).log_probabilities(other),
    )


@settings(deadline=None)
@given(texts, orders, st.lists(st.integers(0, 6), max_size=12))
def test_the_longest_match_is_the_longest_ngram_that_the_text_holds(ids, order, other):
    held = {tuple(ids[i : i + n]) for n in range(1, order + 1) for i in range(len(ids) - n + 1)}
    expected = [
        max(
            (n for n in range(1, min(order, t + 1) + 1) if tuple(other[t + 1 - n : t + 1]) in held),
            default=0,
        )
        for t in range(len(other))
    ]
    assert NGramModel(order, vocab_size=7).fit(ids).longest_match(other).tolist() == expected


@settings(deadline=None)
@given(texts, orders, st.lists(st.integers(0, 6), max_size=12))
def test_counts_are_those_of_the_text(ids, order, other):
    counts = NGramModel(order, vocab_size=7).fit(ids).counts(other)
    for t, token in enumerate(other):
        context = other[max(0, t - order + 1) : t]
        n = len(context)
        followers = [ids[i + n] for i in range(len(ids) - n) if ids[i : i + n] == context]
        expected = followers.count(token), len(followers), len(set(followers))
        assert tuple(array[t] for array in counts) == expected


def test_ids_far_apart_are_counted_like_ids_close_together():
    """Only whether two ids are the same matters to the counts."""
    ids = np.random.default_rng(0).integers(0, 5, 300)
    close, apart = NGramModel(4).fit(ids), NGramModel(4).fit(ids * 100_003)
    assert apart.distinct == close.distinct
    for near, far in zip(close.counts(ids), apart.counts(ids * 100_003), strict=True):
        assert (near == far).all()


def test_counts_of_a_lower_order():
    ids = random_text(seed=8)
    np.testing.assert_array_equal(NGramModel(4).fit(ids).counts(ids, 2), NGramModel(2).fit(ids).counts(ids))


def test_cross_entropy_counts_every_token_once():
    ids = random_text(seed=3)
    model = NGramModel(order=4).fit(ids)
    assert model.cross_entropy(ids) == pytest.approx(-model.log_probabilities(ids).sum() / len(ids))
    assert len(model.log_probabilities(ids)) == len(ids)


def test_only_the_last_tokens_of_a_context_count():
    ids = random_text(seed=4)
    model = NGramModel(order=3).fit(ids)
    np.testing.assert_array_equal(model.next_distribution(ids), model.next_distribution(ids[-2:]))


def test_a_context_never_seen_is_the_shorter_one():
    model = NGramModel(order=3, vocab_size=5).fit([0, 1, 2, 0, 1, 3])
    np.testing.assert_array_equal(model.next_distribution([4, 1]), model.next_distribution([1]))
    np.testing.assert_array_equal(model.next_distribution([4, 4]), model.next_distribution([]))


def test_the_docstrings_example():
    assert doctest.testmod(companion.ngrams).failed == doctest.testmod(companion.keys).failed == 0


@pytest.mark.parametrize("top", [1, 7, 200, 10**12])
def test_distinct_keys_are_those_of_numpy(top):
    keys = np.random.default_rng(0).integers(0, top, 100)
    found, place, numbers, counts = distinct(keys)
    expected = np.unique(keys, return_inverse=True, return_counts=True)
    for ours, theirs in zip((found, numbers, counts), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(keys[place], found)


def test_distinct_counts_ngrams():
    ids = random_text(seed=5).tolist()
    held = [len({tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)}) for n in (1, 2, 3)]
    assert NGramModel(order=3).fit(ids).distinct == held


def test_a_text_shorter_than_the_order():
    model = NGramModel(order=6, vocab_size=3).fit([1, 0])
    assert model.distinct == [2, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(model.next_distribution([0, 1, 0, 1, 0, 1]).sum(), 1)


def test_fitting_again_forgets_the_first_text():
    first, second = random_text(seed=6), random_text(seed=7, vocab_size=6)
    again = NGramModel(order=3).fit(first).fit(second)
    assert again.vocab_size == 6
    assert again.cross_entropy(second) == NGramModel(order=3).fit(second).cross_entropy(second)


# ---------------------------------------------------------------------------------------------------------------
# On real text


def characters(*strings):
    alphabet = sorted(set("".join(strings)))
    place = {character: i for i, character in enumerate(alphabet)}
    return [np.array([place[character] for character in string]) for string in strings], len(alphabet)


def test_on_english_each_order_does_better_and_a_discount_helps():
    training, _, test = load_corpus("python-docs").split()
    (train_ids, test_ids), size = characters(training, test)
    model = NGramModel(order=6, vocab_size=size).fit(train_ids)
    bits = [model.with_order(n).cross_entropy(test_ids) / np.log(2) for n in range(1, 7)]
    assert bits == sorted(bits, reverse=True)
    assert 1 < bits[5] < 3 < bits[0] < np.log2(size)
    # Counting alone, with one added to every count (Laplace), is far worse at the same order.
    keys, query = (np.convolve(ids, size ** np.arange(6))[5:-5] for ids in (train_ids, test_ids))
    grams, gram_counts = np.unique(keys, return_counts=True)
    contexts, context_counts = np.unique(keys // size, return_counts=True)

    def count(values, counts, wanted):
        places = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
        return np.where(values[places] == wanted, counts[places], 0)

    add_one = (count(grams, gram_counts, query) + 1) / (count(contexts, context_counts, query // size) + size)
    assert -np.log2(add_one).mean() > bits[5] + 1


@pytest.mark.speed
def test_large_texts_fit_in_seconds():
    random = np.random.default_rng(0)
    ids = (random.pareto(1.0, size=1_000_000) * 20).astype(np.int64) % 10_000  # words: few common, many rare
    started = time.process_time()
    model = NGramModel(order=4, vocab_size=10_000).fit(ids)
    fitted = time.process_time()
    assert fitted - started < 12  # a fifth of the minute that 5 M tokens may take
    for i in range(100):
        model.next_distribution(ids[i : i + 10])
    assert (time.process_time() - fitted) / 100 < 0.001
    assert model.next_distribution(ids[:10]).sum() == pytest.approx(1, abs=1e-9)


# ---------------------------------------------------------------------------------------------------------------
# What it refuses


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: NGramModel(0), "order is 0; .* at least 1"),
        (lambda: NGramModel(2.5), "order is 2.5"),
        (lambda: NGramModel(None), "order is None"),
        (lambda: NGramModel(True), "order is True"),
        (lambda: NGramModel(float("nan")), "order is nan"),
        (lambda: NGramModel(2, vocab_size=0), "vocab_size is 0"),
        (lambda: NGramModel(2, vocab_size=3.0), "vocab_size is 3.0"),
        (lambda: NGramModel(2).fit([]), "empty text"),
        (lambda: NGramModel(2).fit("text"), "integers in one dimension"),
        (lambda: NGramModel(2).fit([0.5, 1.5]), "integers in one dimension"),
        (lambda: NGramModel(2).fit([[0, 1]]), "integers in one dimension"),
        (lambda: NGramModel(2).fit([[0, 1], [2]]), "integers in one dimension"),
        (lambda: NGramModel(2).fit(None), "integers in one dimension"),
        (lambda: NGramModel(2).fit([True, False]), "integers in one dimension"),
        (lambda: NGramModel(2).fit([2**62, 2**62 - 1]), "too many to count by"),
        (lambda: NGramModel(2).fit([2**63 - 1]), "too many to count by"),
        (lambda: NGramModel(2).fit(np.array([2**64 - 1], np.uint64)), "too many to count by"),
        (lambda: NGramModel(2, 3).fit(np.array([2**64 - 1], np.uint64)), "outside the model's vocabulary"),
        (
            lambda: NGramModel(2, vocab_size=3).fit([0, 3]),
            "id 3 is outside the model's vocabulary, 0 to 2",
        ),
        (lambda: NGramModel(2).fit([0, -1]), "id -1 is below 0"),
        (lambda: NGramModel(2).fit([-1]), "id -1 is below 0"),
        (lambda: NGramModel(2, 3).fit([-3, -1]), "id -3 is below 0"),
        (lambda: NGramModel(2).fit([0, 1]).next_distribution([2]), "id 2 is outside"),
        (
            lambda: NGramModel(2).fit([0, 1]).log_probabilities([0, -1]),
            "id -1 is below 0",
        ),
        (lambda: NGramModel(2).fit([0, 1]).cross_entropy([]), "no cross-entropy"),
        (lambda: NGramModel(2).fit([0, 1]).with_order(3), "orders 1 to 2; for 3, fit another one"),
        (lambda: NGramModel(2).fit([0, 1]).with_order(0), "order is 0"),
        (lambda: NGramModel(2).fit([0, 1]).with_order(1.5), "order is 1.5"),
        (lambda: NGramModel(2).fit([0, 1]).counts([0, 1], 0), "order is 0"),
        (lambda: NGramModel(2).fit([0, 1]).counts([0, 1], 3), "orders 1 to 2"),
        (lambda: NGramModel(2).fit([0, 1]).next_distribution(None), "integers in one dimension"),
        (lambda: NGramModel(2).fit([0, 1]).longest_match("ab"), "integers in one dimension"),
        (lambda: discounts([-1, 2]), "A count is -1"),
        (lambda: discounts([0.5]), "integers in one dimension"),
        (lambda: NGramModel(2).next_distribution([]), "call fit"),
        (lambda: NGramModel(2).cross_entropy([0]), "call fit"),
        (lambda: NGramModel(2).vocab_size, "call fit"),
    ],
)
def test_bad_input_gets_a_sentence(use, message):
    with pytest.raises(UserError, match=message):
        use()


def test_a_refused_text_leaves_the_model_as_it_was():
    model = NGramModel(2).fit([0, 1, 2, 0])
    before = model.next_distribution([0])
    for wrong in ([0, -1], [], [2**62]):
        with pytest.raises(UserError):
            model.fit(wrong)
    np.testing.assert_array_equal(model.next_distribution([0]), before)
