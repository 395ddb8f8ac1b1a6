"""Vectorised draws that several parts of the generator share."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def columns(rng: np.random.Generator, weights: Floats, rows: Ints) -> Ints:
    """For each entry of `rows` (n,), draw a column of that row of `weights` (r, c), by weight -> (n,)."""
    shares = np.cumsum(weights, axis=1)
    shares /= shares[:, -1:]
    drawn = np.zeros(len(rows), dtype=np.int64)
    chance = rng.random(len(rows))
    for edge in shares.T[:-1]:  # a pass per column keeps memory at (n,), not (n, c)
        drawn += chance > edge[rows]
    return drawn


def choice(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """`count` indices of `weights` (c,), by weight, with replacement -> (count,)."""
    edges = np.cumsum(weights)
    at = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    inside: Ints = np.minimum(at, len(weights) - 1).astype(np.int64)
    return inside


def some(rng: np.random.Generator, among: Bools, share: float, exact: bool) -> Bools:
    """Mark entries of `among` (n,) with chance `share`; `exact`: just round(share * how many) of them."""
    chance = np.where(among, rng.random(len(among)), 2.0)
    if not exact:
        return chance < share
    count = round(share * int(among.sum()))
    marked = np.zeros(len(among), dtype=np.bool_)
    marked[np.argpartition(chance, count - 1)[:count] if count else []] = True
    return marked


def within_groups(counts: Ints) -> Ints:
    """Position of each entry in its group: [2, 3] -> [0, 1, 0, 1, 2]."""
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) - np.repeat(starts, counts)


def hex_digits(rng: np.random.Generator, count: int) -> list[str]:
    """`count` strings of 64 hexadecimal digits, as the shop's hashed ids."""
    digits = rng.bytes(32 * count).hex()
    return [digits[at : at + 64] for at in range(0, len(digits), 64)]
