"""A shop of 60 days, 12 purchases a day, 40 customers and 30 articles, as the text of its tables."""

from datetime import date, timedelta

FIRST, DAYS, PER_DAY = date(2024, 1, 1), 60, 12
LAST = FIRST + timedelta(DAYS - 1)
CUSTOMERS = [f"{number:02}c{'e' * 61}" for number in range(40)]  # 64 characters, as Kaggle's
ARTICLES = [f"01{number:05}001" for number in range(30)]
HEADER = "t_dat,customer_id,article_id,price,sales_channel_id"


def row(day: date | str, number: int = 0, *, customer: str = "", price: str = "0.05", channel: str = "2") -> str:
    """A line of the log."""
    return f"{day},{customer or CUSTOMERS[number % 40]},{ARTICLES[number % 30]},{price},{channel}\n"


def log(days: int = DAYS, per_day: int = PER_DAY) -> list[str]:
    """The lines of the log without its header."""
    return [row(FIRST + timedelta(number // per_day), number) for number in range(days * per_day)]


def tables(lines: list[str] | None = None, customers: list[str] = CUSTOMERS) -> dict[str, str | bytes | None]:
    """The tables, with another log or with other ids of the customers and of the sample submission."""
    return {
        "articles": "article_id,product_code,prod_name\n" + "".join(f"{a},{a[:7]},Shirt\n" for a in ARTICLES),
        "customers": "customer_id,age,postal_code\n" + "".join(f"{c},30,{'f' * 64}\n" for c in customers),
        "transactions_train": f"{HEADER}\n" + "".join(log() if lines is None else lines),
        "sample_submission": "customer_id,prediction\n" + "".join(f"{c},{ARTICLES[0]}\n" for c in customers),
    }
