"""The colours of a garment: its palette, and a vector of fixed length."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from forsys.content.decoding import Pixels
from forsys.content.silhouette import Lab, Mask, without_rim

BIN_BITS = 3  # colours that differ only in the last 3 bits of R, G and B fall into one bin, and their mean is taken
LIGHTNESS = (8, 20, 32, 44, 56, 68, 80, 92)  # of the histogram's centres
RINGS = ((0, 1, 5.0), (8, 6, 6.0), (20, 8, 9.0), (40, 8, 14.0), (65, 8, 18.0))  # chroma, hues, width in a and b
LIGHTNESS_WIDTH = 8.0
IN_GAMUT = 8.0  # Lab distance from some colour of sRGB within which a centre is kept
PATTERN_DISTANCE = 15.0  # Lab distance from the garment's main colour beyond which a pixel belongs to a pattern
MAIN_COLOURS = 3  # palette colours in the vector, whatever the maximum of the palette

COLOUR_PARTS = {
    "mean": 3,
    "standard deviation": 3,
    "centre": 3,
    "main colours": 4 * MAIN_COLOURS,
    "contrast": 1,
    "pattern": 1,
    "histogram": 188,
}
"""Names and widths of the vector's parts, in order."""
COLOUR_WIDTH = sum(COLOUR_PARTS.values())

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Palette:
    """The main colours of a picture, by falling share."""

    lab: Floats
    """(colours, 3) CIE L*a*b*."""
    hex: list[str]
    """"#rrggbb"."""
    share: Floats
    """(colours,) share of the garment's pixels."""


@dataclass(frozen=True, eq=False)
class ColourBins:
    """The colours of some pixels in cubic bins of RGB, by falling count; each colour is the mean of its bin."""

    lab: Floats
    """(bins, 3)."""
    rgb: Floats
    """(bins, 3) 0 to 255."""
    count: Counts
    """(bins,) pixels."""


def to_lab(pixels: Pixels) -> Lab:
    """CIE L*a*b* (D65) of sRGB pixels, (height, width, 3)."""
    from skimage.color import rgb2lab  # here, since an installation may lack it

    lab: Lab = rgb2lab(pixels.astype(np.float32) / 255)
    return lab


def count_colours(pixels: Pixels, lab: Lab, mask: Mask) -> ColourBins:
    """The colour bins of the pixels in a mask."""
    rgb, lab = pixels[mask], lab[mask]
    cube = (rgb >> BIN_BITS).astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    _, bin_of, count = np.unique(cube, return_inverse=True, return_counts=True)
    sums = [np.bincount(bin_of, weights=channel) for channel in (*lab.T, *rgb.T)]
    means = (np.stack(sums, axis=1) / count[:, None]).astype(np.float32)
    order = np.argsort(-count, kind="stable")
    return ColourBins(means[order, :3], means[order, 3:], count[order])


def garment_palette(bins: ColourBins, colour_tolerance: float, max_colours: int) -> Palette:
    """Merge colours nearer than `colour_tolerance` (CIE 1976) into the more frequent one, as extcolors does.

    The `max_colours` most frequent colours are kept.
    """
    main, merged = _merge(bins, colour_tolerance)
    order = np.argsort(-merged, kind="stable")[:max_colours]
    kept = main[order]
    return Palette(
        lab=bins.lab[kept],
        hex=[f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.rint(bins.rgb[kept]).astype(int).tolist()],
        share=(merged[order] / bins.count.sum()).astype(np.float32),
    )


def _merge(bins: ColourBins, colour_tolerance: float) -> tuple[Counts, Counts]:
    """The bins that others are merged into, by falling own count, and their counts with the merged ones."""
    main, merged = [], []
    left = np.arange(len(bins.count))
    while len(left):
        near = np.square(bins.lab[left] - bins.lab[left[0]]).sum(axis=1) < colour_tolerance**2
        near[0] = True
        main.append(left[0])
        merged.append(bins.count[left[near]].sum())
        left = left[~near]
    return np.array(main), np.array(merged)


