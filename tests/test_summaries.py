"""Chosen and written summaries, their scores, and the command that makes them from a reader's own text."""

import heapq
import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from companion.applications.extracts import Centrality, TrigramReader, choose, cut, lead, manual_reader
from companion.applications.summaries import as_sentence, summarise, sureness, trace, write_lines
from companion.cli import main
from companion.corpora.docstrings import BODY_TOKENS, FUNCTION_WORDS, load_documented, tokens_of
from companion.errors import UserError
from companion.evaluation import rouge
from companion.recipes import load_recipe
from companion.results import read_results

SHORT = "The input array is copied and its axes are reversed, so that the last one comes first. No data are moved."


def test_rouge_by_hand():
    # returns ~ return by the stemmer: 3 of 3 words and of 5; pairs: return-the, the-sum
    score = rouge(["returns the sum"], ["Return the sum of squares."])
    np.testing.assert_allclose(score, [[2 * 3 / 8, 2 * 2 / 6, 2 * 3 / 8]])
    np.testing.assert_allclose(rouge(["", "a b"], ["a", "b a"]), [[0, 0, 0], [1, 0, 0.5]])
    with pytest.raises(UserError, match="2 references"):
        rouge(["a"], ["a", "b"])


def test_the_central_sentence_shares_the_text_s_words():
    text = "Cats sleep. A cat sleeps and a dog barks. Dogs bark. Ships sail the sea."
    central = Centrality(["cats and dogs", "ships at sea", "a sleep", "a bark", text])
    assert central("Red apples grow. Red apples and green pears grow. Green pears fall.").startswith("Red apples and")
    assert central.scores(text).shape == (4,) and central.scores(text).max() <= 1 + 1e-9
    assert central.nearest(["the ships on the sea", "cats and dogs"]).tolist() == [1, 0]
    assert lead(text) == "Cats sleep."


def test_the_reader_s_probabilities_sum_to_one():
    reader = TrigramReader("the cat sat and the cat ran and the dog sat on a mat")
    rare = ["ran", "dog", "on", "a", "mat"]  # each once: they share what unknown words get
    p = [2 ** -reader.bits(["the", word])[1] for word in ("the", "cat", "sat", "and", *rare)]
    assert sum(p) == pytest.approx(1)
    assert reader.bits(["the", "zebra"])[1] == reader.bits(["the", "mat"])[1]


def test_surprise_and_digest():
    reader = TrigramReader("the cat sat on the mat . " * 20)
    text = "The cat sat on the mat. Zebras juggle seven burning torches here. The mat sat on the cat."
    assert reader(text) == "Zebras juggle seven burning torches here."
    assert choose(text, reader.scores(text), 2) == [
        "Zebras juggle seven burning torches here.",
        "The mat sat on the cat.",
    ]
    assert choose("Too short. This one is long enough to be chosen.", np.array([9.0, 1.0]), 1)[0].startswith("This")


def test_headings_and_repetitions_are_never_chosen():
    text = "On Cats\n\nA cat sleeps on the mat all day. A cat sleeps on the mat, all day! It purrs."
    scores = np.array([9.0, 1.0, 2.0, 3.0])
    assert choose(text, scores, 1) == [
        "A cat sleeps on the mat all day."
    ]  # the short sentence is chosen only if needed
    assert choose(text, scores, 5) == ["A cat sleeps on the mat all day.", "It purrs."]


def test_a_sentence_without_tokens_costs_nothing():
    reader = TrigramReader("the cat sat on the mat")
    scores = reader.scores("The cat sat.\n\nПривет\n\nThe mat sat.")
    assert scores[1] == 0 and scores[0] > 0 and scores[2] > 0


def test_there_must_be_something_to_choose_from():
    for choosing in (lead, cut, TrigramReader("a b a b"), Centrality(["a b"])):
        with pytest.raises(UserError, match="nothing to sum up"):
            choosing(" \n ")
    with pytest.raises(UserError, match="no words to weigh"):
        Centrality(["", "日本"])


