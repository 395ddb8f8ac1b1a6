"""Whether a file is a submission, checked line by line; a fault is told with what to do about it.

A submission is `customer_id,prediction`: every customer of the sample submission once, each with k article
ids, best first, separated by one space (by a bar where a shop's ids hold spaces). H&M's ids have ten digits. Where
a shop's ids hold commas or quotes, they are quoted as in any CSV file.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.tables.ids import shop_ids
from forsys.tables.reading import SHOWN_ID

HEADER = "customer_id,prediction"

AGAIN = "Make the submission again"
CUT = "The file ends in the middle of this line: it was cut off. Copy or make it again"
ONE_FIELD = "Delete the line if it is empty; otherwise put a comma after the customer's id"
AS_TEXT = "Keep article ids as text all the way (pandas: `dtype={'article_id': str}`)"

SEPARATORS = (" ", "|", ";", "/", "\x1f")  # between the ids of articles
DIGITS = "[0-9]{10}"  # H&M's ids

# Customers written or checked at a time: their articles' ids take about 50 MB as strings.
SLICE = 100_000


def validate(path: Path, tables: Path, k: int) -> int:
    """Check a submission against the customers and articles of `tables`; return its number of rows.

    Rows may come in another order than the sample submission, and lines may end in CR LF: Kaggle takes both.
    Raises DataError at the first kind of fault. It names the file, the line, the customer, the value found,
    what is allowed and what to do.
    """
    return Check(path, path, tables, k, listed_customers(tables)).run()


def listed_customers(tables: Path) -> pl.Series:
    """The customers of the sample submission, in its order: dense ids."""
    return pl.read_parquet(tables / "submission_customers.parquet", glob=False)["customer"]


def separator(articles: pl.Series) -> str:
    """What stands between the ids of articles: the first of SEPARATORS that none of them holds."""
    return next(each for each in SEPARATORS if not articles.str.contains(each, literal=True).any())


@dataclass(frozen=True)
class Check:
    """One validation of `file`, which messages call `name`: a file being written has another name yet."""

    file: Path
    name: Path
    tables: Path
    k: int
    wanted: pl.Series  # customers, in the order of the file that is expected

    def run(self) -> int:
        """The number of rows. Raises DataError at the first kind of fault."""
        lines = self._lines()
        self._header(lines[0])
        rows = self._rows(lines[1:])
        self._customers(rows["customer"])
        self._articles(rows)
        return len(rows)

    def _lines(self) -> pl.Series:
        if not self.file.is_file():
            self._fail("", "there is no such file", "a CSV file", "Give the path of a submission, or make one")
        if not self.file.stat().st_size:
            self._fail("", "the file is empty (0 bytes)", f"{HEADER!r} and one line a customer", AGAIN)
        try:
            return pl.read_lines(self.file, glob=False).to_series().rename("line")
        except pl.exceptions.ComputeError:
            self._not_utf8()
            raise

    def _not_utf8(self) -> None:
        """Find the line that stopped polars, which does not name it."""
        with self.file.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    start = _beginning(line.rstrip(b"\r\n").decode(errors="replace"))
                    found = f"found {start} with a byte 0x{line[error.start]:02x}, which is not UTF-8"
                    fix = "Save it as plain CSV in UTF-8 (no Excel file, no zip file, no UTF-16)"
                    self._fail(f", line {number}", found, "UTF-8 text", fix)

    def _header(self, header: str) -> None:
        if header != HEADER:
            names = {name.strip('\ufeff" ') for name in re.split("[,;\t]", header)}
            is_header = bool(names & {*HEADER.split(",")})  # else it may be a customer's line
            found = f"found the header {_shown(header) if is_header else _beginning(header)}"
            self._fail(", line 1", found, repr(HEADER), _header_fix(header))

    def _rows(self, lines: pl.Series) -> pl.DataFrame:
        """Split into line (number in the file), customer, prediction."""
        if self._has_quotes():
            return self._quoted_rows()
        if lines.is_empty():
            self._fail("", "there is a header and no row", "one row a customer of the sample submission", AGAIN)
        commas = lines.str.count_matches(",", literal=True)
        if not (commas == 1).all():
            at = _first(commas != 1)
            found = f"found {int(commas[at]) + 1} field(s) in {_beginning(lines[at])}"
            fix = "Separate ids by one space, not by commas" if commas[at] else ONE_FIELD
            fix = self._cut_or(fix, is_last=at + 1 == len(lines))
            self._fail(f", line {at + 2}", found, "2 fields, the customer's id and the articles' ids", fix)
        parts = lines.str.split_exact(",", 1).struct.unnest()
        return parts.rename({"field_0": "customer", "field_1": "prediction"}).with_row_index("line", offset=2)

    def _has_quotes(self) -> bool:
        """Whether a shop's ids need quotes."""
        ids = (shop_ids(self.tables, "customer"), shop_ids(self.tables, "article"))
        return any(each.str.contains('[,"]').any() for each in ids)

    def _quoted_rows(self) -> pl.DataFrame:
        try:
            rows = pl.read_csv(self.file, infer_schema=False, glob=False).fill_null("")
        except pl.exceptions.PolarsError:
            self._fail("", "it can't be read as CSV", "2 fields a line, in quotes where an id holds a comma", AGAIN)
        return rows.rename({"customer_id": "customer"}).with_row_index("line", offset=2)

    def _cut_or(self, fix: str, *, is_last: bool) -> str:
        """What to do about a line at fault: the last one may be so because the file was cut off in it."""
        if not is_last:
            return fix
        with self.file.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return fix if file.read() == b"\n" else CUT

    def _customers(self, found: pl.Series) -> None:
        expected = shop_ids(self.tables, "customer").gather(self.wanted)
        if not found.equals(expected):
            self._missing_or_unknown(found, expected)
            self._twice(found)

    def _missing_or_unknown(self, found: pl.Series, expected: pl.Series) -> None:
        missing = ~expected.is_in(found.implode())
        unknown = ~found.is_in(expected.implode())
        faults = []
        if missing.any():
            first = expected[_first(missing)]
            faults.append(f"{missing.sum()} customers are missing, the first is {_short(first)}")
        if unknown.any():
            at = _first(unknown)
            faults.append(f"{unknown.sum()} are unknown, the first on line {at + 2}: {_beginning(found[at])}")
        if faults:
            allowed = f"the {len(expected)} customers of the sample submission, once each"
            fix = f"Was it cut off, or made from other tables than {self.tables}? {AGAIN}"
            self._fail("", " and ".join(faults), allowed, fix)

    def _twice(self, found: pl.Series) -> None:
        again = ~found.is_first_distinct()
        if again.any():
            at = _first(again)
            what = f"the customer already has line {_first(found == found[at]) + 2}"
            fix = "Keep one of the lines (pandas: `drop_duplicates('customer_id')`)"
            self._fail(f", line {at + 2}, customer {_short(found[at])}", what, "one line a customer", fix)

    def _articles(self, rows: pl.DataFrame) -> None:
        ids = shop_ids(self.tables, "article")
        places = pl.DataFrame({"id": ids}).with_row_index("place")
        for part in rows.iter_slices(SLICE):
            if not self._all_good(part["prediction"], places):
                self._explain(part, ids, last=len(rows) + 1)

    def _all_good(self, predictions: pl.Series, places: pl.DataFrame) -> bool:
        """Whether each prediction is k different known ids: quick, but it cannot say what is wrong."""
        ids = predictions.str.split(separator(places["id"]))
        if not (ids.list.len() == self.k).all():
            return False
        split = ids.explode().to_frame("id")
        at = split.join(places, on="id", how="left", maintain_order="left")["place"]
        if at.has_nulls():
            return False
        lists = np.sort(at.to_numpy().reshape(-1, self.k), axis=1)
        return bool((lists[:, 1:] != lists[:, :-1]).all())

    def _explain(self, rows: pl.DataFrame, articles: pl.Series, last: int) -> None:
        """Raise for the first row at fault; `last` is the number of the file's last line."""
        ids = _Ids(set(articles), separator(articles), bool(articles.str.contains(f"^{DIGITS}$").all()), self.k)
        for line, customer, prediction in rows.iter_rows():
            fault = _fault(prediction, ids)
            if fault:
                found, allowed, fix = fault
                fix = self._cut_or(fix, is_last=line == last)
                self._fail(f", line {line}, customer {_short(customer)}", found, allowed, fix)

    def _fail(self, where: str, found: str, allowed: str, fix: str) -> NoReturn:
        raise DataError(f"{self.name}{where}: {found}. Allowed: {allowed}. {fix}")


