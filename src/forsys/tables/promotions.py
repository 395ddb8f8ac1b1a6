"""The table of promotions: which article the shop promotes, from when to when, and how."""

from datetime import timedelta

import polars as pl

from forsys.errors import DataError
from forsys.schema import PROMOTIONS
from forsys.tables.catalogue import note_columns
from forsys.tables.day_forms import DayForm, day_advice, recognised
from forsys.tables.ids import ArticleIds, dense_ids
from forsys.tables.limits import FIRST_DAY, LAST_DAY, MAX_PROMOTION_KINDS
from forsys.tables.matching import Ids, Key, applied, as_written, matching_key
from forsys.tables.reading import Table
from forsys.tables.rejected import Checks, DataIssues, reason_code
from forsys.tables.shop_file import ISO, Promotions

START, END = "__start__", "__end__"
NO_KIND = "promotion"  # the kind of those that name none


def read_promotions(table: Table, ids: ArticleIds, known: pl.Series, issues: DataIssues) -> pl.DataFrame:
    """The promotions of known articles, as PROMOTIONS, each once.

    known: the ids of all articles. Rows of others are left out and counted. DataError where next to none of its
    articles is known.
    """
    section = table.section
    assert isinstance(section, Promotions)
    note_columns(table, issues)
    form = _day_form(table, section, issues)
    checks = _checks(section, form, ids)
    rows = table.rows(section.read()).with_columns(ids.tidied(section.article))
    parsed = rows.with_columns(
        form.parsed(pl.col(section.start), is_tidied=True).alias(START),
        form.parsed(pl.col(section.end), is_tidied=True).clip(upper_bound=LAST_DAY).alias(END),
    )
    used = [section.article, section.start]
    frame = table.collect(parsed.with_columns(reason_code(checks, used)))
    frame = issues.keep_valid(table, frame, checks, advice=_advice(table, section, form, ids))
    key = _matching(table, section, frame, ids, known, issues)
    kind = pl.col(section.kind).str.strip_chars() if section.kind else pl.lit(None, pl.String)
    promotions = frame.lazy().select(
        article=key(ids.key(section.article)),
        known=pl.col(START) - timedelta(section.known_days_before),
        start=START,
        end=pl.col(END).fill_null(LAST_DAY),
        kind=kind.replace("", None).fill_null(NO_KIND),
    )
    found = dense_ids(promotions, "article", applied(key, ids.keys(known))).collect()
    text = f"{table.name}: {{}} rows of articles that are not known"
    issues.note(found["article"].null_count(), text.replace("{} rows", "1 row"), text)
    if (kinds := found["kind"].n_unique()) > MAX_PROMOTION_KINDS:
        issues.notes.append(
            f"{table.name}: {kinds:,} kinds of promotions: the {MAX_PROMOTION_KINDS} most common are told apart"
        )
    rows_of_known = found.drop_nulls("article").unique().sort("article", "start", "end", "kind")
    return rows_of_known.cast(PROMOTIONS)  # type: ignore[arg-type]


def _day_form(table: Table, section: Promotions, issues: DataIssues) -> DayForm:
    """As the shop file names it, else as the first days tell, or where those may be either, the last ones."""
    if section.day_format:
        return DayForm(section.day_format)
    try:
        form = recognised(table, section.start)
    except DataError:
        form = recognised(table, section.end)
    if form.form != ISO:
        issues.notes.append(f"{table.name}: its days are read as {form.name}")
    return form


def _checks(section: Promotions, form: DayForm, ids: ArticleIds) -> Checks:
    article, start, end = section.article, section.start, section.end
    no_key = {ids.bad(article): ids.key(article).is_null()} if ids.digits else {}
    return {
        f"{article} is missing": pl.col(article).is_null(),
        **no_key,
        f"{start} is missing": pl.col(start).is_null(),
        _bad_day(start, form): pl.col(START).is_null(),
        _bad_day(end, form): pl.col(END).is_null() & pl.col(end).is_not_null(),
        f"{start} is not between {FIRST_DAY} and {LAST_DAY}": ~pl.col(START).is_between(FIRST_DAY, LAST_DAY),
        f"{end} is before {start}": pl.col(END) < pl.col(START),
    }


def _bad_day(column: str, form: DayForm) -> str:
    return f"{column} is not a day as {form.name}"


def _advice(table: Table, section: Promotions, form: DayForm, ids: ArticleIds) -> dict[str, str]:
    """What to do about rejected rows, by reason."""
    days = {
        _bad_day(day, form): day_advice(table, day, form, section.day_format)
        for day in (section.start, section.end)
    }
    return days | {ids.bad(section.article): "Write the ids as the orders do."}


def _matching(
    table: Table, section: Promotions, frame: pl.DataFrame, ids: ArticleIds, known: pl.Series, issues: DataIssues
) -> Key:
    """How its ids are compared with the known ones."""
    if not len(known):
        return as_written
    own = frame.select(ids.text(ids.key(section.article)).unique()).to_series().rename(known.name)
    key = matching_key(Ids("the other tables", known), Ids(table.name, own), issues.notes)
    return as_written if ids.digits else key  # those are numbers, whose spelling does not matter


def promotion_kinds(promotions: pl.DataFrame) -> tuple[str, ...]:
    """The kinds of PROMOTIONS that are told apart, those with the most rows first."""
    counts = promotions["kind"].value_counts().sort("count", "kind", descending=[True, False])
    return tuple(counts["kind"].head(MAX_PROMOTION_KINDS).to_list())
