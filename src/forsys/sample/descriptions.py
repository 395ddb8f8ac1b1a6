"""prod_name and detail_desc, composed from the attributes of a design."""

import numpy as np

from forsys.sample import words
from forsys.sample.sampling import Ints


def names(rng: np.random.Generator, kind: Ints, style: Ints) -> list[str]:
    """A short name for each design (n,): its line, its fit and its kind."""
    line = rng.integers(0, len(words.NAMES), len(kind))
    fit = rng.integers(0, 3, len(kind))
    return [
        f"{words.NAMES[n]} {words.STYLES[s].fits[f]} {words.KINDS[k].word}"
        for n, f, k, s in zip(line, fit, kind, style, strict=True)
    ]


def descriptions(rng: np.random.Generator, kind: Ints, style: Ints, pattern: Ints) -> list[str]:
    """A sentence or two for each design (n,): cut, kind, fabric, pattern and details."""
    dice = rng.integers(0, 1_000_000, (len(kind), 5))
    return [
        _description(words.KINDS[k], words.STYLES[s], words.PATTERNS[p], [int(d) for d in row])
        for k, s, p, row in zip(kind, style, pattern, dice, strict=True)
    ]


def _description(kind: words.Kind, style: words.Style, pattern: words.Pattern, dice: list[int]) -> str:
    """One description; `dice` are five large random numbers that choose the phrases."""
    details = style.details
    first = dice[0] % len(details)
    second = (first + 1 + dice[1] % (len(details) - 1)) % len(details)
    fabrics = ("denim",) if pattern.name == "Denim" else words.FABRICS[kind.klass]
    cut = style.cuts[dice[2] % len(style.cuts)]
    what = f"{cut} {kind.word} in {fabrics[dice[3] % len(fabrics)]}"
    parts = [what, pattern.phrase, f"finished by {details[first]} and {details[second]}."]
    return " ".join(part for part in (*parts, words.CLOSINGS[dice[4] % len(words.CLOSINGS)]) if part)
