"""The constants by which generated shops differ, and that can be fitted to a real shop.

The defaults are those of the small sample, whose signals are strong enough to be seen in 6,000 customers.
`full_size.LIKE_H_AND_M` reproduces the published facts of H&M's data, as
`forsys.evaluation.sample_fidelity` measures them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ShopConstants:
    """Constants of the generator. Shares and chances are 0 to 1, sigmas of logarithms. GENERATED.json has all."""

    exact_counts: bool = False  # give missing values and product codes exactly their shares, not on average
    codes_an_article: float = 0.0  # product codes per article; 0 = as the number of colour variants is sampled

    # customers
    activity_spread: float = 0.95  # sigma of the rate of visits
    basket_spread: float = 0.85  # sigma of a customer's usual basket size
    joined_before: float = 0.66  # share of the customers who knew the shop before the first week
    return_weeks: float = 0.0  # mean weeks until those visit first; 0 = they may come at any time, or never
    patience: float = 4.2  # mean log of the weeks until the rate of visits has fallen to 1/e

    # visits
    rhythm: float = 0.08  # how far the traffic swings over the year
    extra_visits: float = 0.16  # mean number of further visits in a week with a visit
    mean_basket: float = 3.0  # mean number of articles looked for in a visit
    echo: float = 0.2  # increase of the rate of visits just after a visit
    echo_weeks: float = 4.0  # weeks until that increase has fallen to 1/e
    extra_units: float = 0.22  # mean number of further units of an article

    # articles
    quality_spread: float = 0.45  # sigma of a design's attractiveness, and of each of its colours'
    basics: float = 1.0  # factor on the share of designs that sell all year
    basic_weeks: float = 0.0  # mean weeks that those are on sale; 0 = forever
    fashion_weeks: float = 13.0  # mean weeks that the others are on sale, after the first five
    head_start: float = 0.35  # weeks on the way to the peak that an article starts with
    trend: float = 0.07  # weekly step of a style's or a colour's log popularity
    crowd: float = 0.0  # share of a week's popularity at which an article's own is halved; 0 = never

    # baskets
    strays: float = 0.0  # share of lines from any shelf of the shop, whoever the customer is
    stays: float = 0.62  # share of lines from the shelf of the basket's first line
    looks: int = 16  # articles that a line chooses from
    memory: int = 64  # purchases that a customer can come back to
    partnered: float = 0.30  # share of lines moved to a partner of the basket's first article
    sibling: float = 0.03  # share of lines moved to another colour of the basket's first article
    other_colour: float = 0.055  # share of lines moved to another colour of an article bought before
    again: float = 0.004  # share of lines moved to an article bought before, at any time
    again_soon: float = 0.075  # more of them just after the last visit
    soon_weeks: float = 2.0  # weeks until that addition has fallen to 1/e
    errands: float = 0.0  # both are multiplied by (1 / basket size) to this power


SMALL = ShopConstants()
