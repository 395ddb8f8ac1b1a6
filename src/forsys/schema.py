"""Names and types of the tables that the stages hand to each other. Column names are written here once.

Customers and articles are dense ids (int32, the row number of their table); only the submission and the
report turn them back into the shop's own ids.
"""

import polars as pl

# transactions.parquet, ordered by day, then as in the file. One row is one unit bought; where a shop has units, the
# column `units`, Int32, says how many.
TRANSACTIONS: dict[str, pl.DataType] = {
    "t_dat": pl.Date(),
    "customer": pl.Int32(),
    "article": pl.Int32(),
    "price": pl.Float32(),
    "channel": pl.Int8(),  # 1, 2… as in roles.channels of tables.json; 0 where unknown. H&M: 1 = store, 2 = online
}

# returns.parquet, sorted: which units of the transactions came back later, and when.
RETURNS: dict[str, pl.DataType] = {
    "customer": pl.Int32(),
    "article": pl.Int32(),
    "t_dat": pl.Date(),  # of the purchase
    "returned_on": pl.Date(),
    "units": pl.Int32(),
}

# promotions.parquet, sorted: when the shop promotes which article; empty where it does not say.
PROMOTIONS: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "known": pl.Date(),  # from when on the shop knows of it
    "start": pl.Date(),
    "end": pl.Date(),  # the last day
    "kind": pl.String(),  # such as "leaflet"
}

# customers.parquet, ordered by customer. Everything past customer_id is null where it is not known. The attributes
# between customer_id and age are those of Kaggle's H&M; another shop has its own.
CUSTOMERS: dict[str, pl.DataType] = {
    "customer": pl.Int32(),
    "customer_id": pl.String(),
    "fn": pl.Float32(),
    "active": pl.Float32(),
    "club_member_status": pl.String(),
    "fashion_news_frequency": pl.String(),
    "age": pl.Float32(),
    "postal_code": pl.Int32(),  # dense code of the postal code's hash
}

# articles.parquet, ordered by article. Everything past product_code is null where it is not known. The attributes
# between prod_name and detail_desc are those of Kaggle's H&M; another shop has its own.
ARTICLE_ATTRIBUTES = (
    "prod_name",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_name",
    "colour_group_name",
    "perceived_colour_value_name",
    "perceived_colour_master_name",
    "department_name",
    "index_name",
    "index_group_name",
    "section_name",
    "garment_group_name",
    "detail_desc",
)
# Columns that the stage `content` adds to the articles: features that models may read.
CONTENT = ("attributes", "words", "colour", "shape", "encoding")
ARTICLES: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "article_id": pl.String(),  # the shop's; H&M's has 10 digits, with the leading zero
    "product_code": pl.Int32(),  # what an article is a variant of; H&M: article_id without its last three digits
    **{name: pl.String() for name in ARTICLE_ATTRIBUTES},
}

# submission_customers.parquet: the customers to predict for, in the order of the submission.
SUBMISSION_CUSTOMERS: dict[str, pl.DataType] = {"customer": pl.Int32()}

# rejected.parquet: rows of any table that could not be used. Only its owner can read it.
REJECTED: dict[str, pl.DataType] = {
    "file": pl.String(),
    "line": pl.Int64(),  # 1-based line in the file, its header being line 1
    "reason": pl.String(),
    "row": pl.String(),  # the row as it was, as JSON
}

MAX_RANK = 65_535  # of a list: ranks are UInt16

# What the retrieval sources found. Each source's own files lack the column `source`: it is added on reading.
CANDIDATES: dict[str, pl.DataType] = {
    "customer": pl.Int32(),
    "article": pl.Int32(),
    "source": pl.String(),  # an Enum of the sources at hand, once read
    "rank": pl.UInt16(),  # 1 is the best
    "score": pl.Float32(),
}

# The final list, sorted by customer, rank.
PREDICTIONS: dict[str, pl.DataType] = {
    "customer": pl.Int32(),
    "article": pl.Int32(),
    "rank": pl.UInt16(),
}
