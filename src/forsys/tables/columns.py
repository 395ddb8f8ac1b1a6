"""The names of Kaggle's four tables, and which of their columns are required and which are ignored."""

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

# Columns that repeat others as codes; the prediction of Kaggle's sample submission is one fixed list.
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
