"""Documentation and its one-line summary: pairs to learn to summarise from, taken from the Python on this machine.

The first line of a docstring says in one sentence what the paragraphs below it explain. The standard library and the
packages that this companion needs have thousands of them. Their source files are read as text and never imported.
Chapter: *summarisation*.
"""

import ast
import contextlib
import json
import re
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from companion.closure import closure, fingerprint
from companion.errors import UserError
from companion.storage import cache_dir, locked, sha256, write_atomically

# Whole packages, by the part they belong to. The companion can't be installed without any of them, and all but the
# standard library are pinned in the lock, so that validation and test are the same under every Python.
TRAINING: tuple[str, ...] = (
    *("stdlib", "tensorflow", "scipy", "keras", "matplotlib", "numpy", "pip", "absl", "google", "grpc"),
    *("setuptools", "pygments", "mpl_toolkits", "lxml", "h5py", "rich", "optree"),
)
VALIDATION = ("nltk", "fontTools", "narwhals", "babel", "PIL")
TEST = ("sklearn", "joblib", "packaging", "urllib3", "requests", "dateutil")
# Folders with tests, and with copies of other packages.
SKIPPED = {"test", "tests", "idlelib", "lib2to3", "site-packages", "_api", "_vendor", "externals"}
COPIES = ("tensorflow/python/keras",)

SUMMARY_WORDS = range(4, 17)
BODY_WORDS = 12  # at least
BODY_TOKENS = 60  # at most: whole sentences from the beginning, as many as fit
NEAR = 0.5  # two bodies that share this part of their four-word sequences count as one

