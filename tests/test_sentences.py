"""The tool that draws sentences from the pages reads running text alone."""

import doctest

import sentences

PAGE = """<article><h1>Title</h1><p>One sentence is here. And <em>another</em>, with <span class="math">x^2</span>!</p>
<pre>code = 1. It isn't text.</pre><div class="cell_output"><p>It was printed by a cell.</p></div>
<ul><li>An item of three words.</li></ul></article>"""


def test_running_text_is_read_and_nothing_else():
    found = [sentence for block in sentences.paragraphs(PAGE) for sentence in sentences.sentences(block)]
    assert found == ["One sentence is here.", "And another, with X!", "An item of three words."]
    assert sentences.counted(found) == "     3 sentences,  4.3 words on average, 100% of 8 or fewer"


def test_its_examples_hold():
    failed, tried = doctest.testmod(sentences)
    assert tried and not failed
