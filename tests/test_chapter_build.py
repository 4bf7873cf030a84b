"""The reader's pieces put together: their gradients, their model, and what it reports as it learns."""

import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from itertools import islice

import numpy as np
import pytest
from test_exercises_build import RIGHT

from companion import grammar
from companion.cells import gradient_check
from companion.chapters import build
from companion.errors import UserError

PIECES = build.collect(RIGHT)
TEXT = grammar.decode(grammar.sample(0, 3_000))


def test_what_is_missing_is_named_with_its_exercise():
    with pytest.raises(UserError, match="no function 'sample' yet; the exercise build-sampler"):
        build.collect({name: piece for name, piece in RIGHT.items() if name != "sample"})
    assert {name for names in build.EXERCISES.values() for name in names} == {f.name for f in fields(PIECES)}


def test_the_gradients_of_a_window_are_those_of_the_loss():
    rng = np.random.default_rng(0)
    W = {name: weight.astype(float) for name, weight in build.initial_weights(5, 3).items()}
    W["W_y"], W["b_y"] = rng.normal(size=(3, 5)), rng.normal(size=5)
    x, y = rng.integers(5, size=(2, 4, 2))
    state = tuple(rng.normal(size=(2, 2, 3)))
    _, dW, _ = build.gradients(x, y, state, W, PIECES)
    errors = gradient_check(lambda v: build.gradients(x, y, state, v, PIECES)[0], W, dW)
    assert max(errors.values()) < 1e-6, errors


def test_the_window_hands_its_state_on():
    W, zeros = build.initial_weights(5, 3), np.zeros((2, 3), np.float32)
    ids = np.random.default_rng(0).integers(5, size=(9, 2))
    _, _, middle = build.gradients(ids[:4], ids[1:5], (zeros, zeros), W, PIECES)
    _, _, end = build.gradients(ids[4:8], ids[5:9], middle, W, PIECES)
    _, at_once, _ = build.read(ids[:8], (zeros, zeros), W, PIECES.step)
    np.testing.assert_allclose(end, at_once, atol=1e-6)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(build.train_and_write(PIECES, TEXT, seconds=np.inf, updates=150, length=60))


def test_it_learns_and_writes(lines):
    passage = lines[-1]
    bits = [float(line.rpartition(" ")[2]) for line in lines[1:-1]]
    counted, first, last = bits[0], bits[1], bits[-3]
    assert lines[0].startswith(f"{len(TEXT) - len(TEXT) // 10:,} characters to learn from")
    assert len(lines) == build.REPORTS + 6
    assert first == pytest.approx(np.log2(len(set(TEXT)) + 1), abs=0.3), "at first it knows nothing"
    assert last < counted < first and last > grammar.bits_per_character() - 0.03
    assert len(passage) == 60 and set(passage) <= set(TEXT)


def test_the_same_seed_learns_and_writes_the_same(lines):
    again = build.train_and_write(PIECES, TEXT, seconds=np.inf, updates=150, length=60)
    assert list(again) == lines


def test_attention_mixes_probabilities_and_sees_no_later_character():
    model = build.Model(PIECES, TEXT, units=4)
    ids = model.encode(TEXT[:30])
    hidden, _, _ = build.read(ids[:, None], model.start(1), model.W, PIECES.step)
    p = model.next_p(hidden[1:, 0], ids)
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(p[:20], model.next_p(hidden[1:21, 0], ids[:20]), atol=1e-6)
    assert np.abs(p - model.next_p(hidden[1:, 0], ids, share=0))[1:].max() > 0.01


def test_reading_in_order_costs_what_each_character_costs():
    model = build.Model(PIECES, TEXT, units=4)
    ids = model.encode(TEXT[:2_500])
    hidden, _, _ = build.read(ids[:-1, None], model.start(1), model.W, PIECES.step)
    p = model.next_p(hidden[1:, 0], ids[:-1], share=0)
    by_hand = -np.log2(p[np.arange(len(p)), ids[1:]]).mean()
    assert model.bits_with_attention(ids, share=0) == pytest.approx(by_hand, abs=1e-4)


def test_an_unknown_character_is_no_problem():
    model = build.Model(PIECES, TEXT, units=4)
    assert model.encode("é")[0] == 0 and len(model.write("é字", 5)) == 5
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    assert len(build.Model(PIECES, many, units=2).alphabet) == build.CHARACTERS + 1


def test_time_ends_a_loop_that_would_go_on():
    def endless(ids, learn, start, batch, window, updates):
        losses = [learn(ids[:4, None], ids[1:5, None], (start[0][:1], start[1][:1]))[0] for _ in range(10**9)]
        yield from losses

    model = build.Model(replace(PIECES, train=endless), TEXT, units=2)
    ids = model.encode(TEXT)
    reports = list(build.training(model, ids, ids[:100], seconds=0.2))
    assert len(reports) == 1 and model.updates > 0


def test_a_short_text_is_refused():
    with pytest.raises(UserError, match="has 99 characters; it takes at least 6,000"):
        next(build.train_and_write(PIECES, "a" * 99))


def test_lines_come_as_the_training_goes_on():
    calls = []

    def step(*arguments):
        calls.append(1)
        return PIECES.step(*arguments)

    told = build.train_and_write(replace(PIECES, step=step), TEXT, seconds=np.inf, updates=50)
    assert len(list(islice(told, 2))) == 2 and not calls, "the counts come before any reading"


# -- What the page shows ---------------------------------------------------------------------------------------------


def test_the_drawing_names_the_eight_pieces():
    drawing = build.pieces_drawing().data
    assert re.findall(r">(\d) ", drawing) and sorted(re.findall(r">(\d) ", drawing)) == list("12345678")
    assert 'role="img"' in drawing and "\n" not in drawing


def test_the_source_is_that_of_the_module():
    shown = build.source(build.gradients, build.Model.learn).data
    assert shown.startswith("```python\ndef gradients(x, y, state, W, pieces):\n")
    assert "\n\ndef learn(self, x, y, state, rate):\n" in shown
    names: dict = {"np": np, **vars(build)}
    exec(shown.partition("\n")[2].removesuffix("```"), names)
    x, state = np.zeros((3, 2), int), (np.zeros((2, 3), np.float32),) * 2
    W = build.initial_weights(5, 3)
    assert names["gradients"](x, x, state, W, PIECES)[0] == build.gradients(x, x, state, W, PIECES)[0]


def test_a_text_survives_in_the_page():
    text = 'a "quote"\n</script> 字'
    inside = re.fullmatch(r'<script type="application/json" id="build-text">(.*)</script>', build.embedded(text).data)
    assert inside and "</" not in inside[1] and json.loads(inside[1]) == text


def test_it_needs_no_framework():
    code = (
        "import sys, companion.chapters.build, companion.exercises.build\n"
        "print({'tensorflow', 'keras', 'matplotlib', 'sklearn', 'IPython'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