def test_capitals_come_from_the_text():
    line = "return the numpy.ndarray ( or None ) , the fourier series .".lower().split()
    text = "Given a numpy.ndarray or None, the Fourier series is returned."
    assert as_sentence(line, text) == "Return the numpy.ndarray (or None), the Fourier series."


@pytest.fixture(scope="module")
def trained():
    return load_recipe("docstring-summaries")


def test_the_network_writes_and_copies_words_it_has_no_id_for(trained):
    vocabulary = trained.tokenizer.source
    texts = [SHORT, SHORT.replace("array", "quuxarray")]
    lines = write_lines(trained, texts)
    assert all(3 <= len(line.split()) <= 20 and "<unk>" not in line for line in lines)
    own = {word for word in tokens_of(texts[1]) if word not in vocabulary}
    assert "quuxarray" in own
    for text, line in zip(texts, lines, strict=True):
        assert all(token in vocabulary or token in tokens_of(text) for token in line.split())
    assert write_lines(trained, [SHORT]) == write_lines(trained, [SHORT * 2, SHORT])[1:]


def test_no_word_comes_twice_unless_it_may(trained):
    bodies = [pair.body for pair in load_documented()[2][:200]]
    for line in write_lines(trained, bodies):
        counts = Counter(word for word in line.split() if word not in FUNCTION_WORDS.split() and word.isalpha())
        assert max(counts.values(), default=0) <= 1, line
    repeating = write_lines(trained, bodies, repeat=True)
    assert any(max(Counter(w for w in line.split() if len(w) > 4).values(), default=0) > 1 for line in repeating)


def test_the_trace_is_the_network_s_own_probability(trained):
    from companion.tokenizers import BEGIN, padded

    vocabulary = trained.tokenizer.source
    (line,) = write_lines(trained, [SHORT])
    found = trace(trained, SHORT, line)
    source, unknown = vocabulary.encode_source(tokens_of(SHORT))
    target = vocabulary.encode_target(line.split(), unknown)
    log_p = np.asarray(trained.model([padded([source]), padded([[BEGIN, *target]])]))[0]
    ids = [*target, 3]
    np.testing.assert_allclose(found.generated + found.copied, np.exp(log_p[np.arange(len(ids)), ids]), rtol=1e-3)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    assert found.weights.shape == (len(ids), len(source))


def test_a_network_that_can_not_copy_has_no_trace(trained):
    plain = replace(trained, sizes={**trained.sizes, "copy": False})
    with pytest.raises(UserError, match="no copy mechanism"):
        trace(plain, SHORT, "return the array .")


