"""Bias: the planted shares are in the text, the measure gives known log-odds, the swap undoes itself."""

import math
import re
from collections import Counter

import numpy as np
import pytest

from companion.analysis import bias
from companion.analysis.swap import Swap
from companion.corpora import load_corpus
from companion.corpora.planted import PEOPLES, QUALITIES, planted_text, templates
from companion.errors import UserError
from companion.models import language_model
from companion.tokenizers import CharTokenizer, WordTokenizer

# ---------------------------------------------------------------------------------------------------------------
# The planted text


def test_the_planted_shares_are_in_the_text():
    text = planted_text(40_000, seed=3)
    lines = [line.rstrip(".").split() for line in text.splitlines()]
    for pair, share in PEOPLES.items():
        said = Counter((next(w for w in line if w in pair), line[-1]) for line in lines if set(pair) & set(line))
        for people, quality in zip(pair, QUALITIES, strict=True):
            n = sum(said[people, q] for q in QUALITIES)
            assert abs(said[people, quality] / n - share) < 4 * math.sqrt(0.25 / n)
            assert abs(n / 4_000 - 1) < 0.1


def test_the_planted_text_is_seeded_and_its_held_out_templates_are_others():
    assert planted_text(50, seed=1) == planted_text(50, seed=1) != planted_text(50, seed=2)
    train, held_out = (set(templates(part)) for part in (False, True))
    assert train and held_out and not train & held_out

    def endings(part):
        return {t.split()[-1] for t in templates(part)}

    assert endings(True) == endings(False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, 1), "sentences is 0"),
        ((5, 1, {("dax", "wug"): 1.5}), "a share from 0 to 1"),
        ((5, 1, {}), "no pairs of peoples"),
    ],
)
def test_bad_settings_of_the_planted_text_get_a_sentence(arguments, says):
    with pytest.raises(UserError, match=says):
        planted_text(*arguments)


# ---------------------------------------------------------------------------------------------------------------
# The measure


def test_the_paired_log_odds_of_a_share_give_the_share_back():
    for share in (0.5, 0.6, 0.9):
        table = np.log([[share, 1 - share], [1 - share, share]])
        assert bias.paired_log_odds(table) == pytest.approx(2 * math.log(share / (1 - share)))
        assert bias.strength(bias.paired_log_odds(table)) == pytest.approx(share)


def test_what_both_sentences_share_drops_out():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(7, 2, 2))
    frequency, fit = rng.normal(size=2), rng.normal(size=(7, 2, 1))  # of each word; of each sentence
    assert bias.paired_log_odds(table + frequency + fit) == pytest.approx(bias.paired_log_odds(table))
    with pytest.raises(UserError, match="two groups, two words"):
        bias.paired_log_odds(np.zeros((2, 3)))


def test_planted_log_odds_are_those_that_a_model_was_given():
    """A model whose output weights are 0: its output bias says everything, so no group can matter."""
    words = WordTokenizer.train(planted_text(500, seed=0))
    model = language_model(words.vocab_size, embedding_dim=2, units=2)
    model.get_layer("logits").set_weights([np.zeros((2, words.vocab_size)), np.arange(words.vocab_size) / 10])
    found = bias.planted_log_odds(model, words)
    assert found.shape == (len(PEOPLES), len(templates(held_out=True)))
    assert found == pytest.approx(0, abs=1e-5)


# ---------------------------------------------------------------------------------------------------------------
# The swap


@pytest.fixture(scope="module")
def swap():
    return Swap.learn("I saw him and gave him his hand. Tell him of his fair face. His heart. Him that fell.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The King and his queen.", "The Queen and her king."),
        ("she saw him and HE saw her", "he saw her and SHE saw him"),
        ("Her hand is in hers.", "His hand is in his."),
        ("The fault is his.", "The fault is hers."),
        ("I told her of it", "I told him of it"),
        ("a kingdom, mankind, heresy", "a kingdom, mankind, heresy"),
        ("he's the king's; she'll come", "she's the queen's; he'll come"),
        ("**LADY MACBETH**  \nMy lord", "**LORD MACBETH**  \nMy lady"),
    ],
)
def test_the_swap(swap, text, expected):
    assert swap(text) == expected
    assert swap(swap(text)) == text


def test_the_swap_of_invented_pairs_gives_the_mirror_image_of_the_text():
    mirror = Swap(tuple(PEOPLES))
    text = planted_text(500, seed=0)
    assert mirror(text) != text and mirror(mirror(text)) == text
    assert Counter(mirror(text).split())["dax"] == Counter(text.split())["wug"]
    assert mirror("he and her") == "he and her"


