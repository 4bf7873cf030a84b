"""The glossary: its entries, the links that lead to it, and what the extension does with small books."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from glossary import CHINESE, Entry, Finder, entries_of
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

BOOK = Path(__file__).resolve().parents[1] / "book"


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    found, problems = entries_of(yaml.safe_load((BOOK / "glossary.yml").read_text(encoding="utf-8")))
    assert problems == []
    return found


def chapters() -> set[str]:
    return set(re.findall(r"file: ([\w-]+)", (BOOK / "_toc.yml").read_text())) | {"index"}


# -- the book's glossary -----------------------------------------------------------------------------------------


def test_every_chapter_that_an_entry_names_exists(entries: list[Entry]) -> None:
    named = {page for entry in entries for page in (entry.chapter, *entry.pages) if page}
    assert named <= chapters()
    for entry in entries:
        assert not entry.chapter or entry.chapter in (entry.pages or {entry.chapter}), entry.term


def test_every_entry_says_little_and_has_its_pronunciation(entries: list[Entry]) -> None:
    for entry in entries:
        sentences = re.findall(r"[.!?](?= |$)", entry.meaning)
        assert len(sentences) <= 3 and len(entry.meaning) <= 240, entry.term
        syllables = [part for part in re.split(r"[\s–-]+", entry.pinyin) if part not in re.split(r"[\s–-]+", entry.zh)]
        assert len(syllables) == len(CHINESE.findall(entry.zh)), entry.zh


def test_the_page_has_every_term_in_order(html: Path, entries: list[Entry]) -> None:
    page = BeautifulSoup((html / "glossary.html").read_text(encoding="utf-8"), "html.parser")
    terms = page.select("dl.glossary dt")
    names = [str(term.contents[0]).strip() for term in terms]
    assert sorted(names) == sorted(entry.term.replace("'", "’") for entry in entries)
    assert names == sorted(names, key=str.casefold) and len(set(names)) == len(names)
    for term in terms:
        assert (chinese := term.select_one("span[lang=zh]")) and CHINESE.search(chinese.get_text()), term
    rows = page.select("table.glossary-pinyin tbody tr")
    assert len(rows) == len(entries)
    assert all(row.select_one("[lang=zh]") and row.select_one("a[href^='#term-']") for row in rows)


def test_every_entry_is_linked_from_a_chapter(html: Path, entries: list[Entry]) -> None:
    targets: set[str] = set()
    for path in html.glob("*.html"):
        links = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select("a.glossary-term")
        assert all(link.get("title") for link in links), path.name
        assert not any(link.find_parent(["h1", "h2", "h3", "pre", "code", "figcaption", "table"]) for link in links)
        found = [str(link["href"]) for link in links]
        assert len(set(found)) == len(found), f"{path.name} links a term twice"
        targets |= set(found)
    page = BeautifulSoup((html / "glossary.html").read_text(encoding="utf-8"), "html.parser")
    for term in page.select("dl.glossary dt"):
        name = str(term.contents[0]).strip()
        chapter = next(entry.chapter for entry in entries if entry.term.replace("'", "’") == name)
        where = term.find_next_sibling("dd")
        assert f"glossary.html#{term['id']}" in targets, f"no chapter uses {name}"
        explained = f"[href='{chapter}.html']" if chapter else ""
        assert isinstance(where, Tag) and where.select_one(f".glossary-where a{explained}"), name


# -- bad entries -------------------------------------------------------------------------------------------------

GOOD = {"term": "loss", "zh": "损失", "pinyin": "sǔn shī", "meaning": "What training makes smaller.", "chapter": "one"}


def test_a_good_entry() -> None:
    assert entries_of([GOOD]) == ([Entry(**GOOD)], [])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"zh": ""}, "'zh' is missing"),
        ({"zh": "loss"}, "no Chinese character: 'loss'"),
        ({"meaning": "What training makes smaller"}, "end with a full stop"),
        ({"meaning": ["a", "b"]}, "'meaning' should be a str"),
        ({"also": "losses"}, "'also' should be a list"),
        ({"emphasised": "loss"}, "'emphasised' should be a bool or list"),
        (
            {"also": ["cost"], "emphasised": ["cots"]},
            "'emphasised' has 'cots', which is neither the term nor under 'also'",
        ),
        ({"chinese": "损失"}, "unknown key 'chinese'"),
        ({"term": None}, "'term' is missing"),
    ],
)
def test_a_bad_entry_is_named_and_left_out(change: dict, problem: str) -> None:
    entries, (text,) = entries_of([GOOD | change])
    assert entries == [] and problem in text and text.startswith("entry 1")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"term": "Loss"}, "already has the name 'loss'"),
        ({"term": "cost"}, "already has the name '损失'"),
        ({"term": "cost", "zh": "代价", "also": ["loss"]}, "already has the form 'loss'"),
    ],
)
def test_two_entries_may_not_have_the_same_name_or_form(change: dict, problem: str) -> None:
    entries, (text,) = entries_of([GOOD, GOOD | change])
    assert len(entries) == 1 and problem in text and "entry 2" in text
    assert entries_of([GOOD, 3])[1] == [
        "entry 2: an entry is a mapping with term, zh, pinyin and meaning",
    ]


def test_two_entries_may_share_a_form_on_different_pages() -> None:
    other = GOOD | {"term": "loss (of weight)", "zh": "失重", "pages": ["two"]}
    entries, problems = entries_of([GOOD, other])
    assert problems == []
    assert [Finder(entries, page).whole("loss") for page in ("one", "two")] == entries


# -- finding terms -----------------------------------------------------------------------------------------------


def entry(term: str, zh: str = "词", **more) -> Entry:
    return Entry(term, zh, "cí", "A word.", "one", **more)


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("loss", "The loss falls.", ["loss"]),
        ("loss", "Losses and glosses, loss-free, lossy", ["Losses"]),
        ("perplexity", "perplexities", ["perplexities"]),
        ("key", "keys, keies", ["keys"]),
        ("cross-entropy", "Cross entropy, cross-\nentropy", ["Cross entropy", "cross-\nentropy"]),
        ("LSTM", "an LSTM's gates, two LSTMs, an lstm", ["LSTM", "LSTMs"]),
        ("Bayes' rule", "by Bayes' rule, Bayes’ rule", ["Bayes' rule", "Bayes’ rule"]),
        ("bias (of a unit)", "the bias", ["bias"]),
        ("C", "C++ and c", ["C"]),
    ],
)
def test_forms(term: str, text: str, found: list[str]) -> None:
    matches = Finder([entry(term)], "one").within(text)
    assert [text[start:stop] for start, stop, _ in matches] == found


def test_the_longest_term_wins_and_everyday_words_need_emphasis() -> None:
    model, large = entry("language model"), entry("large language model")
    state = entry("state", emphasised=True)
    finder = Finder([model, large, state], "one")
    assert [found.term for *_, found in finder.within("A large language model, a language model, a state")] == [
        "large language model",
        "language model",
    ]
    assert finder.whole("states") == finder.whole("A state.") == state and finder.whole("a good state") is None


def test_emphasis_may_be_needed_by_some_forms_only() -> None:
    finder = Finder([entry("test set", also=("test",), emphasised=("test",))], "one")
    text = "A test, not yet a test set."
    assert [text[start:stop] for start, stop, _ in finder.within(text)] == ["test set"]
    assert finder.whole("test") and finder.whole("the test set")


def test_chinese_names_count_in_a_chinese_edition_only() -> None:
    gate = entry("forget gate", "遗忘门", zh_also=("忘记门",))
    text = "遗忘门又称忘记门，即forget gate。"
    assert len(list(Finder([gate], "one", chinese=True).within(text))) == 3
    assert len(list(Finder([gate], "one").within(text))) == 1


# -- small books -------------------------------------------------------------------------------------------------

PAGES = {
    "index": "# Start\n\nA loss here.\n\n```{toctree}\ntwo\none\nglossary\n```\n",
    "one": """# On the loss and on gradients

