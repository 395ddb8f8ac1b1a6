"""What is wrong in the tables: notes for the report's readers, and rejected rows."""

import math
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.schema import REJECTED
from forsys.store import write_parquet
from forsys.tables.reading import ROW, TAIL_MISSING, Table

REASON = "__reason__"  # 0 = the row is valid, BLANK = an empty line, else the 1-based number of the failed check
BLANK = 255
MAX_KEPT = 1_000_000  # rejected rows written out: a table with nothing else must not fill the memory

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

    def keep_valid(self, table: Table, frame: pl.DataFrame, checks: Checks) -> pl.DataFrame:
        """The valid rows of `frame` (all rows of `table`, with REASON and TAIL_MISSING), without these two.

        DataError if there is no row, a row with too few fields, no valid row, or too many rejected ones.
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
            self._reject(table, bad, list(checks), total, frame.height)
        kept = frame.drop(REASON, TAIL_MISSING)
        return kept if total == frame.height and bad.is_empty() else kept.filter(codes == 0)

    def write(self) -> None:
        """Write rejected.parquet: articles, customers, transactions, submission, each in the order of its file."""
        write_parquet(pl.concat([pl.DataFrame(schema=REJECTED), *self._rejected]).rechunk(), self.rejected_path)

    def _reject(self, table: Table, bad: pl.DataFrame, reasons: list[str], total: int, rows_of_file: int) -> None:
        counts = bad[REASON].value_counts(sort=True)
        by_reason = {reasons[code - 1]: count for code, count in counts.sort("count", REASON).reverse().rows()}
        self.counts |= {f"{table.path.name}: {reason}": count for reason, count in by_reason.items()}
        kept = self._rows_as_text(table, bad.head(MAX_KEPT), reasons, rows_of_file)
        self._rejected.append(kept)
        if bad.height > self.max_rejected * total or bad.height == total:
            self.write()
            raise DataError(self._too_many(table, kept, by_reason, bad.height, total))
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

    def _too_many(self, table: Table, kept: pl.DataFrame, by_reason: dict[str, int], bad: int, total: int) -> str:
        first = kept.row(0, named=True)
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in by_reason.items())
        share = max(0.05, math.ceil(bad / total * 100) / 100)
        advice = "No row is left." if bad == total else f"Fix the file, or allow it: --max-rejected {share:.2g}"
        return (
            f"{table.path}: {bad:,} of {total:,} rows cannot be used, more than {self.max_rejected:.2%}. "
            f"{reasons}. The first is line {first['line']} ({first['reason']}): {first['row']} "
            f"They are kept in {self.rejected_path}. {advice}"
        )