FUNCTION_WORDS = (
    "a all also an and any are as at be been but by can each for from has have if in into is it its may more must no "
    "not of on one only or other same should so such than that the their then there these they this to used was we "
    "were what when where which who will with would you your"
)
_WORD = re.compile(r"[a-z0-9_]+(?:[-'.][a-z0-9_]+)*|[^\w\s]")
_NAME_OR_WORD = re.compile(r"\w")
_ONE_SENTENCE = re.compile(r"[A-Z](?:[^.!?:;]|\.(?=\w))*\.")
_SENTENCE_END = re.compile(r"(?<![ (]e\.g)(?<![ (]i\.e)(?<!etc)(?<! vs)(?<! cf)(?<=[.!?])\s+(?=[\"'(]?[A-Z])")
# A line at which the prose ends: a section, a field, an example, a list, something indented or drawn.
_PROSE_ENDS = re.compile(
    r"^(?:\s|[|:@>]|\.\. |[-*+•] |[-=~^*#]{3,}|\w[\w ]*\n[-=~^*#]{3,}|[A-Z][\w ]*:\s*$|\d+[.)] "
    r"|(?:args|arguments|returns?|raises|yields|examples?|notes?|usage|parameters|attributes|references|see also) *:)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Documented:
    """What a docstring explains, and its one-line summary.

    Attributes
    ----------
    package, name
        Where it is: ``"stdlib"``, ``"shutil.copyfile"``.
    body
        Whole sentences below the first line, at most ``BODY_TOKENS`` tokens.
    summary
        The first line, one sentence.
    """

    package: str
    name: str
    body: str
    summary: str


def tokens_of(text: str) -> list[str]:
    """A text as lower-case words, dotted names and punctuation marks: the tokens of the chapter's network.

    >>> tokens_of("Don't call np.fft on it.")
    ["don't", 'call', 'np.fft', 'on', 'it', '.']
    """
    return _WORD.findall(text.lower())


def split_sentences(text: str) -> list[str]:
    """A text cut at blank lines, and where a full stop, question mark or exclamation mark comes before a capital.

    >>> split_sentences("Copy a file, e.g. a.txt. Does it exist? Then it is replaced.")
    ['Copy a file, e.g. a.txt.', 'Does it exist?', 'Then it is replaced.']
    """
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return [sentence for paragraph in paragraphs for sentence in _SENTENCE_END.split(paragraph) if sentence]


def is_english(text: str) -> bool:
    """Whether a fifth of the words, at least, are English function words such as ``the``, ``of`` and ``is``.

    >>> is_english("The sum of the numbers in a list."), is_english("Die Summe der Zahlen einer Liste.")
    (True, False)
    """
    found = re.findall(r"[^\W\d_]+", text.lower())
    known = set(FUNCTION_WORDS.split())
    return bool(found) and 5 * sum(word in known for word in found) >= len(found)


def plain(text: str) -> str:
    """A text without the marks of reStructuredText and without line breaks.

    >>> plain("Like :meth:`~list.sort`, but\\n``x`` stays *unchanged* [1]_.")
    'Like list.sort, but x stays unchanged.'
    """
    text = re.sub(r"(?::[\w:+-]+:)?`+[~.]?([^`<]*?)(?:\s*<[^`>]*>)?`+_{0,2}", r"\1", text)
    text = re.sub(r"\s*\[[^\]\n]{1,20}\]_", "", text)
    text = re.sub(r"(?<!\w)(\*{1,2})(\w[^*\n]*?)\1(?!\w)", r"\2", text)
    return " ".join(text.split())


def read_docstring(text: str) -> tuple[str, str] | None:
    """The body and summary of a docstring, or None unless it has one line of one sentence and then prose.

    Parameters
    ----------
    text
        The docstring, without its indentation.
    """
    first, *paragraphs = re.split(r"\n\s*\n", text.strip())
    summary = plain(first)
    if word_count(summary) not in SUMMARY_WORDS or not _ONE_SENTENCE.fullmatch(summary) or not _is_prose(summary):
        return None
    body = _fitting(" ".join(map(plain, _prose(paragraphs))))
    if word_count(body) < BODY_WORDS or not _is_prose(body) or not is_english(body):
        return None
    return body, summary


def _prose(paragraphs: Iterable[str]) -> Iterator[str]:
    """The paragraphs up to where the prose ends."""
    for paragraph in paragraphs:
        if end := _PROSE_ENDS.search(paragraph):
            yield paragraph[: end.start()]
            return
        yield paragraph


def _fitting(text: str) -> str:
    """As many whole sentences from the beginning as BODY_TOKENS have room for."""
    kept: list[str] = []
    room = BODY_TOKENS
    for sentence in split_sentences(text):
        if sentence.startswith("Read more in"):
            continue  # scikit-learn's link to its user guide
        room -= len(tokens_of(sentence))
        if room < 0 or sentence[-1] not in ".!?)":
            break
        kept.append(sentence)
    return " ".join(kept)


def word_count(text: str) -> int:
    """How many of a text's tokens are words or numbers."""
    return sum(bool(_NAME_OR_WORD.match(word)) for word in tokens_of(text))


def _is_prose(text: str) -> bool:
    """Nearly all words are words, not names or numbers, and there is no code or markup."""
    found = tokens_of(text)
    lexical = [word for word in found if _NAME_OR_WORD.match(word)]
    real = sum(word.replace("-", "").replace("'", "").isalpha() for word in lexical)
    strange = sum(word not in ".,()'\"/:;-!?" for word in found if not _NAME_OR_WORD.match(word))
    return text.isascii() and 5 * real >= 4 * len(lexical) and strange <= 2


# ----------------------------------------------------------------------------------------------------------------------
# Collecting


def load_documented(
    training: Sequence[str] = TRAINING, validation: Sequence[str] = VALIDATION, test: Sequence[str] = TEST
) -> tuple[list[Documented], list[Documented], list[Documented]]:
    """Training, validation and test pairs, always in the same order.

    A part is made of whole packages. No summary occurs twice, and no two bodies are near-duplicates, within a part or
    across parts: the first is kept, test before validation before training.

    Reading all source files takes about ten seconds. The pairs are kept in the cache folder until a file or the code
    that reads them changes.

    Parameters
    ----------
    training, validation, test
        The packages of each part: their folders' names, or ``"stdlib"``.

    Raises
    ------
    UserError
        A package isn't installed.
    """
    parts = test, validation, training
    files = {package: source_files(package) for part in parts for package in part}
    sizes = [(name, path.stat().st_size) for package in files.values() for name, path in package.items()]
    key = fingerprint(closure(__name__), repr((sys.version_info[:3], parts, sizes)))
    kept = cache_dir() / "docstrings" / f"{key}.json"
    pairs = _read_pairs(kept)
    if pairs is None:
        with locked(kept, doing="collecting docstrings into"):
            pairs = _read_pairs(kept)  # which another process may have written meanwhile
            if pairs is None:
                pairs = without_duplicates([p for name in part for p in collect(name, files[name])] for part in parts)
                with contextlib.suppress(UserError):  # where nothing can be kept, they are collected again next time
                    _write_pairs(kept, pairs)
    return pairs[2], pairs[1], pairs[0]


def _write_pairs(path: Path, parts: list[list[Documented]]) -> None:
    content = json.dumps([[astuple(pair) for pair in part] for part in parts])
    write_atomically(path, f"{sha256(content.encode())}\n{content}")


def _read_pairs(path: Path) -> list[list[Documented]] | None:
    """What `_write_pairs` wrote; None if there is nothing, or if it was damaged since."""
    try:
        digest, content = path.read_text(encoding="utf-8").split("\n", 1)
    except (OSError, ValueError):
        return None
    if sha256(content.encode()) != digest:
        return None
    return [[Documented(*fields) for fields in part] for part in json.loads(content)]


def source_files(package: str) -> dict[str, Path]:
    """The source files of a package by their path in it, without tests and copies of other packages.

    Raises
    ------
    UserError
        There are none, because it isn't installed.
    """
    kinds = ["stdlib"] if package == "stdlib" else ["purelib", "platlib"]
    for root in [Path(sysconfig.get_path(kind)) for kind in kinds]:
        found = {}
        for path in sorted((root if package == "stdlib" else root / package).rglob("*.py")):
            inside = path.relative_to(root)
            if not SKIPPED.intersection(inside.parts) and not inside.as_posix().startswith(COPIES):
                found[inside.with_suffix("").as_posix()] = path
        if found:
            return found
    raise UserError(f"The package {package} isn't installed in this Python; install it to read its docstrings.")


def collect(package: str, files: dict[str, Path]) -> Iterator[Documented]:
    """The pairs of one package, file by file."""
    for place, path in files.items():
        for name, docstring in docstrings_in(path.read_text(encoding="utf-8", errors="replace")):
            if pair := read_docstring(docstring):
                yield Documented(package, ".".join([*place.split("/"), *name]), *pair)


def docstrings_in(source: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The docstrings of a source file with the names of what they document, from top to bottom.

    >>> list(docstrings_in("class A:\\n    def f(self):\\n        'Add one.'"))
    [(('A', 'f'), 'Add one.')]
    """
    if '"""' not in source and "'" not in source:
        return
    try:
        with warnings.catch_warnings():  # of other people's code
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # a template, or an example of bad code
    waiting: list[tuple[tuple[str, ...], ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]
    waiting = [((), tree)]
    while waiting:
        name, node = waiting.pop()
        if docstring := ast.get_docstring(node):
            yield name, docstring
        inner = [n for n in node.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        waiting += [((*name, child.name), child) for child in reversed(inner)]


def without_duplicates(parts: Iterable[Iterable[Documented]]) -> list[list[Documented]]:
    """The parts without pairs that repeat an earlier one, of the same part or another.

    A pair is left out if its summary has occurred, or if its body and an earlier one share at least ``NEAR`` of the
    four-word sequences of the shorter.
    """
    summaries: set[str] = set()
    owners: dict[tuple[str, ...], list[int]] = {}  # of each sequence, the numbers of the bodies that have it
    sizes: list[int] = []
    kept: list[list[Documented]] = []
    for part in parts:
        kept.append([])
        for pair in part:
            summary, sequences = " ".join(tokens_of(pair.summary)), four_words(pair.body)
            shared = Counter(owner for sequence in sequences for owner in owners.get(sequence, ()))
            near = any(n >= NEAR * min(len(sequences), sizes[owner]) for owner, n in shared.items())
            if near or summary in summaries:
                continue
            summaries.add(summary)
            for sequence in sequences:
                owners.setdefault(sequence, []).append(len(sizes))
            sizes.append(len(sequences))
            kept[-1].append(pair)
    return kept


def four_words(text: str) -> set[tuple[str, ...]]:
    """All sequences of four tokens that follow each other in the text."""
    found = tokens_of(text)
    return {tuple(found[start : start + 4]) for start in range(len(found) - 3)}
