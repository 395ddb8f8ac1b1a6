"""What is wrong in the tables: notes for the report's readers, and rejected rows."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.schema import REJECTED
from forsys.store import atomic_write
from forsys.tables.csv_faults import CUT_OFF
from forsys.tables.reading import ROW, SHOWN_ID, TAIL_MISSING, Table, shown
from forsys.tables.shop_file import Articles

REASON = (
    "__reason__"  # 0 = valid, BLANK = an empty line, LEFT_OUT, NO_UNITS, or the 1-based number of the failed check
)
BLANK = 255
LEFT_OUT, NO_UNITS = 254, 253  # rows that are no sale: the shop file leaves them out, or nothing was bought
MAX_KEPT = 1_000_000  # rejected rows written out: a table with nothing else must not fill the memory
SHOWN_LINES = 3  # lines of each reason that a note names

Checks = dict[str, pl.Expr]  # reason → rows that fail; the first check that a row fails gives its reason


def reason_code(checks: Checks, names: list[str], no_sale: Mapping[int, pl.Expr] | None = None) -> pl.Expr:
    """REASON for each row; `names` are the columns that are all null in an empty line.

    `no_sale`: LEFT_OUT and NO_UNITS with the rows for which they hold, whatever else is wrong with these.
    """
    code: pl.Expr = pl.lit(0, pl.UInt8)
    for number, fails in reversed(list(enumerate(checks.values(), start=1))):
        code = pl.when(fails).then(pl.lit(number, pl.UInt8)).otherwise(code)
    for number, holds in (no_sale or {}).items():
        code = pl.when(holds).then(pl.lit(number, pl.UInt8)).otherwise(code)
    blank = pl.all_horizontal(pl.col(name).is_null() for name in names)
    return pl.when(blank).then(pl.lit(BLANK, pl.UInt8)).otherwise(code).alias(REASON)


class DataIssues:
    """Collects notes and rejected rows of all tables; DataError where a table has too many rejected rows."""

    def __init__(self, rejected_path: Path, max_rejected: float) -> None:
        self.rejected_path = rejected_path
        self.max_rejected = max_rejected
        self.notes: list[str] = []
        self.rejections: list[str] = []  # the notes that tell of rejected rows
        self.doubts: list[str] = []  # the notes of what a person must judge
        self.counts: dict[str, int] = {}  # "file: reason" → rows
        self._rejected: list[pl.DataFrame] = []

    def note(self, count: int, one: str, many: str) -> None:
        """Add a sentence about `count` things, if there are any; `many` has a {} for the count."""
        if count:
            self.notes.append(one if count == 1 else many.replace("{}", f"{count:,}"))

    def doubt(self, text: str) -> None:
        """Add a note that `check` lists as a doubt."""
        self.notes.append(text)
        self.doubts.append(text)

    def keep_valid(
        self,
        table: Table,
        frame: pl.DataFrame,
        checks: Checks,
        hints: Mapping[str, str] | None = None,
        advice: Mapping[str, str] | None = None,
    ) -> pl.DataFrame:
        """The valid rows of `frame` (all rows of `table`, with REASON and TAIL_MISSING), without these two.

        `hints`: what to say beside a reason. `advice`: what to do, in an error. DataError if there is no row, a row
        with too few fields, no valid row, too many rejected ones, or a last row that was cut.
        """
        codes = frame[REASON]
        total = frame.height - int((codes == BLANK).sum())
        if total == 0:
            raise DataError(f"{table.path}: a header and no rows. Fetch the file again.")
        if (frame[TAIL_MISSING] & (codes != BLANK)).any():
            table.check_widths()
        is_bad = (codes != 0) & (codes < NO_UNITS)
        bad = frame.select(REASON).with_row_index(ROW).filter(is_bad)
        if bad.height:
            if is_bad[-1] and frame[TAIL_MISSING][-1] and table.parts[-1].is_cut():
                raise DataError(f"{table.path}: line {table.line(frame.height - 1, frame.height)}: {CUT_OFF}")
            self._reject(table, bad, list(checks), total, frame.height, hints or {}, advice or {})
        kept = frame.drop(REASON, TAIL_MISSING)
        if codes.max() == 0:
            return kept
        kept = kept.filter(codes == 0)
        if kept.is_empty():
            raise DataError(f"{table.path}: the shop file leaves out all of its rows, or they have no units.")
        return kept

    def write(self) -> None:
        """Write rejected.parquet, table by table as they were read, each in the order of its file.

        Only its owner can read the file: it holds whole rows of customers.
        """
        rows = pl.concat([pl.DataFrame(schema=REJECTED), *self._rejected]).rechunk()
        with atomic_write(self.rejected_path) as part:
            part.touch(mode=0o600)
            rows.write_parquet(part, compression="zstd", compression_level=1)

    def _reject(
        self,
        table: Table,
        bad: pl.DataFrame,
        reasons: list[str],
        total: int,
        rows_of_file: int,
        hints: Mapping[str, str],
        advice: Mapping[str, str],
    ) -> None:
        counts = bad[REASON].value_counts(sort=True)
        by_reason = {reasons[code - 1]: count for code, count in counts.sort("count", REASON).reverse().rows()}
        kept = self._rows_as_text(table, bad.head(MAX_KEPT), reasons, rows_of_file)
        self._rejected.append(kept)
        if bad.height > self.max_rejected * total or bad.height == total:
            self.write()
            raise DataError(self._too_many(table, kept, by_reason, bad.height, total, hints, advice))
        told = len(self.notes)
        for reason, count in by_reason.items():
            lines = _places(kept.filter(pl.col("reason") == reason), table)
            self.counts[f"{table.name}: {reason}"] = count
            where = _lines(lines, count) + (f"; {hints[reason]}" if reason in hints else "")
            text = f"{table.name}: {{}} rows rejected, {reason}{where}"
            self.note(count, text.replace("{} rows", "1 row"), text)
        if bad[ROW][-1] == rows_of_file - 1 and table.parts[-1].is_cut():
            self.notes.append(
                f"{table.name}: its last row is rejected and has no line break: was the file cut off?"
            )
        if bad.height > MAX_KEPT:
            self.notes.append(f"rejected.parquet holds the first {MAX_KEPT:,} rejected rows of {table.name}")
        self.rejections += self.notes[told:]

    def _rows_as_text(self, table: Table, bad: pl.DataFrame, reasons: list[str], rows_of_file: int) -> pl.DataFrame:
        """`bad` as REJECTED. The file is read once more, since rows are not kept as text."""
        to_json = pl.struct(pl.exclude(ROW)).struct.json_encode().alias("row")
        is_bad = pl.col(ROW).is_in(bad[ROW].implode())
        texts = table.collect(table.scan().filter(is_bad).select(to_json))
        frame = bad.hstack(table.places(bad[ROW].to_list(), rows_of_file)).hstack(texts)
        reason = pl.lit(pl.Series(reasons)).gather(pl.col(REASON).cast(pl.UInt32) - 1).alias("reason")
        return frame.select("file", "line", reason, "row").cast(REJECTED)  # type: ignore[arg-type]

    def _too_many(
        self,
        table: Table,
        kept: pl.DataFrame,
        by_reason: dict[str, int],
        bad: int,
        total: int,
        hints: Mapping[str, str],
        advice: Mapping[str, str],
    ) -> str:
        first = kept.row(0, named=True)
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in by_reason.items())
        share = max(0.05, math.ceil(bad / total * 100) / 100)
        is_all = bad == total
        limit = "" if is_all else f", more than {self.max_rejected:.2%}"
        allow = "No row is left." if is_all else f"Fix the file, or allow it: --max-rejected {share:.2g}"
        return " ".join(
            part
            for part in (
                f"{table.path}: {bad:,} of {total:,} rows cannot be used{limit}.",
                f"{reasons}.",
                f"The first is line {first['line']}{_in_file(first['file'], table)} ({first['reason']}): "
                f"{_shown_row(first['row'], table)}.",
                f"They are kept in {self.rejected_path}.",
                *(f"{hints[reason]}." for reason in by_reason if reason in hints),
                advice.get(next(iter(by_reason)), ""),
                allow,
            )
            if part
        )


def _places(kept: pl.DataFrame, table: Table) -> list[str]:
    """The first lines of rejected rows, with their files where there are several."""
    found = kept.select("file", "line").drop_nulls().head(SHOWN_LINES).rows()
    return [f"{line}{_in_file(file, table)}" for file, line in found]


def _in_file(file: str, table: Table) -> str:
    return f" of {file}" if len(table.parts) > 1 and file != table.name else ""


def _lines(lines: list[str], count: int) -> str:
    if not lines:
        return ""
    word = "line" if count == 1 else "lines"
    return f" ({word} {', '.join(lines)}{', …' if count > len(lines) else ''})"


def _shown_row(row: str, table: Table) -> str:
    """The main columns of a row, their values shortened: the others may hold a postal code."""
    values, keys = json.loads(row), table.section.keys()
    is_long = {
        "day",
        "start",
        "end",
        "article",
        "price",
        "units",
        *(["id"] if isinstance(table.section, Articles) else []),
    }
    return ", ".join(
        f"{name} {shown(values[name] or '', 20 if key in is_long else SHOWN_ID)}" for key, name in keys.items()
    )
