"""Ours and theirs timed in turn, and the table that a speed benchmark ends in."""

from collections.abc import Callable, Mapping
from time import perf_counter

import pandas as pd


def fewest_seconds(ways: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Seconds of each way in its best round; in each of the `runs` rounds every way has its turn."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            begin = perf_counter()
            way()
            taken[name].append(perf_counter() - begin)
    return {name: min(seconds) for name, seconds in taken.items()}


def compared(stage: str, unit: str, amount: int, seconds: Mapping[str, float]) -> pd.DataFrame:
    """One row an alternative: stage, against (its name), ours, alternative, unit, ratio (above 1: ours is faster).

    seconds: each way's for `amount` of `unit`, ours first; with nothing beside it, the alternative is empty.
    """
    (_, own), *others = seconds.items()
    rows = [
        {
            "stage": stage,
            "against": name,
            "ours": amount / own,
            "alternative": amount / theirs,
            "unit": f"{unit}/s",
            "ratio": theirs / own,
        }
        for name, theirs in others or [("", float("nan"))]
    ]
    return pd.DataFrame(rows)


def as_text(table: pd.DataFrame) -> str:
    """For the terminal: large numbers whole, others with four decimals."""
    return table.to_string(
        index=False,
        na_rep="",
        float_format=lambda value: f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4f}",
    )
