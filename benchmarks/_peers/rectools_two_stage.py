"""RecTools' two-stage model at one cut-off, run by a Python of its own: TRAIN CUSTOMERS LISTS K.

RecTools 0.19 needs an older NumPy than forsys, so nothing of forsys is imported. The first three are Parquet files:
the purchases before the cut-off (customer, article, day), who gets a list (customer), and the lists to be written
(customer, article, rank). K is the length of a list.

The pipeline is that of RecTools' tutorial: candidates of ALS, item kNN and what was popular with their ranks and
scores, and gradient boosting over these and a few counts, learned from the last week before the cut-off. Its
numbers were chosen on the week of 2017-09-26, before those that are scored: MAP@12 is .1722 with them, .1698 with
half as many candidates and negatives, .1535 with 100 candidates, RecTools' 3 negatives and LightGBM's own trees.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import TFIDFRecommender
from lightgbm import LGBMClassifier
from rectools import Columns
from rectools.dataset import Dataset
from rectools.model_selection import TimeRangeSplitter
from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel
from rectools.models.ranking import (
    CandidateFeatureCollector,
    CandidateGenerator,
    CandidateRankingModel,
    PerUserNegativeSampler,
    Reranker,
)

CANDIDATES, NEGATIVES, POPULAR_DAYS, THREADS, SEED = 200, 200, 28, 2, 1


class Counts(CandidateFeatureCollector):
    """What the purchases before say of a customer, of an article, and of both."""

    def _get_user_features(self, users: Any, dataset: Any, fold_info: Any) -> pd.DataFrame:
        del fold_info
        bought = dataset.get_raw_interactions()
        counts = bought.groupby(Columns.User, as_index=False).agg(
            customer_purchases=(Columns.Item, "size"), customer_articles=(Columns.Item, "nunique")
        )
        return pd.DataFrame(counts[counts[Columns.User].isin(users)])

    def _get_item_features(self, items: Any, dataset: Any, fold_info: Any) -> pd.DataFrame:
        del fold_info
        bought = dataset.get_raw_interactions()
        recent = bought[bought[Columns.Datetime] > bought[Columns.Datetime].max() - timedelta(POPULAR_DAYS)]
        every, lately = (
            each.groupby(Columns.Item).agg(purchases=(Columns.User, "size"), buyers=(Columns.User, "nunique"))
            for each in (bought, recent)
        )
        counts = every.join(lately, rsuffix="_lately").fillna(0).add_prefix("article_").reset_index()
        return pd.DataFrame(counts[counts[Columns.Item].isin(items)])

    def _get_user_item_features(self, useritem: pd.DataFrame, dataset: Any, fold_info: Any) -> pd.DataFrame:
        del fold_info
        bought = dataset.get_raw_interactions().merge(useritem[Columns.UserItem], on=Columns.UserItem)
        pairs = bought.groupby(Columns.UserItem, as_index=False).agg(
            times_bought=(Columns.Weight, "sum"), last=(Columns.Datetime, "max")
        )
        end = dataset.get_raw_interactions()[Columns.Datetime].max()
        return pd.DataFrame(pairs.assign(days_since=(end - pairs["last"]).dt.days).drop(columns="last"))


def two_stage() -> CandidateRankingModel:
    """The model, unfitted."""
    trees = LGBMClassifier(
        n_estimators=200,
        learning_rate=0.05,
        min_child_samples=100,
        random_state=SEED,
        n_jobs=THREADS,
        deterministic=True,
        verbose=-1,
    )
    first = [
        ImplicitALSWrapperModel(AlternatingLeastSquares(num_threads=THREADS, random_state=SEED)),
        ImplicitItemKNNWrapperModel(TFIDFRecommender(num_threads=THREADS)),
        PopularModel(period=timedelta(POPULAR_DAYS)),
    ]
    return CandidateRankingModel(
        [CandidateGenerator(model, CANDIDATES, keep_ranks=True, keep_scores=True) for model in first],
        TimeRangeSplitter("7D", n_splits=1, filter_already_seen=False),
        Reranker(trees),
        PerUserNegativeSampler(NEGATIVES, random_state=SEED),
        Counts(),
    )


def lists(train: pd.DataFrame, customers: pd.Series, k: int) -> pd.DataFrame:
    """customer, article, rank: of the customers with a purchase before."""
    names = {"customer": Columns.User, "article": Columns.Item, "day": Columns.Datetime}
    dataset = Dataset.construct(train.rename(columns=names).assign(**{Columns.Weight: 1.0}))
    known = customers[customers.isin(train["customer"])]
    model = two_stage().fit(dataset)
    found: pd.DataFrame = model.recommend(known, dataset, k, filter_viewed=False)
    return found.rename(columns={name: own for own, name in names.items()})[["customer", "article", "rank"]]


if __name__ == "__main__":
    given, wanted, target = map(Path, sys.argv[1:4])
    made = lists(pd.read_parquet(given), pd.read_parquet(wanted)["customer"], int(sys.argv[4]))
    made.to_parquet(target, index=False)
