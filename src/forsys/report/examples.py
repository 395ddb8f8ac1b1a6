"""A few customers of the holdout: what they had bought, what was predicted, what they bought then."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from forsys.content.pictures import picture_path
from forsys.report.pictures import data_uri, hue_of, thumbnail
from forsys.schema import LIST_LENGTH as K

if TYPE_CHECKING:
    from forsys.run import Run

CUSTOMERS = 6
LAST = 6  # purchases before the holdout that are shown
MOST_BOUGHT = 12


@dataclass(frozen=True)
class Card:
    """An article as it is shown. `note` says why it is marked; `hit` is whether prediction and purchase met."""

    article_id: str
    name: str
    kind: str
    colour: str
    jpeg: bytes | None
    note: str = ""
    hit: bool = False

    @property
    def src(self) -> str | None:
        """The picture for an <img>."""
        return data_uri(self.jpeg) if self.jpeg else None

    @property
    def title(self) -> str:
        """What is known of it, for a tooltip."""
        return " · ".join(filter(None, (self.name, self.kind, self.colour, self.article_id)))

    @property
    def hue(self) -> int:
        """The colour of its tile."""
        return hue_of(self.kind)


@dataclass(frozen=True)
class Example:
    """One customer. `before` is newest first; `purchases` and `bought_count` count all, shown or not."""

    customer_id: str
    age: int | None
    purchases: int
    before: list[Card]
    predicted: list[Card]
    bought: list[Card]
    bought_count: int
    hits: int


@dataclass(frozen=True)
class Examples:
    """The examples, and how usual a hit is among the customers they were drawn from."""

    customers: list[Example]
    drawn_from: int = 0
    with_hit: int = 0


def find_examples(run: "Run", count: int = CUSTOMERS) -> Examples:
    """Half of them with a hit where there are so many, all with purchases before the holdout."""
    path = run.out / "holdout" / "predictions.parquet"
    if not path.exists():
        return Examples([])
    bought = _bought(run)
    lists = pl.scan_parquet(path).filter(pl.col("rank") <= K)
    lists = lists.join(bought.lazy().select("customer").unique(), on="customer", how="semi")
    predicted = lists.collect().sort("customer", "rank")
    buyers = _with_history(run, bought.join(predicted, on="customer", how="semi"))
    lucky = buyers.join(bought.join(predicted, on=["customer", "article"]), on="customer", how="semi")
    chosen = _draw(buyers["customer"], lucky["customer"], count, run.settings.seed)
    shown = _describe(run, chosen, predicted, bought)
    return Examples(shown, len(buyers), len(lucky))


def _bought(run: "Run") -> pl.DataFrame:
    """The holdout's distinct purchases: customer, article."""
    fold = run.calendar.holdout
    log = pl.scan_parquet(run.tables / "transactions.parquet")
    held = log.filter(pl.col("t_dat") >= fold.as_of, pl.col("t_dat") < fold.until)
    return held.select("customer", "article").unique().collect().sort("customer", "article")


def _with_history(run: "Run", bought: pl.DataFrame) -> pl.DataFrame:
    """The customers of `bought` who had bought before, sorted."""
    log = pl.scan_parquet(run.tables / "transactions.parquet")
    earlier = log.filter(pl.col("t_dat") < run.calendar.holdout.as_of).select("customer")
    known = earlier.join(bought.lazy().select("customer"), on="customer", how="semi").unique()
    return known.collect().sort("customer")


def _draw(buyers: pl.Series, lucky: pl.Series, count: int, seed: int) -> list[int]:
    random = np.random.default_rng([seed, 12])
    others = buyers.filter(~buyers.is_in(lucky.implode()))
    hits, misses = (random.permutation(group.to_numpy()).tolist() for group in (lucky, others))
    first = hits[: max((count + 1) // 2, count - len(misses))]
    return [*first, *misses[: count - len(first)]]


def _describe(run: "Run", chosen: list[int], predicted: pl.DataFrame, bought: pl.DataFrame) -> list[Example]:
    before = _before(run, chosen)
    ids = pl.scan_parquet(run.tables / "customers.parquet").filter(pl.col("customer").is_in(chosen))
    people = {row["customer"]: row for row in ids.select("customer", "customer_id", "age").collect().to_dicts()}
    lists = {c: predicted.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}
    then = {c: bought.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}
    card = _cards(run, [a for group in (before, lists, then) for articles in group.values() for a in articles])
    return [_example(people[c], before[c], lists[c], then[c], card) for c in chosen]


def _before(run: "Run", chosen: list[int]) -> dict[int, list[int]]:
    """The distinct articles each of `chosen` had bought, newest first."""
    log = pl.scan_parquet(run.tables / "transactions.parquet")
    mine = log.filter(pl.col("customer").is_in(chosen), pl.col("t_dat") < run.calendar.holdout.as_of)
    placed = mine.select("customer", "article").collect().with_row_index("place")  # few rows, oldest first
    last = placed.group_by("customer", "article").agg(pl.col("place").max()).sort("place", descending=True)
    return {c: last.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}


def _cards(run: "Run", articles: Iterable[int]) -> Callable[[int], Card]:
    """Reads the attributes of `articles`; the function returned makes a card of one of them."""
    table = pl.scan_parquet(run.tables / "articles.parquet").filter(pl.col("article").is_in(sorted(set(articles))))
    columns = ("article", "article_id", "prod_name", "product_type_name", "colour_group_name")
    rows = {row["article"]: row for row in table.select(columns).collect().to_dicts()}
    made: dict[int, Card] = {}

    def card(article: int) -> Card:
        if article not in made:
            row = rows[article]
            jpeg = thumbnail(picture_path(run.dataset.folder / "images", row["article_id"]))
            kind, name = row["product_type_name"] or "article", row["prod_name"] or row["article_id"]
            made[article] = Card(row["article_id"], name, kind, row["colour_group_name"] or "", jpeg)
        return made[article]

    return card


def _example(
    person: dict[str, object], before: list[int], predicted: list[int], then: list[int], card: Callable[[int], Card]
) -> Example:
    rank = {article: place for place, article in enumerate(predicted, start=1)}
    hits = set(rank) & set(then)
    shown_then = sorted(then, key=lambda a: rank.get(a, K + 1))[:MOST_BOUGHT]
    age = person["age"]
    return Example(
        customer_id=str(person["customer_id"]),
        age=int(age) if isinstance(age, float) and age == age else None,
        purchases=len(before),
        before=[card(a) for a in before[:LAST]],
        predicted=[replace(card(a), hit=a in hits, note="bought" if a in hits else "") for a in predicted],
        bought=[replace(card(a), hit=a in hits, note=f"no. {rank[a]}" if a in hits else "") for a in shown_then],
        bought_count=len(then),
        hits=len(hits),
    )
