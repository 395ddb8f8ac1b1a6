"""The context of each step (time, channel, price paid) and the attributes of the customer."""

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints
from forsys.recurrent.article_inputs import log_price
from forsys.recurrent.minibatches import Batch
from forsys.tables.history import History

GAP_BOUNDS = (1, 2, 3, 5, 8, 15, 31, 61, 121)  # days since the purchase that is read
GAPS = len(GAP_BOUNDS) + 2  # and one for the start step
WEEKDAYS = 7
MONTHS = 12
CHANNELS = 3  # unknown, 1 and 2, such as store and online; further ones count as 2
CONTEXT_SIZES = (GAPS, WEEKDAYS, MONTHS, CHANNELS)
AGE_BOUNDS = (18, 20, 23, 26, 30, 35, 40, 45, 50, 60)


def context(history: History, batch: Batch, mean_log_price: Floats) -> tuple[Ints, Floats]:
    """`context_codes` (rows, steps, 4) and `price_residual` (rows, steps, 1) of the steps of a batch.

    A step knows the day of the purchase that it predicts, as a shop knows the day on which it recommends.
    """
    starts = batch.read < 0
    read, predict = np.maximum(batch.read, 0), np.maximum(batch.predict, 0)
    codes = context_codes(history, read, history.day[predict], starts)
    return codes, price_residual(history, read, starts, mean_log_price)


def context_codes(history: History, read: Ints, day: Ints, starts: Bools) -> Ints:
    """Codes below CONTEXT_SIZES, (…, 4) int32: days since the purchase read, weekday, month, its channel.

    read: rows of the history, ignored at `starts`. day: the day to predict for, whose weekday and month count.
    """
    gap = np.where(starts, GAPS - 1, np.digitize(day - history.day[read], GAP_BOUNDS))
    month = (day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % MONTHS
    channel = np.where(starts, 0, np.clip(history.channel[read], 0, CHANNELS - 1))
    return np.stack([gap, (day + 3) % WEEKDAYS, month, channel], axis=-1).astype(np.int32)


def price_residual(history: History, read: Ints, starts: Bools, mean_log_price: Floats) -> Floats:
    """Log of the price paid minus the article's mean, clipped to [-2, 2]: (…, 1) float32.

    0 at `starts`, and where either is unknown: what was free says nothing of how expensive the customer buys.
    """
    ratio = log_price(history.price[read]) - mean_log_price[history.article[read]]
    return np.where(starts | np.isnan(ratio), 0, np.clip(ratio, -2, 2))[..., None].astype(np.float32)


def customer_codes(history: History) -> Ints:
    """Age bucket and the shop's attributes of every customer: (customers, 1 + attributes) int32; 0 if unknown."""
    table = history.customers
    age = np.digitize(table["age"].fill_null(-1).to_numpy(), (0, *AGE_BOUNDS))
    return np.stack([age, *(_codes(table, name) for name in history.roles.network)], axis=1).astype(np.int32)


def _codes(table: pl.DataFrame, name: str) -> Ints:
    """Dense codes from 1; 0 where the value or the whole column is missing."""
    if name not in table.columns:
        return np.zeros(len(table), np.int32)
    return table[name].rank("dense").fill_null(0).to_numpy().astype(np.int32)
