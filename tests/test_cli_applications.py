"""The commands of the book's applications: their output, their remarks, and one sentence for bad input."""

import re

import pytest
from command_line import refused, run

PROSE = (
    "The network reads the text of a page and it says what is in the text. A clever editor has to know what is new to "
    "the reader. The old words are known, and so it is the strange ones that are of interest. Nobody can sum up in a "
    "line what the author of a book was not sure of. That is the end of the story.\n"
)


def test_corpora_are_listed_and_described(capsys):
    code, out, _ = run(capsys, "corpora")
    assert code == 0 and "  shakespeare\n" in out and "corpora --fetch obtains them" in out
    for more in (["--fetch"], []):
        code, out, _ = run(capsys, "corpora", "python-docs", *more)
        assert code == 0 and "licence: PSF" in out
    assert "There is no corpus 'bible'; there are chatterbot, grammar" in refused(capsys, "corpora", "bible")
    assert "There is no corpus 'bible'" in refused(capsys, "corpora", "--fetch", "python-docs", "bible"), "at once"


def test_translate_prints_the_translation_and_remarks_on_standard_error(capsys):
    assert run(capsys, "translate", "Wednesday, March 3, 2021") == (0, "2021年3月3日星期三\n", "")
    assert run(capsys, "translate", "3 March 2021", "--to", "iso") == (0, "2021-03-03\n", "")
    code, out, err = run(capsys, "translate", "2021-03-03")
    assert (code, out) == (0, "2021年3月3日\n") and re.fullmatch(r"gate-by-gate: read as '.*3.*'\n", err)
    code, out, err = run(capsys, "translate", "--sentences", "饕餮在家。")
    assert code == 0 and out.strip() and "read as unknown: 饕 餮" in err
    assert all(line.startswith("gate-by-gate: ") for line in err.splitlines())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["translate", ""], "nothing to read"),
        (["translate", "我在家。"], "is Chinese"),
        (["translate", "30 February 2021"], "February"),
        (["translate", "--sentences", ""], "nothing to translate"),
        (["translate", "--sentences", "Hello"], "isn't Chinese"),
        (["answer", ""], "story is empty"),
        (["answer", "Ada went to the hall."], "no question"),
        (["answer", "The weather is fine. Where is Ada?"], "weather"),
        (["reply", ""], "has no words"),
        (["reply", "你好吗"], "in Latin letters"),
        (["reply", "Wie geht es dir heute?"], "is it English"),
    ],
)
def test_input_that_an_application_can_t_read_is_reported(capsys, words, says):
    assert says in refused(capsys, *words)


@pytest.mark.parametrize("command", ["translate", "reply", "answer"])
def test_an_argument_that_isn_t_utf_8_is_reported(capsys, command):
    """Python hands its bytes over as half characters, of which nothing could be read and nothing would be said."""
    assert "isn't text in UTF-8" in refused(capsys, command, "Where is the caf\udce9?")


@pytest.mark.parametrize("words", [["translate"], ["translate", "--sentences"], ["answer"], ["reply"]])
def test_a_text_that_is_far_too_long_gets_a_short_sentence(capsys, words):
    for text in ("x" * 10_000, "xxxy xxxz " * 5_000, "9" * 10_000):
        assert len(refused(capsys, *words, text)) < 600


def test_summarise_chooses_sentences_of_the_text(capsys, tmp_path):
    (tmp_path / "t.txt").write_text(PROSE)
    code, out, err = run(capsys, "summarise", tmp_path / "t.txt", "--sentences", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 2 and all(line in PROSE for line in lines)
    assert "at most 4" in refused(capsys, "summarise", tmp_path / "t.txt", "--sentences", 5)


def test_answer_takes_a_text_in_one_piece_or_in_several(capsys):
    story = "Ada took the ball. Ada went to the hall. Where is the ball?"
    whole, parts = run(capsys, "answer", story), run(capsys, "answer", *story.split())
    assert whole == parts and whole[0] == 0 and "hall" in whole[1]


def test_reply_prints_what_is_written_as_it_is_written(capsys, monkeypatch):
    """The settings reach the writer; its text is tested with the replies."""
    from companion.applications import replies

    asked = []

    def respond(*given):
        asked.append(given)
        yield from ("I am ", "a program.", "\n")

    monkeypatch.setattr(replies, "respond", respond)
    assert run(capsys, "reply", "Are you a robot?", "--count", 2, "--seed", 1) == (0, "I am a program.\n", "")
    assert run(capsys, "reply", "Hi", "--temperature", 0.5, "--top-p", 1)[0] == 0
    assert asked == [("Are you a robot?", 2, 1.0, 0.9, 1), ("Hi", 3, 0.5, 1.0, None)]
