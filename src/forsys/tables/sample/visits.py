"""Who comes to the shop in a week, on which days, with how large a basket."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forsys.tables.sample.articles import WEEKS_A_YEAR
from forsys.tables.sample.calibration import Calibration
from forsys.tables.sample.customers import Customers
from forsys.tables.sample.draws import Floats, Floats32, Ints

DAY_WEIGHTS = np.array([0.96, 0.98, 0.81, 1.21, 1.17, 1.09, 0.94])  # Monday .. Sunday
LARGEST_BASKET = 40
PROBE = 200_000  # customers on whom the week's traffic is calibrated


@dataclass(frozen=True)
class Visits:
    """v visits of one week, by customer; arrays are (v,)."""

    customer: Ints
    day: Ints  # 0..6 within the week
    size: Ints  # articles looked for
    online: npt.NDArray[np.bool_]
    discount: Floats  # factor on every price of the visit


def draw_visits(
    rng: np.random.Generator,
    customers: Customers,
    last: npt.NDArray[np.int32],
    week: int,
    share: float,
    first_weekday: int,
    calibration: Calibration,
) -> Visits:
    """Visits of one week. About `share` of all customers come; those who join this week always do.

    `last` (n,) is the week of each customer's last visit; `first_weekday` 0 = the week begins on a Monday.
    """
    eager = _eagerness(customers, last, week, calibration)
    new = customers.joined == week
    pull = _calibrated(eager, share - float(new.mean()))
    come = new | (rng.random(len(customers), dtype=np.float32) < -np.expm1(-pull * eager))
    buyers = np.flatnonzero(come)
    customer = np.repeat(buyers, 1 + rng.poisson(calibration.extra_visits, len(buyers)))
    days = np.roll(DAY_WEIGHTS, -first_weekday)
    count = len(customer)
    return Visits(
        customer=customer,
        day=rng.choice(7, count, p=days / days.sum()),
        size=_basket_sizes(rng, (calibration.mean_basket - 1) * customers.basket[customer]),
        online=rng.random(count) < customers.online[customer],
        discount=rng.choice([1.0, 0.9, 0.85, 0.75], count, p=[0.86, 0.07, 0.04, 0.03]),
    )


def _basket_sizes(rng: np.random.Generator, excess: Floats32) -> Ints:
    """Articles looked for by customers whose baskets hold `excess` more than one in the mean."""
    size = rng.geometric(1 / (1 + excess))
    return np.minimum(size, LARGEST_BASKET).astype(np.int64)


def traffic(week_of_year: float, rhythm: float) -> float:
    """The year's rhythm: more visits in early summer and before Christmas."""
    return float(1 + rhythm * np.cos(4 * np.pi * (week_of_year - 24) / WEEKS_A_YEAR))


def _eagerness(customers: Customers, last: npt.NDArray[np.int32], week: int, calibration: Calibration) -> Floats32:
    """Relative rate of coming in this week; 0 before a customer has joined -> (n,)."""
    known = (week - customers.joined).astype(np.float32)
    echo = 1 + calibration.echo * np.exp((last - week) / np.float32(calibration.echo_weeks))
    eager = customers.rate * np.exp(-np.maximum(known, 0) / customers.patience) * echo
    return np.where(known > 0, eager, np.float32(0)).astype(np.float32)


def _calibrated(eager: Floats32, share: float) -> float:
    """Factor on `eager` with which a share of the customers comes, by bisection in the logarithm."""
    probe = eager[:: max(1, len(eager) // PROBE)]
    low, high = -15.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(-np.expm1(-np.exp(middle) * probe).mean()) < share:
            low = middle
        else:
            high = middle
    return float(np.exp(low))
