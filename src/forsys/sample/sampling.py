"""Vectorised random sampling that several parts of the generator share."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


def sample_columns(rng: np.random.Generator, weights: Floats, rows: Ints) -> Ints:
    """For each entry of `rows` (n,), sample a column of that row of `weights` (r, c), by weight -> (n,)."""
    shares = np.cumsum(weights, axis=1)
    shares /= shares[:, -1:]
    sampled = np.zeros(len(rows), dtype=np.int64)
    chance = rng.random(len(rows))
    for edge in shares.T[:-1]:  # a pass per column keeps memory at (n,), not (n, c)
        sampled += chance > edge[rows]
    return sampled


def sample_mask(rng: np.random.Generator, among: Bools, share: float, exact: bool) -> Bools:
    """Sample a share of the entries where `among` is True -> (n,); `exact`: round(share * how many) of them."""
    chance = np.where(among, rng.random(len(among)), 2.0)
    if not exact:
        return chance < share
    count = round(share * int(among.sum()))
    mask = np.zeros(len(among), dtype=np.bool_)
    mask[np.argpartition(chance, count - 1)[:count] if count else []] = True
    return mask


def within_groups(counts: Ints) -> Ints:
    """Position of each entry in its group: [2, 3] -> [0, 1, 0, 1, 2]."""
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) - np.repeat(starts, counts)


def hex_digits(rng: np.random.Generator, count: int) -> list[str]:
    """`count` strings of 64 hexadecimal digits, like the shop's hashed ids."""
    digits = rng.bytes(32 * count).hex()
    return [digits[start : start + 64] for start in range(0, len(digits), 64)]