def test_told_apart_counts_what_the_next_word_gives_away(swap):
    assert swap.told_apart("give him his hand and of him gently of his own") == (3, 4)
    assert swap.told_apart("nobody") == (0, 0)


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ((("King", "queen"),), "can't be exchanged"),
        ((("the king", "queen"),), "can't be exchanged"),
        ((("a", "b"), ("b", "c")), "twice"),
        ((), "nothing to exchange"),
        ((("lord", "lord"),), "twice"),
    ],
)
def test_pairs_that_can_t_be_exchanged_get_a_sentence(pairs, says):
    with pytest.raises(UserError, match=says):
        Swap(pairs)


def test_the_pronouns_are_the_rule_s_own():
    with pytest.raises(UserError, match="rule for pronouns"):
        Swap((("his", "hers"),), after_him=frozenset())


# ---------------------------------------------------------------------------------------------------------------
# Counted in text


def test_association_is_zero_if_an_adjective_follows_the_nouns_frequencies():
    counts = np.array([[[30, 10], [5, 5]], [[60, 20], [40, 40]]])
    assert bias.association(counts) == pytest.approx([0, 0])
    assert bias.cell_association(counts) == pytest.approx(np.zeros((2, 2)))


def test_association_compares_within_a_pair_of_nouns():
    """The first adjective is mostly before men's nouns, but only because its nouns are mostly men's."""
    counts = np.array([[[90, 10], [0, 0]], [[90, 10], [50, 50]]])
    assert bias.association(counts)[0] == pytest.approx(0)
    more = np.array([[[80, 20], [0, 0]], [[90, 10], [50, 50]]])
    assert bias.association(more)[0] > 0 > bias.association(more)[1]


def test_association_is_finite_for_what_never_occurs():
    counts = np.array([[[5, 0], [0, 0]], [[5, 9], [0, 0]], [[0, 0], [0, 0]]])
    assert np.isfinite(bias.association(counts)).all() and np.isfinite(bias.cell_association(counts)).all()


def test_a_perfect_network_is_near_a_perfect_score_only_where_much_was_counted():
    few, many = (np.full((18, 7, 2), n) for n in (1, 5_000))
    every = np.ones((18, 7), bool)
    assert bias.perfect_network(many, every, spread=1.0) == pytest.approx((1, 1), abs=0.01)
    r, slope = bias.perfect_network(few, every, spread=1.0)
    assert 0.3 < r < 0.7 and slope < 0.9
    assert bias.perfect_network(few, every, spread=0.1)[0] < 0.2 < r < bias.perfect_network(few, every, spread=3.0)[0]
    assert bias.perfect_network(few, every, 1.0) == bias.perfect_network(few, every, 1.0)


def test_women_are_speakers_of_the_plays_under_one_name_or_two():
    plays = load_corpus("shakespeare").documents
    speakers = set().union(*(bias.spoken_words(play.text) for play in plays))
    assert speakers >= bias.WOMEN
    joint = {who for who in speakers if set(re.split(r" & |, | and ", who)) <= bias.WOMEN}
    assert joint <= bias.WOMEN  # what women say together is theirs


def test_adjectives_are_counted_across_a_line_break_and_as_whole_words():
    counts = bias.adjective_counts("Fair  \nlady, a fair ladyship; unfair lady. GOOD Lord")
    assert counts.sum() == 2
    assert counts[bias.ADJECTIVES.index("fair"), 1, 1] == 1 and counts[bias.ADJECTIVES.index("good"), 1, 0] == 1


def test_directions_are_not_spoken():
    play = "# A Play\n\n**HELENA**  \nO _aside_ me!\n\n_Enter two\nLords_\n\n### SCENE II. A hall.\n\n**KING**  \nAy.\n"
    assert bias.spoken_words(play) == {"helena": 2, "king": 1}


def test_noun_contexts_end_where_the_adjective_begins():
    text = "x" * 120 + " Farewell, my good lord. " + "y" * 30 + " O sweet lady! the good horse"
    contexts = bias.noun_contexts(text, number=5, length=40)
    assert [context[-3:] for context in contexts] == ["my ", " O "] and {len(c) for c in contexts} == {40}
    with pytest.raises(UserError, match="none of the adjectives"):
        bias.noun_contexts("nothing of the kind", number=5)


def test_log_odds_have_a_place_for_every_noun_and_template():
    lean = bias.pronoun_log_odds
    assert all(template.count("{}") == 1 and template.endswith(" ") for template in bias.PRONOUN_TEMPLATES)
    tokenizer = CharTokenizer.train("".join(bias.PRONOUN_TEMPLATES) + "abcdefghijklmnopqrstuvwxyzO")
    model = language_model(tokenizer.vocab_size, embedding_dim=2, units=2)
    assert lean(model, tokenizer, ["king", "queen"]).shape == (2, len(bias.PRONOUN_TEMPLATES))
    assert bias.noun_log_odds(model, tokenizer, ["O ", "my "]).shape == (len(bias.ADJECTIVES), 2, len(bias.NOUNS))
