"""Frames as a shop's files: Parquet, and the shop.toml that says which column is what."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.remote import delete
from forsys.store import write_changed, write_text
from forsys.tables.dataset import STEMS
from forsys.tables.files import find_table
from forsys.toml_text import toml_value

# Table -> the name of its file, and the keys of its section of the shop file.
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "orders": ("transactions_train", ("day", "customer", "article", "units", "price", "channel")),
    "articles": ("articles", ("id", "name", "text", "picture", "product", "attributes")),
    "customers": ("customers", ("id", "age", "region", "attributes")),
    "promotions": ("promotions", ("article", "start", "end", "kind")),
}
NEEDED = {
    "orders": ("day", "customer", "article"),
    "articles": ("id",),
    "customers": ("id",),
    "promotions": ("article", "start", "end"),
}
KAGGLE = {"t_dat", "customer_id", "article_id", "price", "sales_channel_id"}  # columns of H&M's orders
MARK = "# Written by forsys.Shop from frames, and anew at each fit.\n"
ONLINE = "online"  # the key whose value is no column: the channel, or channels, that are the online shop
Columns = Mapping[str, Any]  # key -> name of a column, or several


def write_shop(frames: Mapping[str, pl.DataFrame], columns: Columns, folder: Path) -> None:
    """Write frames (see TABLES) below `folder`; files that hold the same already stay.

    Orders with the columns of Kaggle's H&M data, without promotions and names of columns, need no shop.toml. Raises
    DataError for keys and columns that are not there, and where other tables lie there that would be read too.
    """
    is_kaggle = not columns and "promotions" not in frames and set(frames["orders"].columns) >= KAGGLE
    sections = "" if is_kaggle else shop_file(frames, columns)
    path = folder / "shop.toml"
    known = path.read_text(encoding="utf-8", errors="replace") if path.exists() else MARK
    if not known.startswith(MARK):
        raise DataError(f"{path} is a shop file of your own. Fit frames in another folder, or move it away.")
    if not sections:
        _refuse_other_tables(folder, [TABLES[name][0] for name in frames])
    for name, frame in frames.items():
        write_changed(frame, folder / f"{TABLES[name][0]}.parquet")
    if not sections:
        delete(path)
    elif known != MARK + sections:
        write_text(MARK + sections, path)


def _refuse_other_tables(folder: Path, written: list[str]) -> None:
    """Raise DataError where a table that Kaggle's shop file would read is not one that is written here."""
    for stem in STEMS:
        table = find_table(folder, stem)
        if table is not None and (stem not in written or table.suffix != ".parquet"):
            raise DataError(
                f"{table} is of an earlier fit or another shop, and would be read with these frames. Move it away, "
                "or fit in another folder."
            )


def shop_file(frames: Mapping[str, pl.DataFrame], columns: Columns) -> str:
    """The text of shop.toml. columns: key -> column, and ONLINE -> channels, as `forsys.Shop` takes them."""
    named: dict[str, dict[str, str | list[str]]] = {name: {} for name in frames}
    for key, column in columns.items():
        if key == ONLINE:
            continue
        table, _, inner = key.rpartition(".")
        table = table or "orders"
        if table not in frames or inner not in TABLES[table][1]:
            known = [name if of == "orders" else f"{of}.{name}" for of in frames for name in TABLES[of][1]]
            known.append(ONLINE)
            raise DataError(f"columns: {key!r} is no key of the frames that were given. Keys: {', '.join(known)}.")
        several = isinstance(column, Iterable) and not isinstance(column, str)
        named[table][inner] = [str(each) for each in column] if several else str(column)  # pandas has numbers too
    sections = [_section(table, frame, named[table]) for table, frame in frames.items()]
    return "\n".join([*sections, _roles(columns[ONLINE])] if ONLINE in columns else sections)


def _roles(online: object) -> str:
    """The section that says which channel, or list of channels, is the online shop."""
    several = isinstance(online, Iterable) and not isinstance(online, str)
    names = [_channel(each) for each in (online if several else [online])]  # type: ignore[attr-defined]
    return f"[roles]\nonline = {toml_value(names)}\n"


def _channel(value: object) -> str:
    """A channel as the tables hold it: true, 2 for 2.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value)


def _section(table: str, frame: pl.DataFrame, named: dict[str, str | list[str]]) -> str:
    file, keys = TABLES[table]
    own = {key: key for key in keys if key in frame.columns and key not in named}
    found = {**own, **named}
    for key in NEEDED[table]:
        if key not in found:
            where = key if table == "orders" else f"{table}.{key}"
            raise DataError(
                f"{table}: which column is the {key}? Say so by columns={{{where!r}: …}}; {_has(frame)}."
            )
    for column in found.values():
        for each in [column] if isinstance(column, str) else column:
            if each not in frame.columns:
                raise DataError(f"{table}: there is no column {each!r}; {_has(frame)}.")
    lines = [f"[{table}]", f'file = "{file}.parquet"']
    lines += [f"{key} = {toml_value(found[key])}" for key in keys if key in found]
    return "\n".join(lines) + "\n"


def _has(frame: pl.DataFrame) -> str:
    return f"it has {', '.join(frame.columns)}"
