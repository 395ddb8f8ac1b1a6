"""What makes one generated shop differ from another: the constants that are fitted to a real one.

The defaults are those of the small sample, whose signals are strong enough to be seen in 6,000 customers.
`full_size.LIKE_H_AND_M` holds those with which the published facts of H&M's data come out, as
`forsys.evaluation.twin` measures them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Constants of the generator. Weeks are weeks; shares and chances are 0..1; sigmas are of logarithms."""

    exact_counts: bool = False  # missing values and product codes in exactly their shares, not by chance
    codes_an_article: float = 0.0  # product codes per article; 0 = as the colour variants happen to be drawn

    # customers
    activity_spread: float = 0.95  # sigma of the rate of coming
    basket_spread: float = 0.85  # sigma of the habit of large or small baskets
    joined_before: float = 0.66  # share of the customers who knew the shop before the first week
    return_weeks: float = 0.0  # mean weeks until those are first seen; 0 = they may come at any time, or never
    patience: float = 4.2  # mean log of the weeks until the rate of coming has fallen to 1/e

    # visits
    rhythm: float = 0.08  # how far the year's traffic swings
    extra_visits: float = 0.16  # mean number of further visits in a week with one
    mean_basket: float = 3.0  # articles looked for
    echo: float = 0.2  # how much likelier a visit makes the next one, just after it
    echo_weeks: float = 4.0  # how long that lasts
    extra_units: float = 0.22  # mean number of further units of an article

    # articles
    quality_spread: float = 0.45  # sigma of a design's attractiveness, and again of its colour's
    basics: float = 1.0  # factor on the share of designs that sell all year
    basic_weeks: float = 0.0  # mean weeks that those are on sale; 0 = for ever
    fashion_weeks: float = 13.0  # mean weeks that the others are on sale, after the first five
    head_start: float = 0.35  # weeks of its way to the peak that an article has behind it when it is launched
    trend: float = 0.07  # weekly step of a style's or a colour's log popularity
    crowd: float = 0.0  # share of a week's popularity where an article's pull begins to saturate; 0 = nowhere

    # baskets
    strays: float = 0.0  # lines of any shelf of the shop, whoever the customer is
    stays: float = 0.62  # lines of the same shelf as the basket's first
    looks: int = 16  # articles that a line chooses from
    memory: int = 64  # purchases that a customer can come back to
    partnered: float = 0.30  # lines moved to a partner of the basket's first article
    sibling: float = 0.03  # lines moved to a colour variant of the basket's first article
    other_colour: float = 0.055  # lines moved to another colour of an article bought before
    again: float = 0.004  # lines moved to the same article at any time
    again_soon: float = 0.075  # lines moved to the same article, just after it was bought
    soon_weeks: float = 2.0  # how long that lasts
    errands: float = 0.0  # how much likelier both are in a small basket: a power of 1 / its size


SMALL = Calibration()
