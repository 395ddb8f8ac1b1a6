"""The generated shop with the size and the statistics of Kaggle's H&M data: all of it or a part."""

from datetime import date
from pathlib import Path

from forsys.errors import DataError
from forsys.sample.constants import ShopConstants
from forsys.sample.reference_figures import ARTICLES, CUSTOMERS, PRODUCT_CODES
from forsys.sample.shop import generate

LAST_DAY = date(2020, 9, 22)
WEEKS = 105  # of which the first begins a day late, on 2018-09-20
# A share of the customers buys about that share to this power of the articles: 971 customers of H&M bought 13,331.
ARTICLES_POWER = 0.285
WEEKLY_BUYERS = 0.0615  # with the baskets below, 31.8 million rows

# Fitted on 0.3 of the customers with all articles, until the 28 quantities of `forsys sample --fidelity` agreed.
LIKE_H_AND_M = ShopConstants(
    exact_counts=True,
    codes_an_article=PRODUCT_CODES / ARTICLES,
    # rows per customer, and how long ago the week's buyers bought last
    activity_spread=1.25,
    basket_spread=1.0,
    joined_before=0.58,
    return_weeks=10.0,
    patience=4.5,
    rhythm=0.18,
    extra_visits=0.13,
    mean_basket=3.05,
    echo=0.15,
    extra_units=0.11,
    # how fast a week's sales fall from the best seller on, and how fast the best sellers change
    quality_spread=1.12,
    basics=0.3,
    basic_weeks=60.0,
    fashion_weeks=42.0,
    head_start=0.55,
    trend=0.03,
    crowd=0.01,
    # what customers buy again, and how similar their baskets are
    strays=0.73,
    stays=0.4,
    looks=6,
    memory=32,
    partnered=0.13,
    sibling=0.1,
    other_colour=0.09,
    again=0.043,
    again_soon=0.24,
    soon_weeks=1.0,
    errands=0.6,
)


def generate_full_size(folder: Path, scale: float = 1.0, *, seed: int = 7, images: int = 0) -> None:
    """Write H&M's 1,371,980 customers, 105,542 articles of 47,224 product codes and two years of purchases.

    There are H&M's 31,788,324 rows within 1 %, and exactly its numbers of missing values. `scale`, above 0 and up
    to 1, is the part of the customers and rows that is written, with scale ** ARTICLES_POWER of the articles: a
    quarter of the customers buys from two thirds of the articles, so that single best sellers weigh more in a part.
    Weeks are written one by one: memory grows with the customers only, 0.3 GiB at 0.1 and 0.7 GiB at 0.5.
    Raises DataError as `generate`, and for another scale.
    """
    if not 0 < scale <= 1:
        raise DataError(f"full-size sample: the scale is {scale}; allowed is a part above 0, up to 1")
    generate(
        folder,
        customers=round(CUSTOMERS * scale),
        articles=round(ARTICLES * scale**ARTICLES_POWER),
        weeks=WEEKS,
        seed=seed,
        images=images,
        last_day=LAST_DAY,
        opens_late=1,
        weekly_buyers=WEEKLY_BUYERS,
        constants=LIKE_H_AND_M,
    )
