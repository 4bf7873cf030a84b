"""The gate explorer: its numbers are those of companion.cells, and keyboard, finger and screen reader can use it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from contrast import contrast, luminance

from companion.cells import lstm_forward
from companion.chapters.gates import EXAMPLE, FIRST, SLIDERS, gate_explorer, network_weights, one_step, two_cells
from companion.errors import UserError
from companion.grammar import VERBS, VOCABULARY

sync_api = pytest.importorskip("playwright.sync_api")
STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
SENTENCES = ["the dogs that the cat sees hear", "the bird calls"]
UNITS, FEATURES = 5, 3


def network() -> dict:
    rng = np.random.default_rng(0)
    shapes = {
        "embedding": (len(VOCABULARY), FEATURES),
        "W_x": (FEATURES, 4 * UNITS),
        "W_h": (UNITS, 4 * UNITS),
        "b": (4 * UNITS,),
        "W_y": (UNITS, len(VOCABULARY)),
        "b_y": (len(VOCABULARY),),
    }
    return {"words": list(VOCABULARY), **{name: rng.normal(size=shape).tolist() for name, shape in shapes.items()}}


NETWORK = network()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page like the book's: the styles and the script of every page, and the explorer."""
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    links = "".join(
        f'<link rel="stylesheet" href="{(STATIC / name).as_uri()}">' for name in ("custom.css", "gate-explorer.css")
    )
    script = f'<script src="{(STATIC / "gate-explorer.js").as_uri()}"></script>'
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    theme = f"<script>document.documentElement.dataset.theme = {dark} ? 'dark' : 'light'</script>"
    ground = "<style>html[data-theme=dark] body { background: #121212; color: #ced6dd }</style>"
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    explorer = gate_explorer(NETWORK, SENTENCES, unit=2).data
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{view}<title>Gates</title>{theme}{links}{ground}'
        f"{script}</head><body>{explorer}</body></html>",
        encoding="utf-8",
    )
    return path


def test_a_plain_cell_and_an_lstm_s_are_drawn_alike():
    plain, lstm = re.findall(r"<svg.*?</svg>", two_cells().data)
    box = re.compile(r'class="(box|body)" x="[\d.]+" y="(\d+)" width="[\d.]+" height="(\d+)"')
    assert set(box.findall(plain)) == set(box.findall(lstm)), "boxes of the same height, at the same height"
    for line in ("M2 240H", "M64 296V240", "V128H", "V240H"):  # what comes in, and how the state leaves
        assert line in plain and line in lstm
    assert "<svg" in plain and not {"of-forget", "of-input", "of-output", "of-cell"} & set(re.findall(r"of-\w+", plain))
    names = re.findall(r'\bid="([^"]+)"', plain + lstm)
    assert len(names) == len(set(names)) == 4
    assert all(name in names for svg in (plain, lstm) for name in re.search(r'labelledby="([^"]+)"', svg)[1].split())


@pytest.fixture(scope="module")
def browser() -> Iterator:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, page_file: Path) -> Iterator:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri())
    yield page
    page.close()
    assert not errors


def shown(page) -> dict[str, float]:
    """Every number on the page with all its digits, by name; check that all places show the same, rounded."""
    places = page.evaluate(
        """() => [...document.querySelectorAll("[data-show]")].map((e) =>
             [e.dataset.show, e.dataset.value, e.textContent, Number(e.dataset.digits ?? 2)])"""
    )
    numbers = {}
    for name, value, text, digits in places:
        if name == "x" and not re.fullmatch(r"-?[\d.e-]+", value):
            continue  # a word
        assert numbers.setdefault(name, float(value)) == float(value), name
        if "·" not in text:
            assert float(text.strip("()").replace("−", "-")) == pytest.approx(float(value), abs=0.5001 * 10**-digits), (
                name
            )
    return numbers


def expected(setting: dict[str, float]) -> dict[str, float]:
    numbers = one_step(**setting)
    for place, gate in enumerate("ifgo"):
        numbers[f"from_x_{gate}"] = EXAMPLE["W_x"][0][place] * setting["x"]
        numbers[f"from_h_{gate}"] = EXAMPLE["W_h"][0][place] * setting["h"]
        numbers[f"b_{gate}"] = setting[f"b_{gate}"]
    return numbers | {f"set_{name}": value for name, value in setting.items()}


