"""Pictures of the generated articles: a garment in the article's colour and pattern before a studio background.

They show what the attributes say: the outline is the kind, the fill is the colour, and the pattern is the graphical
appearance. Each picture depends only on the seed and its article.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from forsys.progress import progress
from forsys.sample import words
from forsys.sample.assortment import Catalogue
from forsys.sample.outlines import outline

WIDTH, HEIGHT = 85, 128  # pixels, 2:3
OVERSAMPLING = 3  # outlines are rasterised so many times larger
MISSING = 0.004  # share of the articles without a picture
OWN_TONE = ("denim", "lace", "melange")  # patterns without a second colour
QUALITY = 82  # of the JPEG files

Field = npt.NDArray[np.float32]  # (HEIGHT, WIDTH), 0..1: how much of the second colour, or of the garment
Colours = npt.NDArray[np.float32]  # (.., 3), 0..255
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def draw_pictures(folder: Path, catalogue: Catalogue, seed: int, count: int | None) -> int:
    """Write `folder`/0NN/0NNNNNNNNN.jpg for `count` articles (None: all but about 0.4 %); return the number."""
    ids = catalogue.frame["article_id"].to_list()
    chosen = _chosen(seed, len(catalogue), count)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted({ids[a][:3] for a in chosen}):
        (folder / name).mkdir(exist_ok=True)

    def one(article: int) -> None:
        path = folder / ids[article][:3] / f"{ids[article]}.jpg"
        picture(catalogue, article, seed).save(path, quality=QUALITY)

    with ThreadPoolExecutor(max_workers=2) as pool:  # Pillow and NumPy release the interpreter's lock
        for _ in progress(pool.map(one, chosen), "pictures", "picture", len(chosen)):
            pass
    return len(chosen)


def picture(catalogue: Catalogue, article: int, seed: int) -> Image.Image:
    """Draw one article as an RGB picture of WIDTH x HEIGHT."""
    code = int(catalogue.code[article])
    design = np.random.default_rng([seed, 101, code])  # shared by the colours of a design
    shot = np.random.default_rng([seed, 102, article])
    kind = words.KINDS[catalogue.kind[article]]
    colour = np.array(words.COLOURS[catalogue.colour[article]].rgb, dtype=np.float32)
    cloth = _mask(kind.shape, float(design.uniform(0.9, 1.04)), float(design.uniform(0.88, 1.1)))
    painter = words.PATTERNS[catalogue.pattern[article]].painter
    second = PAINTERS[painter](design)[..., None]
    colour = np.clip(colour + shot.normal(0, 4, 3), 0, 255).astype(np.float32)
    surface = (1 - second) * colour + second * _contrast(colour, design, 0.0 if painter in OWN_TONE else 0.5)
    surface = surface * _shade(cloth, design)[..., None]
    mix = cloth[..., None]
    pixels = (1 - mix) * _background(cloth, shot) + mix * surface
    pixels += shot.normal(0, 2.0, (HEIGHT, WIDTH, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _chosen(seed: int, articles: int, count: int | None) -> list[int]:
    """The articles that get a picture, ascending."""
    rng = np.random.default_rng([seed, 100])
    if count is None:
        return [int(a) for a in np.flatnonzero(rng.random(articles) >= MISSING)]
    return sorted(int(a) for a in rng.permutation(articles)[:count])


def _mask(shape: str, long: float, wide: float) -> Field:
    """How much of each pixel the garment covers."""
    size = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
    canvas = Image.new("L", size)
    pen = ImageDraw.Draw(canvas)
    for polygon in outline(shape, long, wide):
        pen.polygon([((x * 0.47 + 0.5) * size[0], (y * 0.92 + 0.04) * size[1]) for x, y in polygon], fill=255)
    soft = canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.5))
    return _field(soft)


def _blurred(cloth: Field, radius: float) -> Field:
    """The mask, blurred by `radius` pixels."""
    return _field(Image.fromarray((cloth * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius)))


def _field(grey: Image.Image) -> Field:
    """A grey picture as an array of 0 to 1."""
    field: Field = np.asarray(grey, dtype=np.float32) / np.float32(255)
    return field


def _background(cloth: Field, shot: np.random.Generator) -> Colours:
    """Light grey to white, a little darker at the bottom, with the garment's soft shadow."""
    light = float(shot.uniform(228, 248))
    dark = np.roll(_blurred(cloth, 5), (3, 2), axis=(0, 1))
    grey = light - 7 * (Y / HEIGHT) - 20 * dark
    return np.asarray(grey[..., None] + shot.normal(0, 1.2, 3), dtype=np.float32)


