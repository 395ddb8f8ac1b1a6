"""The generated customers: who they are, how often they visit the shop, and what they like."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.sample import reference_figures as figures
from forsys.sample import words
from forsys.sample.assortment import HIDDEN
from forsys.sample.constants import ShopConstants
from forsys.sample.sampling import Floats, Floats32, Ints, Ints32, hex_digits, sample_columns, sample_mask

PROTOTYPES = 9  # lifestyles within a persona, so that customers resemble each other
SLOTS = 4  # shelves where a customer mostly shops
SLOT_WEIGHTS = np.array([0.38, 0.27, 0.20, 0.15])
COMMON_POSTCODE = 0.088  # share of the customers with the postal code that stands for unknown

# Blocks of tastes, in the order of a row of `taste`: width, standard deviation between lifestyles, and between
# the customers of one lifestyle.
BLOCKS: dict[str, tuple[int, float, float]] = {
    "style": (len(words.STYLES), 1.0, 0.6),
    "colour": (len(words.COLOUR_FAMILIES), 0.8, 0.7),
    "klass": (len(words.CLASSES), 0.6, 0.5),
    "pattern": (len(words.PATTERN_CLASSES), 0.5, 0.4),
    "hidden": (HIDDEN, 0.55, 0.45),
    "price_level": (1, 0.7, 0.7),
}
_ENDS = dict(zip(BLOCKS, accumulate(width for width, _, _ in BLOCKS.values()), strict=True))
COLUMNS = {name: slice(end - BLOCKS[name][0], end) for name, end in _ENDS.items()}  # of a row of `taste`
WIDTH = max(_ENDS.values())


@dataclass
class Customers:
    """State of n customers, in the order of customers.csv. Arrays are (n,) unless noted.

    `taste`, `slots` and `seen` change as the weeks go by; the rest stays.
    """

    frame: pl.DataFrame  # the columns of customers.csv
    persona: Ints
    prototype: Ints
    centre: Floats32  # (prototypes, WIDTH) mean taste of each lifestyle, to which drifting tastes return
    taste: Floats32  # (n, WIDTH)
    slots: npt.NDArray[np.int16]  # (n, SLOTS) shelves
    seen: Ints32  # week of the last drift
    rate: Floats32  # relative rate of visits
    joined: Ints32  # week of the first visit; -1 = a customer since before the first week
    patience: Floats32  # weeks until the rate of visits has fallen to 1/e
    basket: Floats32  # factor on the size of the baskets, mean 1
    online: Floats32  # chance that a visit is online
    bulk: Floats32  # factor on the number of further units of an article, mean 1

    def __len__(self) -> int:
        return len(self.persona)


def make_customers(rng: np.random.Generator, count: int, weeks: int, constants: ShopConstants) -> Customers:
    """Sample `count` customers of a shop that is simulated for `weeks` weeks."""
    shares = np.array([p.share for p in words.PERSONAS])
    persona = rng.choice(len(shares), count, p=shares / shares.sum())
    prototype = persona * PROTOTYPES + rng.integers(0, PROTOTYPES, count)
    centre = _centres(rng)
    joined = _joined(rng, count, weeks, constants)
    wide = constants.basket_spread
    return Customers(
        frame=_frame(rng, _ages(rng, persona), constants.exact_counts),
        persona=persona,
        prototype=prototype,
        centre=centre,
        taste=centre[prototype] + deviations() * rng.standard_normal((count, WIDTH), dtype=np.float32),
        slots=np.stack([shelves(rng, persona) for _ in range(SLOTS)], axis=1),
        seen=np.zeros(count, dtype=np.int32),
        rate=rng.lognormal(0, constants.activity_spread, count).astype(np.float32),
        joined=joined,
        patience=rng.lognormal(constants.patience, 0.9, count).astype(np.float32),
        basket=rng.lognormal(-(wide**2) / 2, wide, count).astype(np.float32),
        online=rng.beta(0.9, 0.6, count).astype(np.float32),
        bulk=rng.gamma(1.5, 1 / 1.5, count).astype(np.float32),
    )


def _joined(rng: np.random.Generator, count: int, weeks: int, constants: ShopConstants) -> Ints32:
    """Week of each customer's first visit; -1 for customers since before the first week, who may come or not."""
    before = rng.random(count) < constants.joined_before
    joined = np.where(before, -1, rng.integers(0, weeks, count))
    if constants.return_weeks:
        back = rng.exponential(constants.return_weeks, int(before.sum()))
        joined[before] = np.minimum(back, weeks - 1)
    return joined.astype(np.int32)