def colour_features(
    pixels: Pixels, lab: Lab, mask: Mask, colour_tolerance: float, max_colours: int
) -> tuple[Palette, Floats]:
    """The palette of the garment in a mask, and its colour vector, (COLOUR_WIDTH,)."""
    inner = without_rim(mask)
    bins = count_colours(pixels, lab, inner)
    palette = garment_palette(bins, colour_tolerance, max_colours)
    return palette, _vector(lab, inner, bins, palette)


def _vector(lab: Lab, mask: Mask, bins: ColourBins, palette: Palette) -> Floats:
    """A garment's colours in a form that suits linear models, by COLOUR_PARTS.

    Mean, standard deviation and centre-weighted mean in Lab; the palette's first colours in Lab with their shares;
    contrast; share of pattern; then the square roots (Hellinger) of a soft histogram over Lab.
    """
    share = (bins.count / bins.count.sum()).astype(np.float32)
    mean = share @ bins.lab
    deviation = np.sqrt(share @ np.square(bins.lab - mean))
    dark, light = np.percentile(lab[mask][:, 0], [5, 95])
    pattern = share[np.linalg.norm(bins.lab - palette.lab[0], axis=1) > PATTERN_DISTANCE].sum()
    parts = [mean, deviation, _central_mean(lab, mask), _main_colours(palette), [light - dark, pattern]]
    return np.concatenate([*parts, np.sqrt(_soft_histogram(bins.lab, share))]).astype(np.float32)


def _central_mean(lab: Lab, mask: Mask) -> Floats:
    """Mean colour of the garment, weighted towards its middle: its edges have shadows, collars and hands."""
    y, x = np.nonzero(mask)
    far = np.square((y - y.mean()) / (y.std() + 1)) + np.square((x - x.mean()) / (x.std() + 1))
    return np.average(lab[mask], axis=0, weights=np.exp(-far)).astype(np.float32)


def _main_colours(palette: Palette) -> Floats:
    """Lab and share of the first MAIN_COLOURS; where there are fewer, the first is repeated with share 0."""
    rows = np.column_stack([palette.lab, palette.share])[:MAIN_COLOURS]
    blank = np.append(palette.lab[0], 0.0)[None].repeat(MAIN_COLOURS - len(rows), axis=0)
    return np.concatenate([rows, blank]).ravel().astype(np.float32)


def _soft_histogram(lab: Floats, share: Floats) -> Floats:
    """Shares of the histogram's centres: each colour is split among them by a Gaussian of the distance."""
    centres, width = histogram_centres()
    apart = np.square(lab[:, None] - centres)  # (bins, centres, 3)
    near = apart[..., 0] / LIGHTNESS_WIDTH**2 + (apart[..., 1] + apart[..., 2]) / width**2
    near -= near.min(axis=1, keepdims=True)  # so that a colour far from all centres counts for the nearest
    weight = np.exp(-near / 2)
    histogram: Floats = share @ (weight / weight.sum(axis=1, keepdims=True))
    return histogram


@cache
def histogram_centres() -> tuple[Floats, Floats]:
    """Lab of the histogram's centres, (centres, 3), denser near grey, and their widths in a and b, (centres,)."""
    from skimage.color import rgb2lab

    rows = [
        (lightness, chroma * np.cos(2 * np.pi * hue / hues), chroma * np.sin(2 * np.pi * hue / hues), width)
        for lightness in LIGHTNESS
        for chroma, hues, width in RINGS
        for hue in range(hues)
    ]
    centres = np.array(rows)
    lab = centres[:, :3]
    cube = np.stack(np.meshgrid(*3 * [np.linspace(0, 1, 18)]), axis=-1).reshape(-1, 3)
    visible = cdist(lab, rgb2lab(cube)).min(axis=1) < IN_GAMUT
    return lab[visible].astype(np.float32), centres[visible, 3].astype(np.float32)
