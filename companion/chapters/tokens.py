"""The figures of the chapter *tokens*, and a short text in English and in Chinese, sentence by sentence.

The text was written for this book (CC BY 4.0, like the book's text): it shows how two writing systems are cut.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from companion.plotting import FAINT, INK, SERIES, TOKEN_TINTS, axes

if TYPE_CHECKING:
    from IPython.display import SVG
    from matplotlib.figure import Figure

TOKEN_UNKNOWN = SERIES[1]  # contrast with black text: above 5 to 1


def token_boxes(rows: Iterable[tuple[str, Sequence[str]]], width: int = 480) -> "SVG":
    """Texts cut into tokens, each token a box: an SVG drawn with the reader's own fonts, Chinese too.

    Parameters
    ----------
    rows
        For each text a caption and its tokens, from ``Tokenizer.tokenize``. A space is shown as a dot, a line break as
        an arrow, and an unknown token in red.
    width
        Width of the picture in pixels; boxes that don't fit move to the next line.
    """
    from IPython.display import SVG

    from companion.tokenizers import UNKNOWN_NAME

    size, height, pad, gap, step = 15, 24, 3, 2, 28  # of a box: font, height, inner and outer space; line to line
    parts: list[str] = []
    y = 0
    for label, tokens in rows:
        y += 18
        parts.append(f'<text x="0" y="{y - 4}" font-size="13" fill="{INK}">{html.escape(label)}</text>')
        x = 0.0
        for number, token in enumerate(tokens):
            shown = token.replace(" ", "·").replace("\n", "↵")
            text_width = sum(0.6 * size if ord(c) < 0x2E80 else size for c in shown)
            if x + text_width + 2 * pad > width:
                x, y = 0.0, y + step
            fill = TOKEN_UNKNOWN if token == UNKNOWN_NAME else TOKEN_TINTS[number % len(TOKEN_TINTS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{text_width + 2 * pad:.1f}" height="{height}" rx="3" fill="{fill}"/>'
                f'<text x="{x + pad:.1f}" y="{y + 17}" font-size="{size}" textLength="{text_width:.1f}" '
                f'lengthAdjust="spacingAndGlyphs" class="token">{html.escape(shown)}</text>'
            )
            x += text_width + 2 * pad + gap
        y += step + 6
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">'
        "<style>.token{font-family:DejaVu Sans Mono,Menlo,Consolas,monospace;fill:#111;white-space:pre}</style>"
        f"{''.join(parts)}</svg>"
    )


class Node(NamedTuple):
    """A token in the tree of a word: what it says, its place along the word, and the step that made it, 0 if none."""

    token: str
    place: float
    step: int
    parts: tuple["Node", ...] = ()


def merged(word: str, merges: Iterable[tuple[str, str]]) -> list[Node]:
    """The tokens that merges make of a word, each with the tokens that it was made of.

    Parameters
    ----------
    word
        Its letters are at the places 0, 1, 2, ...; a merged token is halfway between its two parts.
    merges
        The pairs in the order in which they were learnt.

    >>> [(node.token, node.place, node.step) for node in merged("trouble", [("b", "l"), ("bl", "e")])]
    [('t', 0, 0), ('r', 1, 0), ('o', 2, 0), ('u', 3, 0), ('ble', 5.25, 2)]
    """
    nodes = [Node(letter, place, 0) for place, letter in enumerate(word)]
    for step, pair in enumerate(merges, start=1):
        i = 0
        while i < len(nodes) - 1:
            a, b = nodes[i : i + 2]
            if (a.token, b.token) == pair:
                nodes[i : i + 2] = [Node(a.token + b.token, (a.place + b.place) / 2, step, (a, b))]
            i += 1
    return nodes


def merge_tree(words: Iterable[str], merges: Sequence[tuple[str, str, int]]) -> "Figure":
    """How merges build up words: letters at the bottom, and a bracket at the height of the step that joined two tokens.

    Parameters
    ----------
    words
        The words that are drawn, side by side.
    merges
        The pairs in the order in which they were learnt, each with how often it occurred.
    """
    figure, ax = axes(6.8, 0.7 + 0.3 * len(merges))
    pairs = [(a, b) for a, b, _ in merges]
    for step, (a, b, count) in enumerate(merges, start=1):
        ax.text(-8, step, f"{step}", ha="right", va="center", fontsize=10)
        ax.text(-7.4, step, f"{a}+{b}", va="center", family="monospace", fontsize=10)
        ax.text(-1.3, step, f"{count}×", ha="right", va="center", fontsize=10)

    def draw(node: Node, start: float) -> None:
        if not node.parts:
            ax.text(start + node.place, -0.15, node.token, ha="center", va="center", family="monospace", fontsize=11)
            return
        (x_a, y_a), (x_b, y_b) = ((start + part.place, part.step or 0.35) for part in node.parts)
        ax.plot([x_a, x_a, x_b, x_b], [y_a, node.step, node.step, y_b], color=SERIES[0], linewidth=1.8)
        for part in node.parts:
            draw(part, start)

    start = 0.0
    for word in words:
        for node in merged(word, pairs):
            draw(node, start)
            if node.parts:
                x = start + node.place
                ax.text(x, node.step + 0.45, node.token, ha="center", va="center", family="monospace", fontsize=10)
        start += len(word) + 2
    steps = range(1, len(merges) + 1)
    ax.hlines(steps, -0.9, start - 2, color=FAINT, alpha=0.35, linewidth=0.8, linestyle=":", zorder=0)
    ax.set(xlim=(-8.8, start - 2), ylim=(-0.6, len(merges) + 0.9))
    ax.axis("off")
    return figure


SENTENCES: tuple[tuple[str, str], ...] = (
    (
        "A language model reads a text and guesses what comes next.",
        "语言模型读一段文字，然后猜下一个字是什么。",
    ),
    (
        "It has never seen the world; it has only seen text.",
        "它从来没有见过世界，它只见过文字。",
    ),
    (
        "Before it can read a text, the text has to be cut into pieces.",
        "在它能读文字之前，文字要先切成小块。",
    ),
    (
        "Each piece is given a number, and the model reckons with numbers alone.",
        "每一个小块得到一个数字，语言模型只会计算数字。",
    ),
    (
        "In English there is a space between two words.",
        "在英语里，两个词之间有一个空格。",
    ),
    (
        "Chinese is written without spaces; to find the words, a reader has to know the language.",
        "中文的词之间没有空格，读的人要懂得这种语言，才能找到词。",
    ),
    (
        "English makes do with twenty-six letters; Chinese uses several thousand characters.",
        "英语只用二十六个字母，中文要用几千个汉字。",
    ),
    (
        "A single character often says as much as a whole English word.",
        "一个汉字说的，常常和一个英语词一样多。",
    ),
    (
        "So a Chinese sentence is short, if you count characters.",
        "所以，数一数字，中文的句子很短。",
    ),
    (
        "But a computer needs three bytes for a Chinese character and one byte for an English letter.",
        "可是计算机里，一个汉字要用三个字节，一个英语字母只用一个字节。",
    ),
    (
        "Counted in bytes, the sentences of the two languages are about equally long.",
        "数一数字节，两种语言的句子差不多一样长。",
    ),
    (
        "A tokenizer that has learnt from English alone knows no piece of Chinese.",
        "一个只从英语学习的分词器，不认识中文的小块。",
    ),
    (
        "It falls back on single bytes, and the Chinese sentence becomes three times as long.",
        "它只能用一个一个的字节，中文的句子就变成三倍长。",
    ),
    (
        "Whoever pays by the piece now pays more for the same sentence.",
        "按小块付钱的人，为同样的句子就要付更多的钱。",
    ),
    (
        "And the longer the text, the longer the language model takes to read it.",
        "而且文字越长，语言模型读的时间也越长。",
    ),
    (
        "The remedy is to let the tokenizer learn from both languages.",
        "办法是，让分词器从两种语言学习。",
    ),
    (
        "It then sees that some characters often stand side by side, and makes one piece of them.",
        "它会看到，有些汉字常常在一起，就把它们变成一个小块。",
    ),
    (
        "The language model itself has not changed; what has changed is the text it reads.",
        "语言模型没有改变，改变的是它读的文字。",
    ),
    # The last six are for scoring: no tokenizer learns from them.
    (
        "A good tokenizer makes the text short and loses nothing.",
        "好的分词器让文字变短，又什么都不会丢掉。",
    ),
    (
        "A word that occurs often should be a single piece.",
        "常常见到的词，应该是一个小块。",
    ),
    (
        "A rare word may cost several pieces.",
        "少见的词，可以用几个小块。",
    ),
    (
        "Even a character that the model has never seen can be written in bytes.",
        "就算是语言模型从来没有见过的汉字，也可以用字节写出来。",
    ),
    (
        "So nothing is unknown; some things are only dearer than others.",
        "所以没有什么是不认识的，只是有些文字比较贵。",
    ),
    (
        "What a model can learn depends on the pieces it is given to read.",
        "模型能学习什么，要看我们让它读什么样的小块。",
    ),
)
HELD_OUT = 6


def bilingual() -> tuple[tuple[str, str], tuple[str, str]]:
    """The text as ``(english, chinese)``, twice: the sentences to learn from, and the six held out.

    >>> (english, chinese), (english_test, chinese_test) = bilingual()
    >>> print(chinese.splitlines()[0])
    语言模型读一段文字，然后猜下一个字是什么。
    """

    def joined(sentences: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        english, chinese = zip(*sentences, strict=True)
        return "\n".join(english), "\n".join(chinese)

    return joined(SENTENCES[:-HELD_OUT]), joined(SENTENCES[-HELD_OUT:])
