"""The dominant colour of 1,000 pictures against that of extcolors on the same pixels.

Tolerance and limit are the same, and no background is removed. CIEDE2000 below 10 is near. Needs --input
DIR with pictures.
"""

import time
from pathlib import Path

import extcolors
import numpy as np
import pandas as pd
from PIL import Image
from skimage.color import deltaE_ciede2000

from forsys.content.colour import picture_palette, to_lab
from forsys.content.decoding import Pixels, decode
from forsys.content.pictures import find_pictures, picture_path
from forsys.settings import load_settings
from probes import read_articles

PICTURES, NEAR = 1_000, 10.0


def run(data: Path | None) -> pd.DataFrame:
    """One row: how near the two are, and how long each takes for a picture that is decoded already."""
    articles, content = read_articles(data), load_settings().content
    assert data is not None
    found = find_pictures(data / "images", articles).drop_nulls().sample(PICTURES, seed=7)
    decoded = [decode(picture_path(data / "images", article_id))[0] for article_id in found["article_id"]]
    pictures = [pixels for pixels in decoded if pixels is not None]
    start = time.perf_counter()
    ours = [picture_palette(pixels, content.tolerance, content.limit).lab[0] for pixels in pictures]
    middle = time.perf_counter()
    theirs = [dominant_of_extcolors(pixels, content.tolerance, content.limit) for pixels in pictures]
    end = time.perf_counter()
    apart = deltaE_ciede2000(np.array(ours), to_lab(np.array(theirs, dtype=np.uint8)[None])[0])
    return pd.DataFrame(
        {
            "pictures": [len(pictures)],
            "near": [np.mean(apart < NEAR)],
            "median CIEDE2000": [np.median(apart)],
            "95 % CIEDE2000": [np.percentile(apart, 95)],
            "ms a picture": [1e3 * (middle - start) / len(pictures)],
            "ms a picture, extcolors": [1e3 * (end - middle) / len(pictures)],
        }
    )


def dominant_of_extcolors(pixels: Pixels, tolerance: float, limit: int) -> tuple[int, int, int]:
    """R, G and B of the most frequent colour by extcolors."""
    colours, _ = extcolors.extract_from_image(Image.fromarray(pixels), tolerance, limit)
    dominant: tuple[int, int, int] = colours[0][0]
    return dominant