def deviations() -> Floats32:
    """Standard deviation of each taste among the customers of one lifestyle -> (WIDTH,)."""
    return np.concatenate([np.full(w, own, dtype=np.float32) for w, _, own in BLOCKS.values()])


def shelves(rng: np.random.Generator, persona: Ints) -> npt.NDArray[np.int16]:
    """A shelf for each customer, sampled by the shares of their persona -> (n,)."""
    return sample_columns(rng, shelf_shares(), persona).astype(np.int16)


def shelf_shares() -> Floats:
    """Weight of each shelf for each persona -> (personas, shelves)."""
    totals: dict[str, float] = {}
    for shelf in words.SHELVES:
        totals[shelf.audience] = totals.get(shelf.audience, 0.0) + shelf.share
    return np.array(
        [
            [p.audiences.get(s.audience, 0.0) * s.share / totals[s.audience] for s in words.SHELVES]
            for p in words.PERSONAS
        ]
    )


def _centres(rng: np.random.Generator) -> Floats32:
    """Mean taste of each lifestyle -> (personas * PROTOTYPES, WIDTH)."""
    between = np.concatenate([np.full(w, b) for w, b, _ in BLOCKS.values()])
    return (between * rng.standard_normal((len(words.PERSONAS) * PROTOTYPES, WIDTH))).astype(np.float32)


def _ages(rng: np.random.Generator, persona: Ints) -> Ints:
    """Age in years, 16 to 99."""
    mean = np.array([p.age for p in words.PERSONAS])[persona]
    width = np.array([p.spread for p in words.PERSONAS])[persona]
    age = np.rint(mean + width * rng.standard_normal(len(persona))).astype(np.int64)
    age = np.where(age < 16, 32 - age, age)  # mirrored, so that ages do not pile up at 16
    any_age = rng.random(len(persona)) < 0.01
    return np.clip(np.where(any_age, rng.integers(16, 100, len(persona)), age), 16, 99)


def _frame(rng: np.random.Generator, age: Ints, exact: bool) -> pl.DataFrame:
    """customers.csv: Kaggle's columns, sorted by id, with its shares of missing values."""
    n = len(age)
    everybody = np.ones(n, dtype=np.bool_)
    news = sample_mask(rng, everybody, figures.FOLLOW_NEWS / figures.CUSTOMERS, exact)
    active = sample_mask(rng, news, figures.ARE_ACTIVE / figures.FOLLOW_NEWS, exact)
    frequency = np.where(news, "Regularly", "NONE")
    frequency[rng.random(n) < 0.0007] = "Monthly"
    club = rng.choice(["ACTIVE", "PRE-CREATE", "LEFT CLUB"], n, p=[0.929, 0.0705, 0.0005])
    return pl.DataFrame(
        {
            "customer_id": sorted(hex_digits(rng, n)),
            "FN": np.where(news, "1.0", ""),
            "Active": np.where(active, "1.0", ""),
            "club_member_status": _blanked(rng, club, figures.NO_CLUB / figures.CUSTOMERS, exact),
            "fashion_news_frequency": _blanked(rng, frequency, figures.NO_FREQUENCY / figures.CUSTOMERS, exact),
            "age": _blanked(rng, age.astype(float).astype(str), figures.NO_AGE / figures.CUSTOMERS, exact),
            "postal_code": _postcodes(rng, n),
        }
    ).with_columns(pl.col("FN", "Active").replace("", None))


def _blanked(rng: np.random.Generator, values: npt.NDArray[np.str_], share: float, exact: bool) -> pl.Series:
    """`values` with a share of them missing."""
    missing = sample_mask(rng, np.ones(len(values), dtype=np.bool_), share, exact)
    return pl.Series(values.tolist(), dtype=pl.String).set(pl.Series(missing), None)


def _postcodes(rng: np.random.Generator, count: int) -> pl.Series:
    """Hashed postal codes; one stands for unknown and is shared by many."""
    pool = pl.Series(hex_digits(rng, max(2, count // 4)))
    own = rng.integers(1, len(pool), count)
    return pool.gather(np.where(rng.random(count) < COMMON_POSTCODE, 0, own))
