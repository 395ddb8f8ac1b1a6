"""What each source finds of what was bought, and what it alone finds."""

import pandas as pd
import polars as pl


def source_recall(hits: pl.DataFrame, labels: pl.DataFrame, sources: list[str]) -> pd.DataFrame:
    """One row per source, those that find most first: source, recall, alone, adds.

    hits: the candidates that were bought (customer, article, source); labels: customer, article. recall: share of
    the purchases among the source's candidates; alone: share that no other source has, which the union would lose
    without it; adds: what the union gains where the sources are joined in the order of what each still adds.
    """
    found = hits.select("customer", "article", pl.col("source").cast(pl.String)).unique()
    others = found.with_columns(count=pl.len().over("customer", "article"))
    recall, alone = (_counts(table) for table in (found, others.filter(pl.col("count") == 1)))
    rows, left = [], list(sources)
    while left:
        counts = _counts(found)
        best = max(left, key=lambda name: (counts.get(name, 0), recall.get(name, 0)))
        rows.append({"source": best, "recall": recall.get(best, 0), "alone": alone.get(best, 0)})
        rows[-1]["adds"] = counts.get(best, 0)
        left.remove(best)
        of_best = found.filter(pl.col("source") == best)
        found = found.join(of_best, on=["customer", "article"], how="anti")
    table = pd.DataFrame(rows, columns=["source", "recall", "alone", "adds"])
    shares = ["recall", "alone", "adds"]
    table[shares] = table[shares].astype(float) / max(len(labels), 1)
    return table


def _counts(table: pl.DataFrame) -> dict[str, int]:
    return dict(table.group_by("source").len().iter_rows())
