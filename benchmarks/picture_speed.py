"""Colour and shape of full-size pictures (JPEG, 1166 x 1750) against extcolors, which gives only the colours.

Both read the files in one process with one thread. The pictures are those of --input, or of a generated shop,
enlarged: they have little noise at that size, so extcolors finds fewer colours and is faster than on photographs.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import extcolors
import pandas as pd
from PIL import Image
from threadpoolctl import threadpool_limits

from forsys.content.picture_features import PictureTask, describe_picture
from forsys.sample.shop import generate
from forsys.settings import load_settings

SIZE, PICTURES, QUALITY = (1166, 1750), 12, 90


def run(data: Path | None) -> pd.DataFrame:
    """One row per way: its time, and the time of extcolors as a multiple of it."""
    content = load_settings().content
    sizes = (content.colour_tolerance, content.max_colours)
    ways: dict[str, Callable[[Path], object]] = {
        "extcolors, colour": lambda path: extcolors.extract_from_path(path, *sizes),
        "forsys, colour and shape": lambda path: describe_picture(PictureTask(path, True, True), *sizes),
    }
    with TemporaryDirectory() as folder, threadpool_limits(1):
        files = _full_size_pictures(data, Path(folder))
        ways["forsys, colour and shape"](files[0])  # fills its caches
        seconds = {name: [_seconds(way, file) for file in files] for name, way in ways.items()}
    table = pd.DataFrame({"ms a picture": {name: 1e3 * sum(taken) / len(taken) for name, taken in seconds.items()}})
    table["times faster"] = table["ms a picture"].iloc[0] / table["ms a picture"]
    return table.rename_axis("way").reset_index()


def _full_size_pictures(data: Path | None, folder: Path) -> list[Path]:
    if data is None:
        data = folder / "shop"
        generate(data, customers=250, articles=120, weeks=12, images=PICTURES)
    small = random.Random(7).sample(sorted((data / "images").rglob("*.jpg")), PICTURES)
    for file in small:
        with Image.open(file) as image:
            image.resize(SIZE, Image.Resampling.BICUBIC).save(folder / file.name, quality=QUALITY)
    return [folder / file.name for file in small]


def _seconds(way: Callable[[Path], object], file: Path) -> float:
    start = time.perf_counter()
    way(file)
    return time.perf_counter() - start