def _short(customer_id: str) -> str:
    """Enough of an id to find it, and no more: messages end in logs."""
    return customer_id if len(customer_id) <= SHOWN_ID else f"{customer_id[:SHOWN_ID]}…"


def _beginning(text: str) -> str:
    """Enough of what may hold a customer's id to find it, and its length, which tells whether it was cut off."""
    return f"{_short(text)!r} (length {len(text):,})"


def _header_fix(header: str) -> str:
    """What made the header differ, most telling sign first."""
    names = [name.strip().strip('"') for name in header.split(",")]
    causes = [
        (
            header.startswith("\ufeff"),
            "Save it without the byte order mark (`encoding='utf-8'`, not 'utf-8-sig')",
        ),
        (";" in header or "\t" in header, "Separate the fields by commas (pandas: `sep=','`)"),
        ('"' in header, "Write it without quotation marks (pandas: `quoting=csv.QUOTE_NONE`)"),
        (names == HEADER.split(",")[::-1], "Put the columns in the other order"),
        (names[0] in ("", "Unnamed: 0", "index"), "Leave out the index column (pandas: `index=False`)"),
        (len(names) > 2, "Leave out the other columns"),
    ]
    return next((fix for is_cause, fix in causes if is_cause), f"Write {HEADER} as the first line")


