"""How well the colour features predict `perceived_colour_master_name`: accuracy of a linear model, 5 folds.

Compared with the majority class and with the picture's mean R, G and B. Needs --input DIR with pictures.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._probes import read_pictured, table
from forsys.content.decoding import decode


def run(data: Path | None) -> pd.DataFrame:
    """One row per feature."""
    articles, files = read_pictured(data)
    means = np.array([pixels.mean(axis=(0, 1)) for pixels, _ in map(decode, files) if pixels is not None])
    features = {"mean RGB": means, "colour": articles["colour"].to_numpy()}
    return table(features, articles["perceived_colour_master_name"].fill_null("none"))
