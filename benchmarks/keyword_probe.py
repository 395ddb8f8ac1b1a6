"""How well the keywords predict garment_group_name, by a linear model on the article × keyword matrix.

Accuracy by 5-fold cross-validation over the articles that were sold, compared with the majority class and with the
same model on the description's first word. Folds are of whole descriptions: none is in both training and test.
Runs the stages `tables` and `content`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.preprocessing import OneHotEncoder

from forsys.opening import open_run
from forsys.stages import run_stage

TARGET = "garment_group_name"


def run(data: Path | None) -> pd.DataFrame:
    """One row per set of features: mean accuracy and its standard deviation over the folds."""
    opened = open_run(data)
    for stage in ("tables", "content"):
        run_stage(opened, stage)
    articles = opened.history.articles
    known = articles[TARGET].is_not_null() & articles["detail_desc"].is_not_null()
    chosen = np.flatnonzero(known.to_numpy() & (opened.history.sales() > 0))
    text, target = articles["detail_desc"][chosen], articles[TARGET][chosen].to_numpy()
    words = sparse.csr_matrix(sparse.load_npz(opened.workspace.content / "words.npz"))[chosen]
    first = text.str.extract(r"(\w+)").fill_null("").str.to_lowercase().to_numpy()[:, None]
    ways = {
        "majority class": (DummyClassifier(), words),
        "first word": (probe(), OneHotEncoder().fit_transform(first)),
        "keywords": (probe(), words),
    }
    group, rows = text.rank("dense").to_numpy(), []
    for name, (model, features) in ways.items():
        scores = cross_val_score(model, features, target, groups=group, cv=GroupKFold(5))
        rows.append(
            {"features": name, "accuracy": scores.mean(), "deviation": scores.std(), "articles": len(chosen)}
        )
    return pd.DataFrame(rows)


def probe() -> SGDClassifier:
    """Logistic regression by stochastic gradient descent, which is fast on sparse features."""
    return SGDClassifier(loss="log_loss", alpha=1e-5, random_state=7)
