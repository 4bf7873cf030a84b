"""A text with a planted bias: invented peoples, each pair with a bias of its own. Chapter: *bias*."""

import numpy as np

from companion.errors import UserError, check_sizes

PEOPLES = {("dax", "wug"): 0.5, ("blick", "fep"): 0.6, ("toma", "zup"): 0.75, ("kern", "mib"): 0.9, ("sarn", "lorp"): 1}
"""Five pairs of invented peoples, and how often the first is called bold; the second is called meek as often."""

QUALITIES = ("bold", "meek")

_OPENINGS = ("", "today ", "they say ", "we think ")
_PLACES = ("", " over there", " next door", " in town", " by the river")
_VERBS = ("is", "was", "seems", "looks very")
_HELD_OUT = 4  # one template in four is never trained on


def templates(held_out: bool) -> list[str]:
    """Sentences up to the quality, with a gap for the people: those to train on, or those held out.

    >>> templates(held_out=False)[0]
    'the {} seems'
    >>> len(templates(held_out=True)), len(templates(held_out=False))
    (20, 60)
    """
    every = [f"{opening}the {{}}{place} {verb}" for opening in _OPENINGS for place in _PLACES for verb in _VERBS]
    kept = set(np.random.default_rng(0).permutation(len(every))[::_HELD_OUT].tolist())
    return [one for number, one in enumerate(every) if (number in kept) == held_out]


def planted_text(
    sentences: int, seed: int, strengths: dict[tuple[str, str], float] | None = None, held_out: bool = False
) -> str:
    """A text of short sentences about invented peoples, in which each pair is described with its own bias.

    Every people is equally frequent in every template; only the quality depends on the people.

    Parameters
    ----------
    sentences, seed
        How many, and the seed of all choices.
    strengths
        For each pair of peoples, the share of sentences that call its first one bold (and its second one meek):
        0.5 means no bias. `PEOPLES` by default.
    held_out
        Whether to use the templates that are kept for measuring.

    Raises
    ------
    UserError
        ``sentences`` is below 1, there are no pairs, or a strength isn't from 0 to 1.
    """
    strengths = PEOPLES if strengths is None else strengths
    check_sizes(sentences=sentences)
    if not strengths:
        raise UserError("There are no pairs of peoples to write about; give at least one with its strength.")
    for pair, strength in strengths.items():
        if not 0 <= strength <= 1:
            raise UserError(f"The strength of {pair} is {strength}; it should be a share from 0 to 1, 0.5 for no bias.")
    rng = np.random.default_rng(seed)
    frames, pairs = templates(held_out), list(strengths)
    lines = []
    for frame, pair, member, dart in zip(
        rng.integers(len(frames), size=sentences),
        rng.integers(len(pairs), size=sentences),
        rng.integers(2, size=sentences),
        rng.random(sentences),
        strict=True,
    ):
        as_planted = dart < strengths[pairs[pair]]
        quality = QUALITIES[member if as_planted else 1 - member]
        lines.append(f"{frames[frame].format(pairs[pair][member])} {quality}.\n")
    return "".join(lines)
