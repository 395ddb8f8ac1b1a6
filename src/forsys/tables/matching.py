"""Whether the ids of one table occur in another, and the spelling in which they do."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from forsys.errors import DataError
from forsys.tables.limits import HALF, MIN_MATCH, NEARLY_ALL
from forsys.tables.reading import shown

Key = Callable[[pl.Expr], pl.Expr]  # ids → what is compared instead of them


@dataclass(frozen=True)
class Ids:
    """The distinct ids of a table, and what messages call the table; None where the shop has no such table."""

    where: str | None
    values: pl.Series


def as_written(ids: pl.Expr) -> pl.Expr:
    """Ids that are compared as they are."""
    return ids


def _trimmed(ids: pl.Expr) -> pl.Expr:
    return ids.str.strip_chars()


def _without_fraction(ids: pl.Expr) -> pl.Expr:
    return ids.str.replace(r"^(\d+)\.0+$", "$1")


def _folded(ids: pl.Expr) -> pl.Expr:
    return ids.str.to_lowercase()


def _without_zeros(ids: pl.Expr) -> pl.Expr:
    return ids.str.replace(r"^0+(\d)", "$1")


def in_any_spelling(ids: pl.Expr) -> pl.Expr:
    """Ids without white space, a trailing .0, upper case and leading zeros."""
    return _without_zeros(_without_fraction(_folded(_trimmed(ids))))


SPELLINGS: dict[str, Key] = {
    "without the white space around them": _trimmed,
    "without a trailing .0": _without_fraction,
    "without regard to upper and lower case": _folded,
    "without leading zeros": _without_zeros,
    "without white space, a trailing .0, upper case and leading zeros": in_any_spelling,
}


def applied(key: Key, ids: pl.Series) -> pl.Series:
    """The keys of ids."""
    return ids.to_frame("id").select(key(pl.col("id"))).to_series().rename(ids.name)


def matching_key(known: Ids, others: Ids, notes: list[str]) -> Key:
    """How to compare `others` with `known`, so that their ids match if they are ids of the same things.

    As they are written, unless that matches fewer than NEARLY_ALL of `others` and another spelling makes them match
    without making two ids of one table equal; that adds a note. Raises DataError where fewer than MIN_MATCH match.
    """
    found = _share(known.values, others.values)
    if found >= NEARLY_ALL:
        return as_written
    for name, key in SPELLINGS.items():
        ours, theirs = applied(key, known.values), applied(key, others.values)
        share = _share(ours, theirs)
        is_enough = share >= NEARLY_ALL or (found < MIN_MATCH and share >= HALF)
        if is_enough and ours.n_unique() == len(ours) and theirs.n_unique() == len(theirs):
            notes.append(
                f"{others.where}: {found:.0%} of its ids are in {known.where} as written, {share:.0%} {name}: "
                "compared in that way"
            )
            return key
    if found < MIN_MATCH:
        raise DataError(_mismatch(known, others, found))
    return as_written


def _share(known: pl.Series, others: pl.Series) -> float:
    return int(others.is_in(known.implode()).sum()) / len(others) if len(others) else 1.0


def _mismatch(known: Ids, others: Ids, found: float) -> str:
    strange = others.values.filter(~others.values.is_in(known.values.implode()))
    return (
        f"{others.where}: {found:.1%} of its {len(others.values):,} different ids of {known.values.name} are in "
        f"{known.where}, fewer than {MIN_MATCH:.0%}: there {shown(known.values[0])}, here {shown(strange.min())}. "
        "White space, a trailing .0, upper case and leading zeros are not the cause. "
        "Take all tables from the same export of the same shop, with ids written in the same way."
    )
