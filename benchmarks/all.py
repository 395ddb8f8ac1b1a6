"""Every speed benchmark one after the other, each with its own table, and all of them in one table at the end.

ours and alternative are speeds on the same work, ratio is the one by the other: above 1 ours is faster. What needs
real files or many shops (`growth`, and those that measure accuracy) is not among them.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pandas as pd

from benchmarks._compared import as_text, compared

Table = pd.DataFrame


def run(data: Path | None) -> Table:
    """The rows of `benchmarks._compared.compared`, of every benchmark in SPEED."""
    tables = []
    for name, in_common_form in SPEED.items():
        own = import_module(f"benchmarks.{name}").run(data)
        print(f"{name}\n{as_text(own)}\n", flush=True)
        tables.append(in_common_form(own))
    return pd.concat(tables)


def as_it_is(table: Table) -> Table:
    """It has the common form."""
    return table


def keywords(table: Table) -> Table:
    """Both ways give the keywords of as many texts; that of a distinct text is looked up for the others."""
    seconds = table.set_index("way")["seconds"]
    ways = {"forsys": seconds["distinct, in workers"], "YAKE in a loop": seconds["loop over articles"]}
    return compared("keywords", "texts", int(table["texts"].max()), ways)


def pictures(table: Table) -> Table:
    """From milliseconds a picture."""
    theirs, own = table["ms a picture"] / 1e3
    return compared("colour and shape", "pictures", 1, {"forsys": own, "extcolors, colour": theirs})


def events(stage: str, kind: str, alternative: str) -> Callable[[Table], Table]:
    """From the two columns of events a second."""

    def in_common_form(table: Table) -> Table:
        speeds = zip(table[kind], table["events/s"], table[f"{alternative} events/s"], strict=True)
        rows = (
            compared(f"{stage}, {name}", "events", 1, {"forsys": 1 / own, alternative: 1 / theirs})
            for name, own, theirs in speeds
        )
        return pd.concat(rows)

    return in_common_form


SPEED: dict[str, Callable[[Table], Table]] = {
    "csv_to_parquet": as_it_is,
    "keywords": keywords,
    "picture_speed": pictures,
    "factorization_topk": as_it_is,
    "item_knn": as_it_is,
    "features": as_it_is,
    "scoring": as_it_is,
    "map_at_12": as_it_is,
    "mini_batches": events("mini-batches", "batching", "loop"),
    "throughput": events("training", "cell", "keras fit"),
}
