"""The channels of a shop's sales, such as store and online, and their codes."""

from dataclasses import dataclass

import polars as pl

from forsys.tables.ids import tidy_number
from forsys.tables.limits import MAX_CHANNELS
from forsys.tables.reading import Table
from forsys.tables.rejected import DataIssues
from forsys.tables.shop_file import Orders


@dataclass(frozen=True)
class Channels:
    """The channels by their codes, which count from 1; 0 is unknown."""

    values: tuple[str, ...] = ()  # as the file writes them
    names: tuple[str, ...] = ()
    are_all: bool = False  # whether the shop file names them: then other values are faults

    def code(self, text: pl.Expr) -> pl.Expr:
        """Int8; null for a value that is none of them, where `are_all`, else 0."""
        if self.are_all and self.values == tuple(map(str, range(1, len(self.values) + 1))):  # twice as fast
            code = text.cast(pl.Int8, strict=False)
            inside: pl.Expr = pl.when(code.is_between(1, len(self.values))).then(code)
        else:
            codes = range(1, len(self.values) + 1)
            inside = (text if self.are_all else tidy_number(text)).replace_strict(
                pl.Series(self.values, dtype=pl.String), pl.Series(codes, dtype=pl.Int8), default=None
            )
        return inside if self.are_all else inside.fill_null(0)

    def bad(self, column: str) -> str:
        """Why a row is rejected whose channel is none of them."""
        if len(self.values) == 2:
            return f"{column} is neither {self.values[0]} nor {self.values[1]}"
        return f"{column} is none of {', '.join(self.values)}"


def channels_of(table: Table, orders: Orders, issues: DataIssues) -> Channels:
    """As the shop file names them, else the values of the column, the most common first."""
    if orders.channel is None:
        issues.notes.append("no channel: taken as unknown")
        return Channels()
    if orders.channels:
        return Channels(tuple(orders.channels), tuple(orders.channels.values()), True)
    value = tidy_number(pl.col(orders.channel))
    counts = table.collect(table.scan().select(value).drop_nulls().group_by(orders.channel).len())
    values = counts.sort(pl.col("len"), orders.channel, descending=[True, False])[orders.channel].to_list()
    rest = len(values) - MAX_CHANNELS
    if rest > 0:
        issues.notes.append(
            f"{table.name}: {len(values):,} different values of {orders.channel}: the {MAX_CHANNELS} most common "
            "are its channels, the others are taken as unknown"
        )
    kept = tuple(values[:MAX_CHANNELS])
    return Channels(kept, kept)
