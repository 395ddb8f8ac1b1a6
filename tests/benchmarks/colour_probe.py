"""How much of `perceived_colour_master_name` the colour features know: accuracy of a linear model, 5 folds.

Beside it the majority class and the naive feature, the picture's mean R, G and B. Needs --input DIR with pictures.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from forsys.content.decoding import decode
from probes import read_pictured, table


def run(data: Path | None) -> pd.DataFrame:
    """One row a feature."""
    articles, files = read_pictured(data)
    means = np.array([pixels.mean(axis=(0, 1)) for pixels, _ in map(decode, files) if pixels is not None])
    features = {"mean RGB": means, "colour": articles["colour"].to_numpy()}
    return table(features, articles["perceived_colour_master_name"].fill_null("none"))