# -- The page that Python writes -----------------------------------------------------------------------------------


def test_the_page_is_the_same_every_time_and_contacts_no_host():
    html = gate_explorer(NETWORK, SENTENCES).data
    assert html == gate_explorer(NETWORK, SENTENCES).data
    assert not re.search(r"(src|href)=|url\(|fetch|import ", html) and "{{" not in html
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    assert data["network"]["W_x"] == NETWORK["W_x"] and data["sentences"] == SENTENCES
    groups = {name: [VOCABULARY[k] for k in ids] for name, ids in data["network"]["groups"].items()}
    assert groups == {"singular verb": [verb + "s" for verb in VERBS], "plural verb": list(VERBS)}


def test_a_word_that_the_network_does_not_know_is_refused():
    with pytest.raises(UserError, match="no word 'unicorn'"):
        gate_explorer(NETWORK, ["the unicorn calls"])


def test_the_weights_of_a_model_are_written_with_enough_digits():
    rng = np.random.default_rng(1)
    layers = {
        "embedding": [rng.normal(size=(3, 2)).astype(np.float16).astype(np.float32)],
        "lstm_1": [rng.normal(size=shape).astype(np.float32) for shape in ((2, 8), (2, 8), (8,))],
        "logits": [rng.normal(size=shape).astype(np.float32) for shape in ((2, 3), (3,))],
    }
    model = SimpleNamespace(get_layer=lambda name: SimpleNamespace(get_weights=lambda: layers[name]))
    found = network_weights(
        SimpleNamespace(network=model, text_tokenizer=SimpleNamespace(tokens=["<unk>", " the", "."]))
    )
    assert found["words"] == ["<unk>", "the", "."]
    arrays = [array for layer in layers.values() for array in layer]
    for name, array in zip(("embedding", "W_x", "W_h", "b", "W_y", "b_y"), arrays, strict=True):
        np.testing.assert_allclose(found[name], array, rtol=1e-7)


# -- Its numbers ---------------------------------------------------------------------------------------------------


