"""Who visits the shop in a week, on which days, and with how large a basket."""

from dataclasses import dataclass

import numpy as np

from forsys.sample.assortment import WEEKS_PER_YEAR
from forsys.sample.constants import ShopConstants
from forsys.sample.population import Customers
from forsys.sample.sampling import Bools, Floats, Floats32, Ints, Ints32

DAY_WEIGHTS = np.array([0.96, 0.98, 0.81, 1.21, 1.17, 1.09, 0.94])  # Monday .. Sunday
MAX_BASKET = 40
PROBE = 200_000  # customers, at most, on whom the week's traffic is calibrated


@dataclass(frozen=True)
class Visits:
    """v visits of one week, sorted by customer; arrays are (v,)."""

    customer: Ints
    day: Ints  # 0..6 within the week
    size: Ints  # articles looked for
    online: Bools
    discount: Floats  # factor on every price of the visit


def sample_visits(
    rng: np.random.Generator,
    customers: Customers,
    last: Ints32,
    week: int,
    share: float,
    first_weekday: int,
    constants: ShopConstants,
) -> Visits:
    """Visits of one week. About `share` of all customers come; those who join this week always do.

    `last` (n,) is the week of each customer's last visit; `first_weekday` is the week's first day, 0 = Monday.
    """
    rate = _rates(customers, last, week, constants)
    new = customers.joined == week
    factor = _calibrated(rate, share - float(new.mean()))
    come = new | (rng.random(len(customers), dtype=np.float32) < -np.expm1(-factor * rate))
    buyers = np.flatnonzero(come)
    customer = np.repeat(buyers, 1 + rng.poisson(constants.extra_visits, len(buyers)))
    days = np.roll(DAY_WEIGHTS, -first_weekday)
    count = len(customer)
    further = (constants.mean_basket - 1) * customers.basket[customer]  # articles, after the first
    return Visits(
        customer=customer,
        day=rng.choice(7, count, p=days / days.sum()),
        size=np.minimum(rng.geometric(1 / (1 + further)), MAX_BASKET).astype(np.int64),
        online=rng.random(count) < customers.online[customer],
        discount=rng.choice([1.0, 0.9, 0.85, 0.75], count, p=[0.86, 0.07, 0.04, 0.03]),
    )


def traffic(week_of_year: float, rhythm: float) -> float:
    """Factor on the visits by the time of the year: more in early summer and before Christmas."""
    return float(1 + rhythm * np.cos(4 * np.pi * (week_of_year - 24) / WEEKS_PER_YEAR))


def _rates(customers: Customers, last: Ints32, week: int, constants: ShopConstants) -> Floats32:
    """Relative rate of visits in this week; 0 before a customer has joined -> (n,)."""
    known = (week - customers.joined).astype(np.float32)
    echo = 1 + constants.echo * np.exp((last - week) / np.float32(constants.echo_weeks))
    rate = customers.rate * np.exp(-np.maximum(known, 0) / customers.patience) * echo
    return np.where(known > 0, rate, np.float32(0)).astype(np.float32)


def _calibrated(rate: Floats32, share: float) -> float:
    """Factor on `rate` with which a share of the customers comes, by bisection of its logarithm."""
    probe = rate[:: max(1, len(rate) // PROBE)]
    low, high = -15.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(-np.expm1(-np.exp(middle) * probe).mean()) < share:
            low = middle
        else:
            high = middle
    return float(np.exp(low))
