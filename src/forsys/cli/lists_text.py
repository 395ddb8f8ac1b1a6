"""What `forsys recommend`, `export` and `explain` print: a function per command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forsys.calendar import in_days
from forsys.run import Run
from forsys.serving.explaining import explanation_text, explanations, nothing_for
from forsys.serving.export import export
from forsys.serving.recommender import Recommender
from forsys.serving.sentences import one_line
from forsys.store import json_text


def recommend_text(
    run: Run, customers: Sequence[str], basket: Sequence[str], k: int | None, *, as_json: bool
) -> str:
    """The lists of customers, whose ids may be given by their beginnings, or that of a new customer's basket."""
    recommender, k = Recommender.of(run), run.settings.k if k is None else k
    if basket:
        lists, asked = recommender.recommend_to_basket(basket, k), {None}
    else:
        found = [recommender.customers.find_prefix(each) for each in customers]
        ids = recommender.customers.ids.gather(found).to_list()
        lists, asked = recommender.recommend(ids, k), {*ids}
    rows = lists.to_dicts()
    for customer in asked - {*lists["customer"]}:
        raise nothing_for(customer)
    if as_json:
        return _json(rows)
    parts: dict[str | None, list[str]] = {}
    for row in rows:
        parts.setdefault(row["customer"], []).append(_line(row))
    return "\n\n".join("\n".join([_heading(run, customer), *lines]) for customer, lines in parts.items())


def export_text(run: Run, path: Path) -> str:
    """Write everyone's lists to a file, and say so."""
    found, everyone = export(run, path), len(run.submission_customers)
    without, shorter = everyone - found.customers, found.customers - found.complete
    lacking = f" ({without:,} customers have none, {shorter:,} fewer)" if without or shorter else ""
    return (
        f"{path}: {found.rows:,} rows, the first {run.settings.k} articles of everyone{lacking}. `chance` is that "
        f"of a purchase within {in_days(run.settings.holdout_days)} from {run.calendar.submission.as_of}; empty "
        "where a customer never bought."
    )


def explained(run: Run, customer: str, articles: Sequence[str]) -> list[dict[str, Any]]:
    """Why articles (without any, the whole list) stand where they do; ids may be given by their beginnings."""
    return explanations(Recommender.of(run), customer, articles or None, run.settings.k)


def explained_text(run: Run, found: list[dict[str, Any]], *, as_json: bool) -> str:
    """What `explained` returned, in sentences or as JSON."""
    return (
        _json(found) if as_json else "\n".join(explanation_text(each, run.settings.holdout_days) for each in found)
    )


def _heading(run: Run, customer: str | None) -> str:
    who = "The basket of a new customer" if customer is None else f"Customer {customer}"
    days = in_days(run.settings.holdout_days)
    return f"{who}, {run.calendar.submission.as_of}: rank, article, chance of a purchase within {days}, reason"


def _line(row: dict[str, Any]) -> str:
    chance = "      " if row["chance"] is None else f"{row['chance']:6.2%}"
    name, reason = one_line(row["name"] or ""), one_line(row["reason"], 300)
    return f"{row['rank']:4}  {row['article']}  {chance}  {name} ({reason})"


def _json(found: Any) -> str:
    return json_text(found, indent=1, ensure_ascii=False)
