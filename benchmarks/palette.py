"""The dominant colour of 1,000 pictures compared with that of extcolors on the same pixels.

Tolerance and number of colours are the same, and no background is removed. CIEDE2000 below 10 counts as near. Needs
--input DIR with pictures.
"""

import time
from pathlib import Path

import extcolors
import numpy as np
import pandas as pd
from PIL import Image
from skimage.color import deltaE_ciede2000

from benchmarks._probes import read_articles
from forsys.content.colour import Palette, count_colours, garment_palette, to_lab
from forsys.content.decoding import Pixels, decode
from forsys.content.pictures import find_pictures
from forsys.settings import load_settings

PICTURES, NEAR = 1_000, 10.0


def run(data: Path | None) -> pd.DataFrame:
    """One row: the distance of the two, and the time of each for a decoded picture."""
    articles, content = read_articles(data), load_settings().content
    assert data is not None
    found = find_pictures(data / "images", articles).drop_nulls().sample(PICTURES, seed=7)
    decoded = [decode(data / "images" / file)[0] for file in found["file"]]
    pictures = [pixels for pixels in decoded if pixels is not None]
    start = time.perf_counter()
    ours = [picture_palette(pixels, content.colour_tolerance, content.max_colours).lab[0] for pixels in pictures]
    middle = time.perf_counter()
    theirs = [dominant_of_extcolors(pixels, content.colour_tolerance, content.max_colours) for pixels in pictures]
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


def picture_palette(pixels: Pixels, colour_tolerance: float, max_colours: int) -> Palette:
    """The palette of a whole picture, with its background."""
    everything = np.ones(pixels.shape[:2], dtype=np.bool_)
    return garment_palette(count_colours(pixels, to_lab(pixels), everything), colour_tolerance, max_colours)


def dominant_of_extcolors(pixels: Pixels, colour_tolerance: float, max_colours: int) -> tuple[int, int, int]:
    """R, G and B of the most frequent colour by extcolors."""
    colours, _ = extcolors.extract_from_image(Image.fromarray(pixels), colour_tolerance, max_colours)
    dominant: tuple[int, int, int] = colours[0][0]
    return dominant
