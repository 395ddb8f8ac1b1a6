"""The holdout's scores customer by customer and purchase by purchase: what two runs are compared by."""

from collections.abc import Mapping

import polars as pl

from forsys.arrays import Floats, Ints
from forsys.evaluation.segments import customer_segments
from forsys.metrics.lists import average_precision
from forsys.run import Run

SCORE = "average_precision"


def customer_scores(run: Run, lists: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """customer_id, average_precision of `lists` at settings.k, and the customer's value in each segmentation.

    One row per customer of `labels`, the buyers of the holdout, by dense id.
    """
    scores = average_precision(lists, labels, run.settings.k)
    customers = scores["customer"].to_numpy()
    segments = customer_segments(run.history.profiles(customers, run.calendar.holdout.as_of))
    ids = run.history.customers["customer_id"].gather(customers)
    columns = {name: pl.Series(values.astype(str)) for name, values in segments.items()}
    return pl.DataFrame({"customer_id": ids, SCORE: scores[SCORE], **columns})


def event_ranks(run: Run, events: Ints, ranks: Mapping[str, Floats]) -> pl.DataFrame:
    """customer_id, article_id, t_dat, and each model's rank of the bought article (inf: it cannot score it).

    One row per event, a row of the history; ranks: model -> (events,).
    """
    history = run.history
    columns = {
        "customer_id": history.customers["customer_id"].gather(history.customer[events]),
        "article_id": history.articles["article_id"].gather(history.article[events]),
        "t_dat": pl.Series(history.day[events]).cast(pl.Date),
    }
    found = {name: pl.Series(each).cast(pl.Float32) for name, each in ranks.items()}
    return pl.DataFrame(columns | found)