> A gradient in a quotation.

`loss` and [loss](two.md) and $loss$, then a *look at the loss*. So much for the loss.

| loss |
|---|
| loss |

A gate is open. The **loss** again, and *gates*. Use {term}`损失` or {term}`loss`.

- in a list the gra-
  dient, the gradient
""",
    "two": """# Two

Nothing, but a recurrent
network, its state and a *state*.

:::{exercise} Loss
What is the gradient, the *recurrent network*, a *gate*? What is its *variance*?
:::
""",
    "glossary": "# Glossary\n\n```{terms}\n```\n\n```{terms-by-pinyin}\n```\n",
}
ENTRIES = [
    GOOD,
    {"term": "gate", "zh": "门", "pinyin": "mén", "meaning": "It opens.", "chapter": "one", "emphasised": True},
    {"term": "gradient", "zh": "梯度", "pinyin": "tī dù", "meaning": "The slopes, $g$.", "chapter": "one"},
    GOOD | {"term": "state", "zh": "状态", "pinyin": "zhuàng tài", "chapter": "two", "emphasised": True},
    GOOD | {"term": "recurrent network", "zh": "循环网络", "pinyin": "xún huán wǎng luò", "chapter": "two"},
    GOOD | {"term": "variance", "zh": "方差", "pinyin": "fāng chā", "chapter": "two"},
]


class SmallBook:
    def __init__(self, root: Path):
        self.source, self.out = root / "book", root / "out"
        self.source.mkdir()
        self.entries(ENTRIES)
        for name, text in PAGES.items():
            self.write(name, text)
        (self.source / "conf.py").write_text(
            f"import sys; sys.path.insert(0, {str(BOOK / '_ext')!r})\n"
            "extensions = ['myst_parser', 'sphinx_exercise', 'glossary']\n"
            "myst_enable_extensions = ['dollarmath', 'attrs_inline', 'colon_fence']\n"
            "locale_dirs = ['locale']\n"
            "gettext_compact = False\n"
        )

    def entries(self, raws: list) -> None:
        (self.source / "glossary.yml").write_text(yaml.safe_dump(raws, allow_unicode=True), encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        (self.source / f"{name}.md").write_text(text, encoding="utf-8")

    def build(self, builder: str = "html", **settings) -> str:
        """Build; return the warnings."""
        warnings = io.StringIO()
        out = self.out / (builder + settings.get("language", ""))
        with patch_docutils(str(self.source)), docutils_namespace():
            app = Sphinx(
                self.source,
                self.source,
                out,
                out / "doctrees",
                builder,
                {"nitpicky": True} | settings,
                status=None,
                warning=warnings,
            )
            app.build()
        return re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())

    def page(self, name: str, builder: str = "html") -> BeautifulSoup:
        return BeautifulSoup((self.out / builder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")

    def links(self, name: str, builder: str = "html") -> list[tuple[str, str]]:
        """The text and the target of each link to the glossary on a page."""
        found = self.page(name, builder).select("a.glossary-term")
        return [(link.get_text(), str(link["href"])) for link in found]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    book = SmallBook(tmp_path_factory.mktemp("small"))
    assert book.build() == ""
    return book


def test_the_first_use_in_running_text_is_linked(small: SmallBook) -> None:
    assert small.links("index") == [("loss", "glossary.html#term-loss")]
    assert small.links("one") == [
        ("loss", "glossary.html#term-loss"),
        ("gates", "glossary.html#term-gate"),
        ("gradient", "glossary.html#term-gradient"),
    ]
    strong, *others = small.page("one").select("a.glossary-term")
    assert strong.select_one("strong"), "where its chapter emphasises a term, it is defined"
    assert strong["title"] == "What training makes smaller." and others[1]["title"] == "The slopes, g."
    assert small.links("two") == [
        ("recurrent\nnetwork", "glossary.html#term-recurrent-network"),
        ("state", "glossary.html#term-state"),
        ("variance", "glossary.html#term-variance"),
    ], "in an exercise only what its own chapter defines there"


def test_an_entry_needs_no_chapter(small: SmallBook) -> None:
    plain = {key: value for key, value in GOOD.items() if key != "chapter"} | {"term": "list", "zh": "列表"}
    small.entries([*ENTRIES, plain])
    assert small.build() == ""
    assert "First used in On the loss and on gradients." in small.page("glossary").get_text()
    small.entries(ENTRIES)
    small.build()


def test_the_glossary_says_where(small: SmallBook) -> None:
    page = small.page("glossary")
    names = [term.get_text().split("¶")[0] for term in page.select("dl.glossary dt")]
    assert names == [
        "gate 门",
        "gradient 梯度",
        "loss 损失",
        "recurrent network 循环网络",
        "state 状态",
        "variance 方差",
    ]
    where = [line.get_text() for line in page.select(".glossary-where")]
    assert where[0] == "Explained in On the loss and on gradients."
    assert where[2] == "Explained in On the loss and on gradients; first used in Start."
    rows = [row.get_text(" ", strip=True) for row in page.select("table tbody tr")]
    assert [row.split()[0] for row in rows] == ["方差", "门", "损失", "梯度", "循环网络", "状态"]
    assert {span["lang"] for span in page.select("dt span.glossary-zh")} == {"zh"}


def test_term_roles_work_with_either_name(small: SmallBook) -> None:
    assert len(small.page("one").select("a:has(.std-term)[href='glossary.html#term-loss']")) == 2


def test_a_changed_glossary_changes_the_links(small: SmallBook) -> None:
    more = GOOD | {"term": "nothing", "zh": "无", "pinyin": "wú", "meaning": "It isn't.", "chapter": "two"}
    small.entries([*ENTRIES, more])
    assert small.build() == ""
    assert small.links("two")[0] == ("Nothing", "glossary.html#term-nothing")
    small.entries(ENTRIES)
    small.build()
    assert len(small.links("two")) == 3


def test_a_changed_page_changes_the_glossary(small: SmallBook) -> None:
    small.write("two", PAGES["two"] + "\nAnd a gradient.\n")
    assert small.build() == ""
    assert "first used in Two" in small.page("glossary").get_text()
    small.write("two", PAGES["two"])
    small.build()
    assert "first used in Two" not in small.page("glossary").get_text()


def test_a_bad_entry_is_a_warning(small: SmallBook) -> None:
    small.entries([*ENTRIES, GOOD | {"term": "cost", "zh": "cost"}])
    assert "WARNING: glossary.yml: entry 7 (cost): 'zh' has no Chinese character: 'cost'" in small.build()
    small.entries(ENTRIES)
    assert small.build() == ""


def test_a_book_without_a_glossary_has_no_links_and_no_warnings(tmp_path: Path) -> None:
    book = SmallBook(tmp_path)
    (book.source / "glossary.md").unlink()
    book.write("index", PAGES["index"].replace("glossary\n", ""))
    book.write("one", "# One\n\nThe loss.\n")
    assert book.build() == ""
    assert book.links("one") == [] and "The loss." in book.page("one").get_text()


def test_pages_read_in_parallel_have_the_same_links(small: SmallBook, tmp_path: Path) -> None:
    for n in range(6):  # Sphinx reads in parallel from six pages on
        small.write(f"more-{n}", f"---\norphan: true\n---\n# More {n}\n\nThe gradient.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-j2", small.source, tmp_path]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    for n in range(6):
        (small.source / f"more-{n}.md").unlink()
    assert outcome.returncode == 0 and outcome.stderr == ""
    for name in ("one", "two", "more-5", "glossary"):
        page = BeautifulSoup((tmp_path / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        if name.startswith("more"):
            assert len(page.select("a.glossary-term[title='The slopes, g.']")) == 1
        else:
            ours = small.page(name)
            assert page.select("a.glossary-term, .glossary-where") == ours.select("a.glossary-term, .glossary-where")


# -- the Chinese edition -----------------------------------------------------------------------------------------


def test_links_change_nothing_that_is_translated(small: SmallBook) -> None:
    assert small.build("gettext") == ""
    messages = {path.stem: path.read_text(encoding="utf-8") for path in (small.out / "gettext").glob("*.pot")}
    assert 'msgid "A gate is open. The **loss** again, and *gates*.' in messages["one"]
    assert 'msgid "What training makes smaller."' in messages["glossary"]
    assert "损失" not in messages["glossary"] and "Explained" not in messages["glossary"]


def test_a_chinese_edition_links_the_chinese_names(small: SmallBook) -> None:
    catalogs = small.source / "locale" / "zh_CN" / "LC_MESSAGES"
    catalogs.mkdir(parents=True)
    translated = {
        "index": {"A loss here.": "这里有损失。"},
        "two": {"Nothing, but a recurrent network, its state and a *state*.": "循环网络的状态就是 *状态* 。"},
        "glossary": {"What training makes smaller.": "训练要减小的量。"},
    }
    for name, pairs in translated.items():
        lines = ['msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n']
        lines += [f'msgid "{text}"\nmsgstr "{chinese}"\n' for text, chinese in pairs.items()]
        (catalogs / f"{name}.po").write_text("\n".join(lines), encoding="utf-8")
    assert small.build(language="zh_CN") == ""
    assert small.links("index", "htmlzh_CN") == [("损失", "glossary.html#term-loss")]
    assert small.page("index", "htmlzh_CN").select_one("a.glossary-term[title='训练要减小的量。']")
    assert [text for text, _ in small.links("two", "htmlzh_CN")] == ["循环网络", "状态", "variance"]
    assert small.page("two", "htmlzh_CN").select_one("a.glossary-term em")
    page = small.page("glossary", "htmlzh_CN")
    assert page.select_one("dl.glossary dt").get_text().startswith("方差 variance")  # type: ignore[union-attr]
    assert "讲解：" in page.get_text() and "；首次出现：" in page.get_text()