def _shade(cloth: Field, design: np.random.Generator) -> Field:
    """Folds, and less light towards the garment's sides."""
    phase, width = design.uniform(0, 6.28), design.uniform(9, 16)
    folds = 0.045 * np.sin(X / width * 6.28 + 0.6 * np.sin(Y / 23) + phase)
    side = 0.12 * np.abs(X / WIDTH - 0.5) * 2
    rim = 0.16 * (1 - _blurred(cloth, 3))
    return np.asarray(1 + folds - side - rim, dtype=np.float32)


def _contrast(colour: Colours, design: np.random.Generator, part: float) -> Colours:
    """The pattern's second colour: light on dark or dark on light, mixed with `part` of a random colour."""
    other = np.array(words.COLOURS[int(design.integers(len(words.COLOURS)))].rgb, dtype=np.float32)
    plain = np.float32(30 if colour.mean() > 128 else 235)
    return (part * other + (1 - part) * plain).astype(np.float32)


def _solid(design: np.random.Generator) -> Field:  # noqa: ARG001 (all painters have one signature)
    return np.zeros((HEIGHT, WIDTH), dtype=np.float32)


def _melange(design: np.random.Generator) -> Field:
    return np.asarray(0.35 * design.random((HEIGHT, WIDTH)) ** 2, dtype=np.float32)


def _stripe(design: np.random.Generator) -> Field:
    step = int(design.integers(6, 13))
    along = X if design.random() < 0.25 else Y
    return np.asarray(along % step < step * design.uniform(0.25, 0.5), dtype=np.float32)


def _check(design: np.random.Generator) -> Field:
    step = int(design.integers(9, 17))
    lines = (X % step < step * 0.4).astype(np.float32) + (Y % step < step * 0.4)
    return np.asarray(0.4 * lines, dtype=np.float32)


def _dot(design: np.random.Generator) -> Field:
    step = int(design.integers(7, 12))
    row = np.floor(Y / step)
    across = (X + row % 2 * step / 2) % step - step / 2
    down = Y % step - step / 2
    return np.asarray(np.clip(step * 0.27 + 0.5 - np.hypot(across, down), 0, 1), dtype=np.float32)


def _all_over(design: np.random.Generator) -> Field:
    field = np.zeros((HEIGHT, WIDTH))
    for turn in design.uniform(0, 6.28, 5):
        speed = design.uniform(0.25, 0.6)
        field += np.sin(speed * (X * np.cos(turn) + Y * np.sin(turn)) + design.uniform(0, 6.28))
    return np.asarray(np.clip((field - 0.6) * 2, 0, 1), dtype=np.float32)


def _front(design: np.random.Generator) -> Field:
    radius = design.uniform(9, 13)
    across, down = np.abs(X - WIDTH / 2), np.abs(Y - HEIGHT * 0.42)
    ring = np.hypot(across, down) if design.random() < 0.5 else np.maximum(across, down * 1.5)
    return np.asarray((ring < radius) & (ring > radius * design.uniform(0, 0.6)), dtype=np.float32)


def _lace(design: np.random.Generator) -> Field:
    step = int(design.integers(4, 7))
    holes = np.sin(X / step * 6.28) * np.sin(Y / step * 6.28)
    return np.asarray(np.where(holes > 0.15, 0.4, 0.0), dtype=np.float32)


def _glitter(design: np.random.Generator) -> Field:
    return np.asarray(design.random((HEIGHT, WIDTH)) > 0.86, dtype=np.float32)


def _block(design: np.random.Generator) -> Field:
    edge = HEIGHT * design.uniform(0.35, 0.6)
    return np.asarray(edge > Y, dtype=np.float32)


def _denim(design: np.random.Generator) -> Field:
    weave = 0.14 * ((X + Y) % 3 < 1) + 0.1 * design.random((HEIGHT, WIDTH))
    fade = 0.22 * np.exp(-(((X / WIDTH - 0.5) / 0.2) ** 2)) * design.random()
    return np.asarray(weave + fade, dtype=np.float32)


PAINTERS: dict[str, Callable[[np.random.Generator], Field]] = {
    "solid": _solid,
    "melange": _melange,
    "stripe": _stripe,
    "check": _check,
    "dot": _dot,
    "all-over": _all_over,
    "front": _front,
    "lace": _lace,
    "glitter": _glitter,
    "block": _block,
    "denim": _denim,
}
