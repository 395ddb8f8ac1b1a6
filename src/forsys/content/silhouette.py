"""The garment's pixels: those that differ from the studio background, which is near-uniform up to the border."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Lab = npt.NDArray[np.float32]  # (height, width, 3), CIE L*a*b*
Mask = npt.NDArray[np.bool_]  # (height, width)
Floats = npt.NDArray[np.float32]

BORDER = 3  # pixels of the width of the border on which the background is measured
MIN_BACKGROUND = 0.4  # share of the border
BACKGROUND_DISTANCE = 8.0  # Lab distance from the border's median within which its pixels are background
MIN_DISTANCE = 2.5  # Lab distance of a garment's pixels from the background,
MIN_DEVIATIONS = 2.5  # and the same in mean deviations of the background itself
LIGHTER, DARKER = 2.5, 0.7  # weights of a difference in lightness
MAX_HOLE = 0.01  # share of the picture; smaller holes are filled
MIN_PART = 0.05  # share of the largest part; smaller parts are left out
MIN_INNER = 0.5  # share of the garment that is not its rim; with less, the rim is kept
MIN_GARMENT = 0.003  # share of the picture; with less, the garment cannot be told from the background


def silhouette(lab: Lab) -> Mask:
    """The garment's pixels; all pixels where there is no studio background or nothing differs from it."""
    terms, frame = _surface_terms(*lab.shape[:2])
    border = lab[frame]
    near = _norm(border - np.median(border, axis=0).astype(np.float32)) < BACKGROUND_DISTANCE
    if near.mean() < MIN_BACKGROUND:
        return np.ones(frame.shape, dtype=np.bool_)
    # A quadratic surface per channel, since light falls off to the corners: least squares on the border.
    surface = np.linalg.lstsq(terms[frame.ravel()][near], border[near], rcond=None)[0]
    difference = lab - (terms @ surface).reshape(lab.shape)
    smooth = _distance(ndimage.uniform_filter(difference, 3, axes=(0, 1)))
    threshold = max(MIN_DISTANCE, MIN_DEVIATIONS * float(smooth[frame][near].mean()))
    # Smoothing finds white on near-white in spite of noise; the unsmoothed colour keeps edges sharp.
    mask = _largest_parts(_without_holes((smooth > threshold) & (_distance(difference) > threshold / 2)))
    return mask if mask.mean() >= MIN_GARMENT else np.ones_like(mask)


def without_rim(mask: Mask) -> Mask:
    """A mask without its rim, where the garment's colour mixes with the background's; a thin garment keeps it."""
    inner: Mask = ndimage.binary_erosion(mask, border_value=1)
    return inner if inner.sum() >= MIN_INNER * mask.sum() else mask


def _distance(difference: Lab) -> Floats:
    """Weighted length of differences from the background, (height, width).

    Lighter pixels than the studio's grey count more, since white garments are only a little lighter; darker ones
    count less, since shadows are darker.
    """
    weighted = difference.copy()
    weighted[..., 0] *= np.where(difference[..., 0] > 0, LIGHTER, DARKER)
    return _norm(weighted)


def _norm(vectors: Floats) -> Floats:
    norm: Floats = np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
    return norm


@lru_cache(maxsize=16)  # of up to 0.4 MiB: a shop's pictures may have any proportions
def _surface_terms(height: int, width: int) -> tuple[Floats, Mask]:
    """Terms of a quadratic surface at each pixel, (height * width, 6), and which pixels are the border."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    frame = np.ones((height, width), dtype=np.bool_)
    frame[BORDER:-BORDER, BORDER:-BORDER] = False
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6), frame


def _without_holes(mask: Mask) -> Mask:
    """Fill small holes; large ones are background, such as between two legs."""
    holes, count = ndimage.label(~mask)
    small = np.bincount(holes.ravel(), minlength=count + 1) < MAX_HOLE * mask.size
    filled: Mask = mask | small[holes]
    return filled


def _largest_parts(mask: Mask) -> Mask:
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: Mask = (sizes >= max(1, MIN_PART * sizes.max()))[parts]
    return kept
