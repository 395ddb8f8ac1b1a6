"""ALS, BPR and LMF of the library implicit, as its users run them.

The parameters are implicit's own defaults. The matrix holds on how many days a customer bought an article. What a
customer has bought before may be recommended, since people buy the same again at a grocer's. BPR and LMF run in one
thread, as only that is repeatable.
"""

from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.cpu.lmf import LogisticMatrixFactorization
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks._peers import Peer
from forsys.arrays import Ints
from forsys.fingerprints import code_fingerprint
from forsys.retrieval.source import candidate_table
from forsys.tables.history import History

SEED = 1
MODELS = {
    "ALS (implicit)": partial(AlternatingLeastSquares, random_state=SEED),
    "BPR (implicit)": partial(BayesianPersonalizedRanking, random_state=SEED, num_threads=1),
    "LMF (implicit)": partial(LogisticMatrixFactorization, random_state=SEED, num_threads=1),
}


def factorizations() -> dict[str, Peer]:
    """The three models."""
    return {name: Peer(partial(lists, model), code_fingerprint(__name__)) for name, model in MODELS.items()}


def lists(model: Any, log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
    """What `model`, which makes an unfitted one, recommends after a fit on the whole log."""
    del as_of  # the log ends before it
    articles, column = np.unique(log.article, return_inverse=True)
    shape = len(log.customers), len(articles)
    days = csr_matrix((np.ones(len(log), np.float32), (log.customer, column)), shape=shape)
    known = customers[np.diff(log.first)[customers] > 0]
    with threadpool_limits(1, "blas"):  # as implicit asks for
        fitted = model()
        fitted.fit(days, show_progress=False)
        best, score = fitted.recommend(known, days[known], N=k, filter_already_liked_items=False)
    return candidate_table(known, articles[best], score)
