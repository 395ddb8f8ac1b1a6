"""Tables and sentences as they are printed."""

from collections.abc import Mapping

import pandas as pd

from forsys.metrics.bootstrap import FEW_BUYERS
from forsys.run import Run

GAP = "  "  # between columns


def table_text(table: pd.DataFrame, width: int | None = None) -> str:
    """A table for a terminal: four decimals, blanks for no value, text to the left and numbers to the right.

    One wider than `width` columns comes in parts, one below the other, each of which begins with the first column.
    """
    first, *others = [_cells(table[name]) for name in table.columns]
    parts = [[first]]
    for cells in others:
        used = sum(len(each[0]) + len(GAP) for each in parts[-1]) + len(cells[0])
        if width and used > width and len(parts[-1]) > 1:
            parts.append([first])
        parts[-1].append(cells)
    rows = ("\n".join(GAP.join(row).rstrip() for row in zip(*part, strict=True)) for part in parts)
    return "\n\n".join(rows)


def shortened(table: pd.DataFrame, shares: Mapping[str, int], width: int) -> pd.DataFrame:
    """A table whose texts in some columns are cut so that it fits `width`. shares: column -> its part of the room.

    A column that needs less than its part leaves the rest to those after it.
    """
    needed = {name: len(_cells(table[name])[0]) for name in table.columns}
    flexible = {name: share for name, share in shares.items() if name in needed}
    room = width - sum(needed[name] + len(GAP) for name in table.columns if name not in flexible)
    for name in sorted(flexible, key=lambda each: needed[each] / flexible[each]):
        part = room * flexible[name] // sum(flexible.values())
        length = max(min(needed[name], part - len(GAP)), len(name))
        room -= length + len(GAP)
        del flexible[name]
        table = table.assign(**{name: [_cut(str(value), length) for value in table[name]]})
    return table


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _cells(column: pd.Series) -> list[str]:
    """The name of a column and its values as texts of equal length."""
    texts = [str(column.name), *map(_text, column)]
    length = max(map(len, texts))
    is_text = any(isinstance(value, str) and not value.endswith("%") for value in column)
    return [text.ljust(length) if is_text else text.rjust(length) for text in texts]


def _text(value: object) -> str:
    if value is None or value != value:  # NaN
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def generated_label(run: Run) -> str:
    """What a heading starts with where the data are generated; empty where they are not."""
    return "GENERATED DATA. " if run.dataset.generated else ""


def left_out_texts(left_out: Mapping[str, int], folds: int) -> list[str]:
    """A sentence for each source that a backtest left out. left_out: source -> at how many of its `folds`."""
    return [
        f"{name} was left out at {number} of the {folds} cut-offs, because the fusion gave it no weight there"
        f"{f'. Its row covers the other {folds - number}' if number < folds else ''}."
        for name, number in left_out.items()
    ]


def few_buyers_text(buyers: int) -> str:
    """A warning where fewer than FEW_BUYERS customers bought in the holdout; otherwise empty."""
    if buyers >= FEW_BUYERS:
        return ""
    customers = "customer" if buyers == 1 else "customers"
    return f"Only {buyers} {customers} bought in the holdout: these scores say little."


def ceiling_text(final: float, oracle: float, k: int) -> str:
    """The MAP@k of the oracle order of the candidates, and the share of it that the final list reaches."""
    share = f", of which the final list reaches {final / oracle:.0%}" if oracle else ""
    return f"An oracle order of the candidates (hits first) would give MAP@{k} {oracle:.4f}{share}."
