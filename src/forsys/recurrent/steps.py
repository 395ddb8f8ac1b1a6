"""What the network is told beside the articles: the moment of each step, and who the customer is."""

import numpy as np
import polars as pl

from forsys.recurrent.windows import Batch
from forsys.tables.history import Floats, History, Ints

GAP_BOUNDS = (1, 2, 3, 5, 8, 15, 31, 61, 121)  # days since the purchase that is read
GAPS = len(GAP_BOUNDS) + 2  # and one for the start step
CHANNELS = 3  # unknown, store, online
WEEKDAYS = 7
SEASONS = 12
MOMENTS = (GAPS, WEEKDAYS, SEASONS, CHANNELS)
AGE_BOUNDS = (18, 20, 23, 26, 30, 35, 40, 45, 50, 60)
PEOPLE = ("club_member_status", "fashion_news_frequency")


def moments(history: History, batch: Batch, price_level: Floats) -> tuple[Ints, Floats]:
    """Codes (rows, length, 4), each below its bound in MOMENTS, and the price paid (rows, length, 1).

    A step knows the day of the purchase that it predicts, as a shop knows the day on which it recommends:
    the codes are the days since the purchase that is read, weekday and month of the one that is predicted, and
    the channel of the one that is read. The price is the logarithm of what was paid over `price_level`.
    """
    starts = batch.read < 0
    read, predict = np.maximum(batch.read, 0), np.maximum(batch.predict, 0)
    return moment_codes(history, read, history.day[predict], starts), paid(history, read, starts, price_level)


def moment_codes(history: History, read: Ints, day: Ints, starts: np.ndarray) -> Ints:
    """As in `moments`, for the rows that are read (whichever they are at `starts`) and the days to predict for."""
    gap = np.where(starts, GAPS - 1, np.digitize(day - history.day[read], GAP_BOUNDS))
    month = (day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % SEASONS
    channel = np.where(starts, 0, np.clip(history.channel[read], 0, CHANNELS - 1))
    return np.stack([gap, (day + 3) % WEEKDAYS, month, channel], axis=-1).astype(np.int32)


def paid(history: History, read: Ints, starts: np.ndarray, price_level: Floats) -> Floats:
    """Logarithm of the price paid over the article's usual one, (…, 1); 0 at `starts`."""
    ratio = np.log(np.maximum(history.price[read], 1e-4)) - price_level[history.article[read]]
    return np.where(starts, 0, np.clip(ratio, -2, 2))[..., None].astype(np.float32)


def people(history: History) -> Ints:
    """Codes of every customer, (customers, 2 + len(PEOPLE)): age bucket, active, and PEOPLE; 0 where unknown."""
    table = history.customers
    age = np.digitize(table["age"].fill_null(-1).to_numpy(), (0, *AGE_BOUNDS))
    codes = [_codes(table, name) for name in ("active", *PEOPLE)]
    return np.stack([age, *codes], axis=1).astype(np.int32)


def _codes(table: pl.DataFrame, name: str) -> Ints:
    """Dense codes from 1; 0 where the value, or the column, is not there."""
    if name not in table.columns:
        return np.zeros(len(table), np.int32)
    return table[name].rank("dense").fill_null(0).to_numpy().astype(np.int32)
