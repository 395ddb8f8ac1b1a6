"""Counts known of H&M's tables at Kaggle: the generated shop is fitted to them and compared with them."""

CUSTOMERS, ARTICLES, PRODUCT_CODES = 1_371_980, 105_542, 47_224
ROWS, BUYERS = 31_788_324, 1_362_281
NOT_DESCRIBED = 416  # articles
FOLLOW_NEWS, ARE_ACTIVE = 476_930, 464_404  # customers; all active ones follow the news
NO_CLUB, NO_FREQUENCY, NO_AGE = 6_062, 16_009, 15_861  # customers
LAST_WEEK_ROWS, LAST_WEEK_BUYERS = 240_311, 68_984