@dataclass(frozen=True)
class _Ids:
    """How a prediction is written: k of the known ids, with a separator between them."""

    known: set[str]
    separator: str
    have_ten_digits: bool
    k: int

    @property
    def allowed(self) -> str:
        form = " of 10 digits" if self.have_ten_digits else ""
        between = "one space" if self.separator == " " else repr(self.separator)
        return f"{self.k} different article ids{form}, separated by {between}"


def _fault(prediction: str, ids: _Ids) -> tuple[str, str, str] | None:
    """What is wrong with a prediction: the value found, what is allowed, what to do; None if nothing is."""
    found = prediction.split(ids.separator)
    if not prediction.strip():
        return f"found {_shown(prediction)}, a blank prediction", ids.allowed, "Predict for this customer too"
    for one in found:
        if one not in ids.known and not re.fullmatch(DIGITS if ids.have_ten_digits else ".+", one):
            what, fix = _form_fault(one)
            return f"found {_shown(one)}, {what}", ids.allowed, fix
    if len(found) != ids.k:
        what = f"found {len(found)} ids, too {'few' if len(found) < ids.k else 'many'}: {_shown(prediction)}"
        return what, ids.allowed, f"Give exactly {ids.k}"
    for place, one in enumerate(found):
        if one not in ids.known:
            return (
                f"found {_shown(one)}, an unknown article",
                "ids of the articles",
                "Was it made from other tables?",
            )
        if one in found[:place]:
            return f"found {_shown(one)} twice", ids.allowed, "Put another article in the later place"
    return None


def _form_fault(one: str) -> tuple[str, str]:
    """Why `one` is not an id of ten digits, and what to do."""
    if not one:
        return "where two spaces meet or the prediction starts or ends with one", "Put one space between ids"
    if re.fullmatch("[0-9]{9}", one):
        return "9 digits: the leading zero is lost", AS_TEXT
    if re.fullmatch(r"[0-9]+", one):
        return f"{len(one)} digits", "Write ids in full, one space between them; was the file cut off?"
    if re.fullmatch(r"[0-9.]+(e[+-]?[0-9]+)?", one, re.IGNORECASE):
        return "a decimal number and no id", AS_TEXT
    return "which is not ten digits", "Write bare ids: no brackets, quotes, commas, tabs or nan"


def _first(mask: pl.Series) -> int:
    """Place of the first true value of a mask that has one."""
    return int(mask.arg_max() or 0)


def _shown(value: str) -> str:
    """What holds no customer's id, as it goes into a message: with its invisible characters, and not too long."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
