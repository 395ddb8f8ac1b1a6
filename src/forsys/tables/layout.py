"""The columns of Kaggle's four tables: those it must have, and those it knows and ignores."""

ARTICLES = "articles"
CUSTOMERS = "customers"
TRANSACTIONS = "transactions_train"
SUBMISSION = "sample_submission"

STEMS = (ARTICLES, CUSTOMERS, TRANSACTIONS, SUBMISSION)
ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".parquet")  # the first that exists is taken

REQUIRED: dict[str, tuple[str, ...]] = {
    ARTICLES: ("article_id",),
    CUSTOMERS: ("customer_id",),
    TRANSACTIONS: ("t_dat", "customer_id", "article_id", "price", "sales_channel_id"),
    SUBMISSION: ("customer_id",),
}

# Columns of Kaggle's files that repeat others as numbers (or, for the submission, hold a popular list).
UNUSED: dict[str, tuple[str, ...]] = {
    ARTICLES: (
        "product_type_no",
        "graphical_appearance_no",
        "colour_group_code",
        "perceived_colour_value_id",
        "perceived_colour_master_id",
        "department_no",
        "index_code",
        "index_group_no",
        "section_no",
        "garment_group_no",
    ),
    CUSTOMERS: (),
    TRANSACTIONS: (),
    SUBMISSION: ("prediction",),
}
