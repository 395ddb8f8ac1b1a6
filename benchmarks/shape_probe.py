"""How well the shape features predict `product_type_name` (30 most frequent): accuracy of a linear model, 5 folds.

Compared with the majority class and with a grey thumbnail of 16 x 16 pixels. Needs --input DIR
with pictures.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from PIL import Image

from benchmarks._probes import read_pictured, table
from forsys.content.decoding import decode

TYPES, SIDE = 30, 16


def run(data: Path | None) -> pd.DataFrame:
    """One row per feature."""
    articles, files = read_pictured(data)
    counts = (
        articles["product_type_name"]
        .drop_nulls()
        .value_counts()
        .sort("count", "product_type_name", descending=True)
    )
    frequent = articles["product_type_name"].is_in(counts["product_type_name"][:TYPES].to_list()).fill_null(False)
    kept = articles.filter(frequent)
    thumbnails = np.array([_thumbnail(file) for file, is_kept in zip(files, frequent, strict=True) if is_kept])
    features = {"grey 16 x 16": thumbnails, "shape": kept["shape"].to_numpy()}
    return table(features, kept["product_type_name"].cast(pl.String))


def _thumbnail(file: Path) -> npt.NDArray[np.uint8]:
    pixels, _ = decode(file)
    assert pixels is not None
    return np.asarray(Image.fromarray(pixels).convert("L").resize((SIDE, SIDE))).ravel()
