"""When the shop promotes which article: read from its table, and looked up by day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints
from forsys.schema import PROMOTIONS
from forsys.tables.catalogue import note_columns
from forsys.tables.day_forms import DayForm, recognised
from forsys.tables.ids import ArticleIds, dense_ids
from forsys.tables.limits import FIRST_DAY, LAST_DAY, MAX_PROMOTION_KINDS
from forsys.tables.matching import Ids, Key, applied, as_written, matching_key
from forsys.tables.reading import Table
from forsys.tables.rejected import Checks, DataIssues, reason_code
from forsys.tables.shop_file import ISO, Promotions
from forsys.tables.transactions import Known

START, END = "__start__", "__end__"
NO_KIND = "promotion"  # the kind of those that name none
DAYS = 1 << 17  # more than there are days up to LAST_DAY: of a key of article and day


def read_promotions(table: Table, ids: ArticleIds, known: Known, issues: DataIssues) -> pl.DataFrame:
    """The promotions of known articles, as PROMOTIONS, each once.

    Rows of other articles are left out and counted. DataError where next to none of its articles is known.
    """
    section = table.section
    assert isinstance(section, Promotions)
    note_columns(table, issues)
    form = DayForm(section.day_format) if section.day_format else recognised(table, section.start)
    checks = _checks(section, form)
    rows = table.rows(section.read()).with_columns(ids.tidied(section.article))
    parsed = rows.with_columns(
        form.parsed(pl.col(section.start), is_tidied=True).alias(START),
        form.parsed(pl.col(section.end), is_tidied=True).alias(END),
    )
    frame = table.collect(parsed.with_columns(reason_code(checks, section.read())))
    advice = f"Write every day as {'2020-09-30' if form.form == ISO else form.name}."
    frame = issues.keep_valid(table, frame, checks, advice=dict.fromkeys(checks, advice))
    key = _matching(table, section, frame, ids, known, issues)
    articles = frame.lazy().select(
        article=key(ids.key(section.article)),
        start=START,
        end=END,
        kind=(pl.col(section.kind).str.strip_chars() if section.kind else pl.lit(None, pl.String)).fill_null(
            NO_KIND
        ),
    )
    found = dense_ids(articles, "article", applied(key, ids.keys(known.ids))).collect()
    text = f"{table.name}: {{}} rows of articles that are not known"
    issues.note(found["article"].null_count(), text.replace("rows", "row").format(1), text)
    known_rows = found.drop_nulls("article").unique().sort("article", "start", "end", "kind")
    return known_rows.cast(PROMOTIONS)  # type: ignore[arg-type]


def _checks(section: Promotions, form: DayForm) -> Checks:
    checks = {f"{section.article} is missing": pl.col(section.article).is_null()}
    for column, day in ((section.start, START), (section.end, END)):
        checks |= {
            f"{column} is missing": pl.col(column).is_null(),
            f"{column} is not a day as {form.name}": pl.col(day).is_null(),
            f"{column} is not between {FIRST_DAY} and {LAST_DAY}": ~pl.col(day).is_between(FIRST_DAY, LAST_DAY),
        }
    return checks | {f"{section.end} is before {section.start}": pl.col(END) < pl.col(START)}


def _matching(
    table: Table, section: Promotions, frame: pl.DataFrame, ids: ArticleIds, known: Known, issues: DataIssues
) -> Key:
    """How its ids are compared with the known ones."""
    if ids.digits is not None or not len(known.ids):
        return as_written
    others = Ids(table.name, frame[section.article].unique().rename(known.ids.name))
    return matching_key(Ids(known.where or "the orders", known.ids), others, issues.notes)


def promotion_kinds(promotions: pl.DataFrame, issues: DataIssues) -> tuple[str, ...]:
    """The kinds of PROMOTIONS that are told apart, those with the most rows first."""
    counts = promotions["kind"].value_counts().sort("count", "kind", descending=[True, False])
    kinds = counts["kind"].to_list()
    if len(kinds) > MAX_PROMOTION_KINDS:
        issues.notes.append(
            f"promotions have {len(kinds):,} kinds: the {MAX_PROMOTION_KINDS} most common are told apart"
        )
    return tuple(kinds[:MAX_PROMOTION_KINDS])


def _no_days() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Periods:
    """Periods in which articles are promoted, sorted by article and first day; none overlaps another.

    article: int64 (periods,); first, last: days since 1970, int64 (periods,), the last one inclusive.
    """

    article: Ints = field(default_factory=_no_days)
    first: Ints = field(default_factory=_no_days)
    last: Ints = field(default_factory=_no_days)

    @classmethod
    def of(cls, promotions: pl.DataFrame) -> Self:
        """Of rows of PROMOTIONS; those that overlap become one."""
        days = pl.col("article", "start", "end").to_physical().cast(pl.Int64)
        article, first, last = promotions.select(days).sort("article", "start").to_numpy().T
        begin, end = article * DAYS + first, np.maximum.accumulate(article * DAYS + last) if len(article) else last
        is_new = np.append(True, begin[1:] > end[:-1])[: len(begin)]
        ends = np.append(np.flatnonzero(is_new)[1:] - 1, len(begin) - 1)[: is_new.sum()]
        return cls(article[is_new], first[is_new], end[ends] % DAYS)

    def running(self, article: Ints, day: Ints | int) -> Bools:
        """Whether each article is promoted on each day, in a period that began before it."""
        return self._covered(article, day, started_before=True)

    def on_day(self, article: Ints, day: Ints | int) -> Bools:
        """Whether each article is promoted on each day."""
        return self._covered(article, day, started_before=False)

    def days_before(self, start: Ints, stop: int) -> Floats:
        """On how many days from its own `start` (articles,) to before `stop` each article was promoted."""
        days = np.clip(np.minimum(self.last + 1, stop) - np.maximum(self.first, start[self.article]), 0, None)
        return np.bincount(self.article, days, len(start)).astype(np.float64)

    def _covered(self, article: Ints, day: Ints | int, started_before: bool) -> Bools:
        if not len(self.article):
            return np.zeros(len(article), bool)
        side: Any = "left" if started_before else "right"
        place = np.searchsorted(self.article * DAYS + self.first, article.astype(np.int64) * DAYS + day, side) - 1
        found = np.maximum(place, 0)
        covered: Bools = (place >= 0) & (self.article[found] == article) & (day <= self.last[found])
        return covered


@dataclass(frozen=True, eq=False)
class Promoted:
    """The periods of each kind of promotion, and those of any kind."""

    kinds: Mapping[str, Periods] = field(default_factory=dict)
    any: Periods = field(default_factory=Periods)

    @classmethod
    def of(cls, promotions: pl.DataFrame, kinds: tuple[str, ...]) -> Self:
        """Of the rows of PROMOTIONS."""
        found = {kind: Periods.of(promotions.filter(pl.col("kind") == kind)) for kind in kinds}
        return cls(found, Periods.of(promotions))
