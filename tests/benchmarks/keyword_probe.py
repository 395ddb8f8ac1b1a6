"""What the keywords know: garment_group_name by a linear probe on the article × keyword matrix.

Accuracy by 5-fold cross-validation over the articles that were sold, beside the majority class and the same
probe on the description's first word. Folds hold whole descriptions, so that none is in training and test.
Needs the stages `tables` and `content`, which it runs.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.preprocessing import OneHotEncoder

from forsys.cli import PROJECT
from forsys.pipeline import find_data, make_content, make_tables
from forsys.run import Run
from forsys.settings import load_settings

TARGET = "garment_group_name"


def run(data: Path | None) -> pd.DataFrame:
    """One row a set of features: mean accuracy and its deviation over the folds."""
    home = Run(find_data(data, PROJECT), load_settings(), PROJECT)
    make_tables(home)
    make_content(home)
    articles = home.history.articles
    known = articles[TARGET].is_not_null() & articles["detail_desc"].is_not_null()
    chosen = np.flatnonzero(known.to_numpy() & (home.history.sales() > 0))
    text, target = articles["detail_desc"][chosen], articles[TARGET][chosen].to_numpy()
    words = sparse.csr_matrix(sparse.load_npz(home.content / "words.npz"))[chosen]
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
    """Logistic regression, by stochastic gradient descent for its speed on sparse features."""
    return SGDClassifier(loss="log_loss", alpha=1e-5, random_state=7)