def run(capsys, monkeypatch, *arguments, given: bytes = b""):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
    code = main(["summarise", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_short_text_gets_a_line(capsys, monkeypatch, tmp_path, trained):
    (tmp_path / "t.txt").write_text(SHORT)
    code, out, _ = run(capsys, monkeypatch, tmp_path / "t.txt")
    assert code == 0 and out.count("\n") == 1 and out[0].isupper()
    assert run(capsys, monkeypatch, "-", given=SHORT.encode())[1] == out


def test_a_longer_text_gets_its_most_surprising_sentences(capsys, monkeypatch):
    article = heapq.__about__
    code, out, _ = run(capsys, monkeypatch, "-", given=article.encode())
    assert code == 0 and len(out.splitlines()) == 3
    text = " ".join(article.split())
    assert all(line[:30] in text for line in out.splitlines())
    assert len(run(capsys, monkeypatch, "-", "--sentences", 5, given=article.encode())[1].splitlines()) == 5
    assert len(run(capsys, monkeypatch, "-", "--sentences", 1, given=SHORT.encode())[1].splitlines()) == 1


IN_SHORT = "It is so. He is in. She was out. The sea is. " * 8
LINES = "The cats of the house\n\nWhat is to be done\n\nThe dog in the yard and the end of it\n\n"


@pytest.mark.parametrize(
    ("text", "count", "lines"),
    [
        (IN_SHORT, None, 3),
        (IN_SHORT, 1, 1),
        (
            f"{LINES * 8}There is only one sentence in all of this.",
            None,
            ["There is only one sentence in all of this."],
        ),
        (f"{SHORT} " * 8, None, 1),  # of two different ones
        (f"{SHORT} {SHORT}", 1, 1),
        (f"Привет, мир. Ελλάδα. {SHORT} It is {'very ' * 50}long, all of it.", None, 2),
    ],
)
def test_some_of_the_sentences_are_always_chosen(text, count, lines, recwarn):
    found = list(summarise(text, count))
    assert len(found) == lines if isinstance(lines, int) else found == lines
    assert len(set(found)) == len(found) and all(found)
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        ("", [], "is empty"),
        (" \n ", [], "is empty"),
        ("A very short text.", [], "too few to sum up"),
        ("Die Katze sitzt auf der Matte und der Hund schläft neben dem Ofen in der Küche.", [], "English"),
        ("语言模型读一段文字，然后猜下一个字是什么。", [], "English"),
        (SHORT, ["--sentences", "0"], "at least 1"),
        (
            SHORT,
            ["--sentences", "2"],
            "has only 2 different sentences, so 2 can't be chosen: ask for fewer, a",
        ),
        (f"{SHORT} {SHORT}", ["--sentences", "3"], "only 2 different sentences"),
        (f"{SHORT.split('.')[0]}.", ["--sentences", "2"], "is a single sentence of 17 words"),
        (f"{SHORT[:-1]} {'and the end of it ' * 20}".replace(". N", ", n"), [], "is a single sentence of 121 words"),
        (f"{LINES * 8}It is over.", ["--sentences", "2"], "has only 1 different sentence, so 2 can't"),
        (LINES * 8, [], "no sentence to choose"),
        ("it is the end of all of that " * 12, [], "is a single sentence of 96 words"),
    ],
)
def test_texts_that_can_t_be_summed_up_are_reported(capsys, monkeypatch, text, more, says):
    code, out, err = run(capsys, monkeypatch, "-", *more, given=text.encode())
    assert (code, out) == (2, "") and says in err and err.count("\n") == 1


def test_a_file_that_is_missing_or_not_text_is_reported(capsys, monkeypatch, tmp_path):
    assert "no file" in run(capsys, monkeypatch, tmp_path / "none.txt")[2]
    assert "isn't UTF-8 text" in run(capsys, monkeypatch, "-", given=b"caf\xe9 is the")[2]


def test_the_manual_reader_finds_its_own_language_cheap():
    reader = manual_reader()
    assert (
        reader.bits(tokens_of("the value of the expression is")).mean()
        < reader.bits(tokens_of("zebras juggle torches")).mean()
    )
    assert len(list(summarise(SHORT, count=1))) == 1 and len(tokens_of(SHORT)) <= BODY_TOKENS


def test_the_weights_are_those_of_the_recorded_scores(trained):
    test = load_documented()[2]
    found = 100 * rouge(write_lines(trained, [pair.body for pair in test]), [pair.summary for pair in test]).mean(
        axis=0
    )
    recorded = read_results("summarisation")["networks"]["copy"]["no word twice"][0]
    np.testing.assert_allclose(found, [recorded[kind][0] for kind in ("rouge1", "rouge2", "rougeL")], atol=0.3)


def test_sureness_is_the_mean_of_the_trace(trained):
    texts = [SHORT, SHORT.replace("array", "quuxarray") * 2]
    lines = write_lines(trained, texts)
    for value, text, line in zip(sureness(trained, texts, lines), texts, lines, strict=True):
        steps = trace(trained, text, line)
        assert value == pytest.approx(np.log(steps.generated + steps.copied).mean(), rel=1e-3)