def test_a_step_equals_the_companion_over_many_random_settings(page):
    rng = np.random.default_rng(2)
    settings, results = [], []
    for scale in (0.1, 1, 10, 1000):  # up to gates that are shut to the last digit
        for _ in range(100):
            features, units = rng.integers(1, 6, size=2)
            arrays = {
                "x": rng.normal(size=features),
                "h": rng.uniform(-1, 1, size=units),
                "c": scale * rng.normal(size=units),
                "W_x": scale * rng.normal(size=(features, 4 * units)),
                "W_h": scale * rng.normal(size=(units, 4 * units)),
                "b": scale * rng.normal(size=4 * units),
            }
            x, h, c = (arrays[name][None] for name in "xhc")
            _, _, cache = lstm_forward(x[None], arrays["W_x"], arrays["W_h"], arrays["b"], h, c)
            settings.append({name: array.tolist() for name, array in arrays.items()})
            results.append({name: getattr(cache, name)[0, 0] for name in "ifgoch"})
    got = page.evaluate("settings => settings.map(gateExplorer.step)", settings)
    for ours, theirs in zip(results, got, strict=True):
        for name, array in ours.items():
            np.testing.assert_allclose(theirs[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


def test_reading_equals_the_companion(page):
    words = ["the", "dogs", "that", "the", "cat", "near", "the", "king", "follows", "hear"]
    steps = page.evaluate("([network, words]) => gateExplorer.read(network, words)", [NETWORK, words])
    A = {name: np.array(values) for name, values in NETWORK.items() if name != "words"}
    ids = [VOCABULARY.index(word) for word in [".", *words]]
    h, c, cache = lstm_forward(A["embedding"][ids][:, None], A["W_x"], A["W_h"], A["b"])
    for t, step in enumerate(steps, start=1):
        odds = np.exp(h[t, 0] @ A["W_y"] + A["b_y"])
        np.testing.assert_allclose(step["p"], odds / odds.sum(), atol=1e-12)
        for name, array in {"c": c, "h": h, "i": cache.i, "f": cache.f, "g": cache.g, "o": cache.o}.items():
            np.testing.assert_allclose(step[name], array[t, 0], atol=1e-12)
    assert [step["word"] for step in steps] == words


def test_every_shown_number_equals_the_companion_s_over_many_settings(page):
    assert shown(page) == pytest.approx(expected(FIRST), abs=1e-5)
    rng = np.random.default_rng(3)
    for _ in range(60):
        setting = {name: round(float(rng.uniform(low, high)), 1) for name, (*_, low, high) in SLIDERS.items()}
        page.evaluate(
            """(setting) => { for (const [name, value] of Object.entries(setting)) {
                 const slider = document.querySelector(`[data-set="${name}"]`);
                 slider.value = value;
                 slider.dispatchEvent(new Event("input", { bubbles: true })); } }""",
            setting,
        )
        assert shown(page) == pytest.approx(expected(setting), abs=1e-5)


def test_the_boxes_are_filled_as_far_as_the_gates_are_open(page):
    page.get_by_role("button", name="Erase").click()
    levels = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('[data-level]')].map((e) => [e.dataset.level, "
        "[Number(e.getAttribute('y')), Number(e.getAttribute('height'))]]))"
    )
    numbers = shown(page)
    assert levels["f"] == pytest.approx([150 + 64 * (1 - numbers["f"]), 64 * numbers["f"]])
    assert levels["g"] == pytest.approx([182 - 32 * numbers["g"], 32 * numbers["g"]])


# -- Keyboard, finger, screen reader -------------------------------------------------------------------------------


def test_a_slider_by_keyboard(page):
    slider = page.get_by_role("slider", name="forget bias")
    slider.focus()
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    assert shown(page) == pytest.approx(expected({**FIRST, "b_f": 1.3}), abs=1e-5)
    page.keyboard.press("End")
    assert shown(page) == pytest.approx(expected({**FIRST, "b_f": 6}), abs=1e-5)
    assert [s.get_attribute("data-set") for s in page.get_by_role("slider").all()] == list(SLIDERS)


def test_presets_next_step_and_reset(page):
    page.get_by_role("button", name="Keep").click()
    keep = {**FIRST, "b_f": 6, "b_i": -6}
    assert shown(page) == pytest.approx(expected(keep), abs=1e-5)
    for _ in range(3):
        page.get_by_role("button", name="Next step").click()
        after = one_step(**keep)
        keep |= {"h": after["h"], "c": after["c"]}
        assert shown(page) == pytest.approx(expected(keep), abs=1e-5)
    page.get_by_role("button", name="Reset").click()
    assert shown(page) == pytest.approx(expected(FIRST), abs=1e-5)


def test_all_of_it_can_be_reached_with_the_tab_key(page):
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent || document.activeElement.dataset.set"))
    for name in [*SLIDERS, "Keep", "Write", "Erase", "Next step", "Reset"]:
        assert name in names, name
    page.get_by_role("button", name="A network reads").click()
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
    for name in ["To the start", "Back", "Step", "Play", "1", "5", "The words it knows"]:
        assert name in names, name


def test_stepping_through_a_sentence(page):
    status, step = page.get_by_role("status"), page.get_by_role("button", name="Step", exact=True)
    page.get_by_role("button", name="A network reads").click()
    assert page.get_by_role("slider").count() == 0, "nothing that looks live and isn't"
    assert status.text_content().startswith("Word 1 of 7")
    page.get_by_role("button", name="To the start").click()
    assert status.text_content().startswith("Nothing read yet")
    step.focus()
    for _ in range(3):
        page.keyboard.press("Enter")
    steps = page.evaluate("([network, words]) => gateExplorer.read(network, words)", [NETWORK, SENTENCES[0].split()])
    numbers = shown(page)
    for name in ("f", "i", "g", "o", "c", "h", "from_x_f", "from_h_o", "keep", "write"):
        assert numbers[name] == pytest.approx(steps[2][name][2], abs=1e-12)
    assert status.text_content().startswith("Word 3 of 7, “that”: unit 3 holds ")
    assert page.locator('.strip [aria-current="step"]').text_content() == "that"
    cells = page.locator(".strip tbody tr").nth(2).locator("td").all_text_contents()
    assert [float(text.replace("−", "-")) for text in cells[:3]] == [round(s["c"][2], 2) for s in steps[:3]]
    assert cells[3:] == [""] * 4
    plural = sum(steps[2]["p"][VOCABULARY.index(verb)] for verb in VERBS)
    assert float(page.get_by_role("meter", name="plural verb").get_attribute("aria-valuenow")) == pytest.approx(plural)
    page.get_by_role("button", name="Show unit 5").click()
    assert shown(page)["c"] == steps[2]["c"][4]
    assert page.get_by_role("button", name="Show unit 5").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Back").click()
    assert shown(page)["c"] == steps[1]["c"][4]
    page.get_by_role("button", name="One cell, by hand").click()
    assert shown(page) == pytest.approx(expected(FIRST), abs=1e-5)
    page.get_by_role("slider", name="forget bias").press("ArrowRight")
    assert shown(page) == pytest.approx(expected({**FIRST, "b_f": 2.1}), abs=1e-5)


def test_play_reads_to_the_end_and_stops(page):
    page.clock.install()
    page.reload()
    page.get_by_role("button", name="A network reads").click()
    page.get_by_role("combobox", name="Sentence").select_option("the bird calls")
    page.get_by_role("button", name="Play").click()
    assert page.get_by_role("button", name="Pause").is_visible()
    page.clock.run_for(5_000)
    assert page.get_by_role("status").text_content().startswith("Word 3 of 3")
    assert page.get_by_role("button", name="Play").is_visible()
    assert page.get_by_role("button", name="Step", exact=True).is_disabled()


def test_a_reader_can_type_a_sentence(page):
    page.get_by_role("button", name="A network reads").click()
    field = page.get_by_label("or your own")
    field.fill("The unicorn calls.")
    field.press("Enter")
    said = page.get_by_role("alert").text_content()
    assert said.startswith("The network doesn't know “unicorn”. It knows ") and ", the" in said and ", ." not in said
    field.fill("The king calls.")
    field.press("Enter")
    assert page.get_by_role("alert").text_content() == ""
    assert page.locator(".strip thead th").all_text_contents() == ["unit", "the", "king", "calls", "."]
    chosen = page.get_by_role("combobox", name="Sentence")
    assert chosen.evaluate("e => e.selectedOptions[0].textContent") == "your own"
    chosen.select_option(SENTENCES[0])
    assert field.input_value() == "" and page.get_by_role("status").text_content().startswith("Word 1 of 7")


def test_without_javascript_it_is_a_still_picture(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.get_by_role("img", name="The cell of an LSTM").is_visible()
    assert page.get_by_role("slider").count() == 0 and page.get_by_role("button").count() == 0
    assert page.locator(".still").is_visible()
    texts = page.locator(".formulas p").all_text_contents()
    assert len(texts) == 6 and "0.818" in texts[0] and f"{one_step(**FIRST)['h']:.3f}" in texts[5]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1000])
def test_it_fits_and_can_be_read(browser, page_file, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=width < 600)
    page = context.new_page()
    page.goto(page_file.as_uri())
    for name in ["A network reads", "To the start", *4 * ["Step"]]:
        button = page.get_by_role("button", name=name, exact=True)
        button.tap() if width < 600 else button.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator("button:visible, input:visible, select:visible").all():
        box = target.bounding_box()
        assert box["height"] >= 24 and box["width"] >= 24, target.evaluate("e => e.outerHTML")
    ground = [255] * 3 if scheme == "light" else [18] * 3
    inks = page.evaluate(
        """() => [...document.querySelectorAll(".lstm-cell text, .formulas *, .slider span, button, .said, caption")]
             .map((e) => [e.tagName === "text" ? "fill" : "color", getComputedStyle(e)])
             .map(([ink, style]) => [style[ink], ink === "fill" ? style.fillOpacity : 1])"""
    )
    for ink, opacity in inks:
        levels = [float(part) for part in re.findall(r"[\d.]+", ink)][:3]
        mixed = [float(opacity) * a + (1 - float(opacity)) * b for a, b in zip(levels, ground, strict=True)]
        assert contrast(*(luminance([v / 255 for v in colour]) for colour in (mixed, ground))) >= 4.5, (ink, opacity)
    context.close()
