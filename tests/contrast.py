"""The contrast of text and background, as defined by the Web Content Accessibility Guidelines."""

from collections.abc import Sequence


def luminance(colour: Sequence[float]) -> float:
    """Relative luminance of red, green and blue from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: float, other: float) -> float:
    """The contrast of two luminances; text needs at least 4.5."""
    low, high = sorted((one, other))
    return (high + 0.05) / (low + 0.05)
