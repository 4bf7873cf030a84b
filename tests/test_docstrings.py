"""Pairs of documentation and first lines: what is prose, what is left out, and that the parts don't overlap."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from companion.corpora import docstrings
from companion.corpora.docstrings import (
    Documented,
    docstrings_in,
    load_documented,
    read_docstring,
    split_sentences,
    tokens_of,
    without_duplicates,
)
from companion.errors import UserError
from companion.recipes import docstring_pairs, docstring_pairs_without_copying

BODY = "The file is read from the beginning to the end, and every line that is in it counts as one of the lines."
GOOD = f"""Count the lines of a :term:`file`.

{BODY} It may be empty.

Parameters
----------
path : str
    The file.

More prose that is not read.
"""


def test_a_docstring_is_read_until_its_prose_ends():
    assert read_docstring(GOOD) == (f"{BODY} It may be empty.", "Count the lines of a file.")


@pytest.mark.parametrize(
    "end",
    ["Args:\n    path: The file.", ">>> count()\n3", ":param path: the file", "- a list", ".. note:: x", "  x = 1"],
)
def test_what_ends_the_prose(end):
    assert read_docstring(f"Count the lines of a file.\n\n{BODY}\n{end}")[0] == BODY


@pytest.mark.parametrize(
    "docstring",
    [
        "Count the lines of a file.",
        f"Count.\n\n{BODY}",
        f"Count the lines of a file\n\n{BODY}",
        f"Count lines. Then print all of them.\n\n{BODY}",
        f"{' '.join(['Count'] * 17)}.\n\n{BODY}",
        "Count the lines of a file.\n\nIt is short.",
        "Count lines of a file.\n\nDie Datei wird von vorne bis hinten gelesen; jede Zeile darin wird einmal erfasst.",
        f"Count the lines of a file.\n\nx_1 = f_2(y_3) + g_4[z_5] * h_6(m_7, n_8) - a_9 % c_11 ** d_12 & e_13. {BODY}",
        "",
    ],
)
def test_what_is_left_out(docstring):
    assert read_docstring(docstring) is None


def test_a_body_is_whole_sentences_and_at_most_sixty_tokens():
    body, _ = read_docstring(f"Count the lines of a file.\n\n{BODY} {BODY} {BODY}")
    assert body == f"{BODY} {BODY}" and len(tokens_of(body)) <= docstrings.BODY_TOKENS


def test_docstrings_are_found_without_importing(tmp_path):
    source = "'Top.'\nraise SystemExit\nclass A:\n    'Of A.'\n    def f(self): 'Of f.'\nasync def g(): 'Of g.'\n"
    assert list(docstrings_in(source)) == [((), "Top."), (("A",), "Of A."), (("A", "f"), "Of f."), (("g",), "Of g.")]
    assert list(docstrings_in("def broken(: 'x'")) == []
    (tmp_path / "danger.py").write_text(f"'''{GOOD}'''\nimport nowhere_at_all\n")
    (pair,) = docstrings.collect("p", {"p/danger": tmp_path / "danger.py"})
    assert pair.name == "p.danger" and "nowhere_at_all" not in sys.modules


def test_of_duplicates_the_earlier_part_keeps_one():
    other = "Nothing here is like the text of another pair, because all of its words are new ones."
    test = [Documented("a", "x", BODY, "Count the lines.")]
    training = [
        Documented("b", "same summary", other, "count the lines."),
        Documented("b", "near body", BODY.replace("beginning", "start"), "Tell how many lines there are."),
        Documented("b", "new", other, "Say something quite new."),
    ]
    assert [[pair.name for pair in part] for part in without_duplicates([test, training])] == [["x"], ["new"]]


@pytest.fixture(scope="module")
def parts():
    return load_documented()


def test_there_are_enough_pairs(parts):
    training, validation, test = map(len, parts)
    assert training + validation + test >= 5_000 and training >= 5_000 and validation >= 400 and test >= 600


def test_packages_are_kept_apart(parts):
    packages = [{pair.package for pair in part} for part in parts]
    assert packages == [set(docstrings.TRAINING), set(docstrings.VALIDATION), set(docstrings.TEST)]
    assert not packages[0] & packages[1] and not packages[0] & packages[2] and not packages[1] & packages[2]


def test_no_summary_and_no_body_is_in_two_parts(parts):
    everything = [pair for part in parts for pair in part]
    summaries = Counter(" ".join(tokens_of(pair.summary)) for pair in everything)
    assert max(summaries.values()) == 1
    seen, size = {}, {}
    for number, part in enumerate(parts):
        for pair in part:
            size[number, pair.name, pair.body] = len(docstrings.four_words(pair.body))
            for run in docstrings.four_words(pair.body):
                seen.setdefault(run, []).append((number, pair.name, pair.body))
    for number, part in enumerate(parts[1:], start=1):
        for pair in part:
            runs = docstrings.four_words(pair.body)
            shared = Counter(owner for run in runs for owner in seen[run] if owner[0] != number)
            sizes = {owner: min(len(runs), size[owner]) for owner in shared}
            assert all(n < docstrings.NEAR * sizes[owner] for owner, n in shared.items()), pair.name


def test_the_pairs_are_as_the_rules_say(parts):
    for part in parts:
        for pair in part:
            assert len(tokens_of(pair.body)) <= docstrings.BODY_TOKENS and len(split_sentences(pair.body)) >= 1
            assert docstrings.is_english(pair.body) and pair.summary.isascii()
            assert pair.summary.endswith(".") and len(split_sentences(pair.summary)) == 1


FEW = {"training": ("optree",), "validation": ("h5py",), "test": ("joblib",)}


def test_they_are_cached_and_collected_again_if_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    first = load_documented(**FEW)
    assert all(first) and {pair.package for pair in first[0]} == {"optree"}
    (kept,) = (tmp_path / "docstrings").iterdir()
    whole = kept.read_bytes()
    read = Path.read_text

    def read_no_source(path, *how, **more):
        assert "site-packages" not in path.parts, "a source file was read again"
        return read(path, *how, **more)

    with monkeypatch.context() as no_reading:
        no_reading.setattr(Path, "read_text", read_no_source)
        assert load_documented(**FEW) == first
    for damaged in (b"", b"damaged", b"null", whole[:-100], whole.replace(b"file", b"pile"), b"\xff\n" + whole):
        kept.write_bytes(damaged)
        assert load_documented(**FEW) == first
        assert kept.read_bytes() == whole


COUNTING = """
from pathlib import Path
from companion.corpora.docstrings import load_documented
read, names = Path.read_text, []
Path.read_text = lambda path, *how, **more: names.append(path.parts) or read(path, *how, **more)
load_documented(("optree",), ("h5py",), ("joblib",))
print(sum("joblib" in parts for parts in names))
"""


def test_of_two_processes_one_collects(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    processes = [subprocess.Popen([sys.executable, "-c", COUNTING], stdout=subprocess.PIPE) for _ in range(2)]
    idle, busy = sorted(int(process.communicate(timeout=300)[0]) for process in processes)
    assert idle == 0 < busy


def test_other_packages_in_the_parts_are_other_pairs(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    first = load_documented(**FEW)
    other = load_documented(training=FEW["training"], validation=FEW["test"], test=FEW["validation"])
    assert {pair.package for pair in other[1]} == {"joblib"} and other[0] == first[0]


def test_without_a_writable_cache_they_are_collected_anyway(tmp_path, monkeypatch):
    (tmp_path / "docstrings").write_text("a file where a folder should be")
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    assert all(load_documented(**FEW))


def test_a_package_that_isn_t_installed_is_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="package nowhere_at_all isn't installed"):
        load_documented(test=("nowhere_at_all",))


@pytest.mark.filterwarnings("error")
def test_warnings_of_other_people_s_code_are_not_shown():
    assert list(docstrings_in("def f():\n    'Of f.'\n    return '\\d' is 3")) == [(("f",), "Of f.")]
    assert list(docstrings_in("'x' " + "(" * 100_000)) == []


def test_unknown_words_of_a_body_can_be_copied(parts):
    known, training, _, test = docstring_pairs()
    assert len(known.source) < 4_000 and len(training) == len(parts[0])
    ids = [i for source in test.sources for i in source]
    assert max(ids) >= len(known.source) and min(ids) >= 4
    without = docstring_pairs_without_copying()[3]
    assert max(i for source in without.sources for i in source) < len(known.source)
