"""A few customers of the holdout: what they had bought before, what was predicted, and what they bought."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from forsys.content.pictures import picture_files
from forsys.report.results import holdout_purchases
from forsys.report.thumbnails import data_uri, hue_of, thumbnail
from forsys.run import Run

CUSTOMERS = 6
LAST = 6  # articles bought before the holdout that are shown
MAX_BOUGHT = 12  # articles bought in the holdout that are shown


@dataclass(frozen=True)
class Card:
    """An article as it is shown. `hit` is whether it was predicted and bought; `note` says so in words."""

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
        """Its name and attributes, for a tooltip."""
        return " · ".join(filter(None, (self.name, self.kind, self.colour, self.article_id)))

    @property
    def hue(self) -> int:
        """The colour of the tile that stands for a missing picture."""
        return hue_of(self.kind)


@dataclass(frozen=True)
class Example:
    """One customer. `before` is newest first; `num_before` and `num_bought` count all, shown or not."""

    customer_id: str
    age: int | None
    num_before: int
    before: list[Card]
    predicted: list[Card]
    bought: list[Card]
    num_bought: int
    hits: int


@dataclass(frozen=True)
class Examples:
    """The examples, and how many of the customers that they were sampled from have a hit."""

    customers: list[Example]
    sampled_from: int = 0
    with_hit: int = 0


def find_examples(run: Run, count: int = CUSTOMERS) -> Examples:
    """`count` buyers of the holdout with earlier purchases, half of them with a hit where there are as many.

    Sampled with the seed of the settings; fewer where there are fewer, and none before the stage `submit` has run.
    """
    path = run.workspace.holdout / "predictions.parquet"
    if not path.exists():
        return Examples([])
    bought = holdout_purchases(run)
    lists = pl.scan_parquet(path).filter(pl.col("rank") <= run.settings.k)
    lists = lists.join(bought.lazy().select("customer").unique(), on="customer", how="semi")
    predicted = lists.collect().sort("customer", "rank")
    buyers = _with_history(run, bought.join(predicted, on="customer", how="semi"))
    with_hit = buyers.join(bought.join(predicted, on=["customer", "article"]), on="customer", how="semi")
    chosen = _sample(buyers["customer"], with_hit["customer"], count, run.settings.seed)
    return Examples(_describe(run, chosen, predicted, bought), len(buyers), len(with_hit))


def _with_history(run: Run, bought: pl.DataFrame) -> pl.DataFrame:
    """The customers of `bought` who had bought before the holdout, sorted."""
    log = pl.scan_parquet(run.workspace.tables / "transactions.parquet")
    earlier = log.filter(pl.col("t_dat") < run.calendar.holdout.as_of).select("customer")
    known = earlier.join(bought.lazy().select("customer"), on="customer", how="semi").unique()
    return known.collect().sort("customer")


def _sample(buyers: pl.Series, with_hit: pl.Series, count: int, seed: int) -> list[int]:
    random = np.random.default_rng([seed, 12])
    others = buyers.filter(~buyers.is_in(with_hit.implode()))
    hits, misses = (random.permutation(group.to_numpy()).tolist() for group in (with_hit, others))
    first = hits[: max((count + 1) // 2, count - len(misses))]
    return [*first, *misses[: count - len(first)]]


def _describe(run: Run, chosen: list[int], predicted: pl.DataFrame, bought: pl.DataFrame) -> list[Example]:
    before = _before(run, chosen)
    ids = pl.scan_parquet(run.workspace.tables / "customers.parquet").filter(pl.col("customer").is_in(chosen))
    customers = {row["customer"]: row for row in ids.select("customer", "customer_id", "age").collect().to_dicts()}
    lists = {c: predicted.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}
    then = {c: bought.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}
    card = _cards(run, [a for group in (before, lists, then) for articles in group.values() for a in articles])
    return [_example(customers[c], before[c], lists[c], then[c], card) for c in chosen]


def _before(run: Run, chosen: list[int]) -> dict[int, list[int]]:
    """The distinct articles that each of `chosen` had bought before the holdout, newest first."""
    log = pl.scan_parquet(run.workspace.tables / "transactions.parquet")
    own = log.filter(pl.col("customer").is_in(chosen), pl.col("t_dat") < run.calendar.holdout.as_of)
    numbered = own.select("customer", "article").collect().with_row_index("row")  # few rows, oldest first
    last = numbered.group_by("customer", "article").agg(pl.col("row").max()).sort("row", descending=True)
    return {c: last.filter(pl.col("customer") == c)["article"].to_list() for c in chosen}


def _cards(run: Run, articles: Iterable[int]) -> Callable[[int], Card]:
    """Reads the attributes of `articles`; the function returned makes a card of one of them."""
    table = pl.scan_parquet(run.workspace.tables / "articles.parquet")
    table = table.filter(pl.col("article").is_in(sorted(set(articles))))
    kind, colour = run.roles.kind, run.roles.colour
    found = table.collect()
    rows = {row["article"]: row for row in found.to_dicts()}
    pictures = picture_files(run.dataset.folder / "images", found)
    made: dict[int, Card] = {}

    def card(article: int) -> Card:
        if article not in made:
            row = rows[article]
            jpeg = thumbnail(pictures[row["article_id"]]) if row["article_id"] in pictures else None
            name = row["prod_name"] or row["article_id"]
            made[article] = Card(row["article_id"], name, row.get(kind) or "article", row.get(colour) or "", jpeg)
        return made[article]

    return card


def _example(
    row: dict[str, object], before: list[int], predicted: list[int], then: list[int], card: Callable[[int], Card]
) -> Example:
    rank = {article: i for i, article in enumerate(predicted, start=1)}
    hits = set(rank) & set(then)
    shown = sorted(then, key=lambda a: rank.get(a, len(rank) + 1))[:MAX_BOUGHT]
    age = row["age"]
    return Example(
        customer_id=str(row["customer_id"]),
        age=int(age) if isinstance(age, float) and age == age else None,
        num_before=len(before),
        before=[card(a) for a in before[:LAST]],
        predicted=[replace(card(a), hit=a in hits, note="bought" if a in hits else "") for a in predicted],
        bought=[replace(card(a), hit=a in hits, note=f"no. {rank[a]}" if a in hits else "") for a in shown],
        num_bought=len(then),
        hits=len(hits),
    )
