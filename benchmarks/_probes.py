"""How well features predict an attribute: cross-validated accuracy of a linear model. Shared by the probes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forsys.content.pictures import describe_pictures, picture_files
from forsys.errors import DataError
from forsys.settings import load_settings

FOLDS = KFold(5, shuffle=True, random_state=7)
STRENGTHS = (0.3, 0.03, 0.003)  # inverse of the regularisation; each feature is scored at its best one
Matrix = npt.NDArray[np.floating]


def read_articles(data: Path | None) -> pl.DataFrame:
    """The articles with dense ids, from a folder with Kaggle's articles.csv. Raises DataError without one."""
    if data is None or not (data / "articles.csv").exists():
        raise DataError("This benchmark needs --input DIR, a folder with articles.csv and images/.")
    articles = pl.read_csv(data / "articles.csv", schema_overrides={"article_id": pl.String})
    return articles.sort("article_id").with_row_index("article").with_columns(pl.col("article").cast(pl.Int32))


def read_pictured(data: Path | None) -> tuple[pl.DataFrame, list[Path]]:
    """Articles with a usable picture, with attributes and picture features, and their picture files."""
    articles = read_articles(data)
    assert data is not None
    with TemporaryDirectory() as folder:
        described = describe_pictures(data / "images", articles, Path(folder), load_settings().content)
    pictured = articles.join(described.filter(pl.col("picture") == "ok"), on="article", maintain_order="left")
    files = picture_files(data / "images", articles)
    return pictured, [files[article_id] for article_id in pictured["article_id"]]


def table(features: dict[str, Matrix], attribute: pl.Series) -> pd.DataFrame:
    """Accuracy of the majority class and of each feature, with its standard error over the folds."""
    labels = attribute.to_numpy()
    majority = cross_val_score(DummyClassifier(), np.zeros((len(labels), 1)), labels, cv=FOLDS)
    rows = [
        ("majority class", 0, majority),
        *((name, x.shape[1], probe(x, labels)) for name, x in features.items()),
    ]
    return pd.DataFrame(
        [
            {
                "attribute": attribute.name,
                "classes": attribute.n_unique(),
                "articles": len(labels),
                "feature": name,
                "width": width,
                "accuracy": scores.mean(),
                "error": scores.std(ddof=1) / len(scores) ** 0.5,
            }
            for name, width, scores in rows
        ]
    )


def probe(features: Matrix, labels: npt.NDArray[np.object_]) -> Matrix:
    """Accuracy of logistic regression on standardised features in each fold, at the best of STRENGTHS."""
    scores = [
        cross_val_score(
            make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300, tol=1e-3)),
            features.astype(np.float64),
            labels,
            cv=FOLDS,
        )
        for strength in STRENGTHS
    ]
    return max(scores, key=np.mean)
