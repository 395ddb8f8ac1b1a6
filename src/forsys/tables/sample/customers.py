"""The generated customers: who they are, how often they come, and what they like."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.tables.sample import h_and_m
from forsys.tables.sample import vocabulary as words
from forsys.tables.sample.articles import HIDDEN
from forsys.tables.sample.calibration import Calibration
from forsys.tables.sample.draws import Floats, Floats32, Ints, choice, columns, hex_digits, some

PROTOTYPES = 9  # lifestyles within a persona, so that customers resemble each other
SLOTS = 4  # shelves a customer is at home in
SLOT_WEIGHTS = np.array([0.38, 0.27, 0.20, 0.15])
COMMON_POSTCODE = 0.088

# Width of each block of tastes, in the order of a row of `taste`, with the spread between lifestyles and
# between the customers of one.
BLOCKS: dict[str, tuple[int, float, float]] = {
    "style": (len(words.STYLES), 1.0, 0.6),
    "colour": (len(words.COLOUR_FAMILIES), 0.8, 0.7),
    "klass": (len(words.CLASSES), 0.6, 0.5),
    "pattern": (len(words.PATTERN_CLASSES), 0.5, 0.4),
    "hidden": (HIDDEN, 0.55, 0.45),
    "level": (1, 0.7, 0.7),
}
WIDTH = sum(width for width, _, _ in BLOCKS.values())


def block(name: str) -> slice:
    """Columns of `taste` that hold one block."""
    start = 0
    for other, (width, _, _) in BLOCKS.items():
        if other == name:
            return slice(start, start + width)
        start += width
    raise KeyError(name)


@dataclass
class Customers:
    """State of n customers, in the order of customers.csv. Arrays are (n,) unless told otherwise.

    `taste`, `slots` and `seen` change as the weeks go by; the rest stays.
    """

    frame: pl.DataFrame  # the columns of customers.csv
    persona: Ints
    prototype: Ints
    centre: Floats32  # (prototypes, WIDTH) the tastes that drifting ones return to
    taste: Floats32  # (n, WIDTH)
    slots: npt.NDArray[np.int16]  # (n, SLOTS) shelves
    seen: npt.NDArray[np.int32]  # week of the last drift
    rate: Floats32  # relative rate of coming
    joined: npt.NDArray[np.int32]  # week of the first visit; below 0 = known before the data begin
    patience: Floats32  # weeks until the rate of coming has fallen to 1/e
    basket: Floats32  # how much larger than usual the baskets are, mean 1
    online: Floats32  # chance that a visit is online
    bulk: Floats32  # readiness to buy several of one article

    def __len__(self) -> int:
        return len(self.persona)


def make_customers(rng: np.random.Generator, count: int, weeks: int, calibration: Calibration) -> Customers:
    """Draw `count` customers for a world of `weeks` weeks."""
    persona = choice(rng, np.array([p.share for p in words.PERSONAS]), count)
    prototype = persona * PROTOTYPES + rng.integers(0, PROTOTYPES, count)
    centre = _centres(rng)
    joined = _joined(rng, count, weeks, calibration)
    wide = calibration.basket_spread
    return Customers(
        frame=_frame(rng, _ages(rng, persona), calibration.exact_counts),
        persona=persona,
        prototype=prototype,
        centre=centre,
        taste=centre[prototype] + spread() * rng.standard_normal((count, WIDTH), dtype=np.float32),
        slots=np.stack([shelves(rng, persona) for _ in range(SLOTS)], axis=1),
        seen=np.zeros(count, dtype=np.int32),
        rate=rng.lognormal(0, calibration.activity_spread, count).astype(np.float32),
        joined=joined,
        patience=rng.lognormal(calibration.patience, 0.9, count).astype(np.float32),
        basket=rng.lognormal(-(wide**2) / 2, wide, count).astype(np.float32),
        online=rng.beta(0.9, 0.6, count).astype(np.float32),
        bulk=rng.gamma(1.5, 1 / 1.5, count).astype(np.float32),
    )


def _joined(rng: np.random.Generator, count: int, weeks: int, calibration: Calibration) -> npt.NDArray[np.int32]:
    """Week of each customer's first visit; -1 for those who knew the shop before and may come or not."""
    before = rng.random(count) < calibration.joined_before
    joined = np.where(before, -1, rng.integers(0, weeks, count))
    if calibration.return_weeks:
        back = rng.exponential(calibration.return_weeks, int(before.sum()))
        joined[before] = np.minimum(back, weeks - 1)
    return joined.astype(np.int32)


def spread() -> Floats32:
    """Standard deviation of each taste among the customers of one lifestyle -> (WIDTH,)."""
    return np.concatenate([np.full(w, own, dtype=np.float32) for w, _, own in BLOCKS.values()])


def shelves(rng: np.random.Generator, persona: Ints) -> npt.NDArray[np.int16]:
    """A shelf for each customer, as their persona parts its purchases -> (n,)."""
    return columns(rng, shelf_shares(), persona).astype(np.int16)


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
    age = np.where(age < 16, 32 - age, age)  # mirrored, so that no heap stands at 16
    stray = rng.random(len(persona)) < 0.01
    return np.clip(np.where(stray, rng.integers(16, 100, len(persona)), age), 16, 99)


def _frame(rng: np.random.Generator, age: Ints, exact: bool) -> pl.DataFrame:
    """customers.csv: Kaggle's columns, sorted by id, with its shares of missing values."""
    n = len(age)
    everybody = np.ones(n, dtype=np.bool_)
    news = some(rng, everybody, h_and_m.FOLLOW_NEWS / h_and_m.CUSTOMERS, exact)
    active = some(rng, news, h_and_m.ARE_ACTIVE / h_and_m.FOLLOW_NEWS, exact)
    frequency = np.where(news, "Regularly", "NONE")
    frequency[rng.random(n) < 0.0007] = "Monthly"
    club = np.array(["ACTIVE", "PRE-CREATE", "LEFT CLUB"])[choice(rng, np.array([92.9, 7.05, 0.05]), n)]
    return pl.DataFrame(
        {
            "customer_id": sorted(hex_digits(rng, n)),
            "FN": np.where(news, "1.0", ""),
            "Active": np.where(active, "1.0", ""),
            "club_member_status": _thinned(rng, club, h_and_m.NO_CLUB / h_and_m.CUSTOMERS, exact),
            "fashion_news_frequency": _thinned(rng, frequency, h_and_m.NO_FREQUENCY / h_and_m.CUSTOMERS, exact),
            "age": _thinned(rng, age.astype(float).astype(str), h_and_m.NO_AGE / h_and_m.CUSTOMERS, exact),
            "postal_code": _postcodes(rng, n),
        }
    ).with_columns(pl.col("FN", "Active").replace("", None))


def _thinned(rng: np.random.Generator, values: npt.NDArray[np.str_], share: float, exact: bool) -> pl.Series:
    """`values` with a share of them missing."""
    missing = some(rng, np.ones(len(values), dtype=np.bool_), share, exact)
    return pl.Series(values.tolist(), dtype=pl.String).set(pl.Series(missing), None)


def _postcodes(rng: np.random.Generator, count: int) -> pl.Series:
    """Hashed postal codes; one stands for unknown and is shared by many."""
    pool = pl.Series(hex_digits(rng, max(2, count // 4)))
    at = rng.integers(1, len(pool), count)
    return pool.gather(np.where(rng.random(count) < COMMON_POSTCODE, 0, at))
