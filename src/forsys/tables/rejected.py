"""What is wrong in the tables: notes for the report's readers, and rejected rows."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.schema import REJECTED
from forsys.store import atomic_write
from forsys.tables.columns import REQUIRED
from forsys.tables.csv_faults import CUT_OFF
from forsys.tables.reading import ROW, SHOWN_ID, TAIL_MISSING, Table, shown

REASON = "__reason__"  # 0 = the row is valid, BLANK = an empty line, else the 1-based number of the failed check
BLANK = 255
MAX_KEPT = 1_000_000  # rejected rows written out: a table with nothing else must not fill the memory
SHOWN_LINES = 3  # lines of each reason that a note names

BAD_ARTICLE_ID = "article_id is not up to 10 digits"
BAD_DAY = "t_dat is not a day as YYYY-MM-DD"
FAR_DAY = "t_dat is far from the other days"
ADVICE = {
    BAD_ARTICLE_ID: "Article ids are whole numbers of up to 10 digits; number the articles in every table.",
    BAD_DAY: "Write every day as 2020-09-30.",
    FAR_DAY: "Correct their days, or delete these rows.",
}

Checks = dict[str, pl.Expr]  # reason → rows that fail; the first check that a row fails gives its reason


def reason_code(checks: Checks, names: list[str]) -> pl.Expr:
    """REASON for each row; `names` are the columns that are all null in an empty line."""
    code: pl.Expr = pl.lit(0, pl.UInt8)
    for number, fails in reversed(list(enumerate(checks.values(), start=1))):
        code = pl.when(fails).then(pl.lit(number, pl.UInt8)).otherwise(code)
    blank = pl.all_horizontal(pl.col(name).is_null() for name in names)
    return pl.when(blank).then(pl.lit(BLANK, pl.UInt8)).otherwise(code).alias(REASON)


class DataIssues:
    """Collects notes and rejected rows of all tables; DataError where a table has too many rejected rows."""

    def __init__(self, rejected_path: Path, max_rejected: float) -> None:
        self.rejected_path = rejected_path
        self.max_rejected = max_rejected
        self.notes: list[str] = []
        self.counts: dict[str, int] = {}  # "file: reason" → rows
        self._rejected: list[pl.DataFrame] = []

    def note(self, count: int, one: str, many: str) -> None:
        """Add a sentence about `count` things, if there are any; `many` has a {} for the count."""
        if count:
            self.notes.append(one if count == 1 else many.format(f"{count:,}"))

    def keep_valid(
        self, table: Table, frame: pl.DataFrame, checks: Checks, hints: Mapping[str, str] | None = None
    ) -> pl.DataFrame:
        """The valid rows of `frame` (all rows of `table`, with REASON and TAIL_MISSING), without these two.

        `hints`: what to say beside a reason. DataError if there is no row, a row with too few fields, no valid row,
        too many rejected ones, or a last row that was cut.
        """
        codes = frame[REASON]
        total = frame.height - int((codes == BLANK).sum())
        if total == 0:
            raise DataError(f"{table.path}: a header and no rows. Fetch the file again.")
        if (frame[TAIL_MISSING] & (codes != BLANK)).any():
            table.check_widths()
        is_bad = (codes != 0) & (codes != BLANK)
        bad = frame.select(REASON).with_row_index(ROW).filter(is_bad)
        if bad.height:
            if is_bad[-1] and frame[TAIL_MISSING][-1] and table.is_cut():
                raise DataError(f"{table.path}: line {table.line(frame.height - 1, frame.height)}: {CUT_OFF}")
            self._reject(table, bad, list(checks), total, frame.height, hints or {})
        kept = frame.drop(REASON, TAIL_MISSING)
        return kept if total == frame.height and bad.is_empty() else kept.filter(codes == 0)

    def write(self) -> None:
        """Write rejected.parquet: articles, customers, transactions, submission, each in the order of its file.

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
    ) -> None:
        counts = bad[REASON].value_counts(sort=True)
        by_reason = {reasons[code - 1]: count for code, count in counts.sort("count", REASON).reverse().rows()}
        kept = self._rows_as_text(table, bad.head(MAX_KEPT), reasons, rows_of_file)
        self._rejected.append(kept)
        if bad.height > self.max_rejected * total or bad.height == total:
            self.write()
            raise DataError(self._too_many(table, kept, by_reason, bad.height, total, hints))
        for reason, count in by_reason.items():
            lines = kept.filter(pl.col("reason") == reason)["line"].drop_nulls().head(SHOWN_LINES).to_list()
            self.counts[f"{table.path.name}: {reason}"] = count
            where = _lines(lines, count) + (f"; {hints[reason]}" if reason in hints else "")
            text = f"{table.path.name}: {{}} rows rejected, {reason}{where}"
            self.note(count, text.replace("rows", "row").format(1), text)
        if kept["line"][-1] == rows_of_file + 1 and table.is_cut():
            self.notes.append(f"{table.path.name}: its last row, without a line break, is one: was it cut off?")
        if bad.height > MAX_KEPT:
            self.notes.append(f"rejected.parquet holds the first {MAX_KEPT:,} rejected rows of {table.path.name}")

    def _rows_as_text(self, table: Table, bad: pl.DataFrame, reasons: list[str], rows_of_file: int) -> pl.DataFrame:
        """`bad` as REJECTED. The file is read once more, since rows are not kept as text."""
        to_json = pl.struct(pl.exclude(ROW)).struct.json_encode().alias("row")
        is_bad = pl.col(ROW).is_in(bad[ROW].implode())
        texts = table.collect(table.scan().filter(is_bad).select(to_json))
        return bad.select(
            pl.lit(table.path.name).alias("file"),
            table.line_numbers(bad[ROW], rows_of_file).alias("line"),
            pl.lit(pl.Series(reasons)).gather(pl.col(REASON).cast(pl.UInt32) - 1).alias("reason"),
            texts["row"],
        ).cast(REJECTED)  # type: ignore[arg-type]

    def _too_many(
        self,
        table: Table,
        kept: pl.DataFrame,
        by_reason: dict[str, int],
        bad: int,
        total: int,
        hints: Mapping[str, str],
    ) -> str:
        first = kept.row(0, named=True)
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in by_reason.items())
        share = max(0.05, math.ceil(bad / total * 100) / 100)
        advice = "No row is left." if bad == total else f"Fix the file, or allow it: --max-rejected {share:.2g}"
        return " ".join(
            part
            for part in (
                f"{table.path}: {bad:,} of {total:,} rows cannot be used, more than {self.max_rejected:.2%}.",
                f"{reasons}.",
                f"The first is line {first['line']} ({first['reason']}): {_shown_row(first['row'], table.stem)}.",
                f"They are kept in {self.rejected_path}.",
                *(f"{hints[reason]}." for reason in by_reason if reason in hints),
                ADVICE.get(next(iter(by_reason)), ""),
                advice,
            )
            if part
        )


def _lines(lines: list[int], count: int) -> str:
    if not lines:
        return ""
    word = "line" if count == 1 else "lines"
    return f" ({word} {', '.join(map(str, lines))}{', …' if count > len(lines) else ''})"


def _shown_row(row: str, stem: str) -> str:
    """The required columns of a row, their values shortened: the others may hold a postal code."""
    values = json.loads(row)
    short = {"t_dat": 20, "article_id": 20, "price": 20}
    return ", ".join(f"{name} {shown(values[name] or '', short.get(name, SHOWN_ID))}" for name in REQUIRED[stem])
