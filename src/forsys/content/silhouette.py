"""Where the garment is: what differs from the studio background, which is near-uniform and reaches the border."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Lab = npt.NDArray[np.float32]  # (height, width, 3), CIE L*a*b*
Mask = npt.NDArray[np.bool_]  # (height, width)
Floats = npt.NDArray[np.float32]

BORDER = 3  # pixels of the frame in which the background is looked at
STUDIO = 0.4  # share of the border that is background, at least
NEAR = 8.0  # Lab distance from the border's median within which its pixels are background
DISTANCE = 2.5  # Lab distance from the background, at least, of a garment's pixels
SPREAD = 2.5  # and at least so many times the background's own mean deviation
LIGHTER, DARKER = 2.5, 0.7  # weights of a difference in lightness
HOLE = 0.01  # holes smaller than this share of the picture are filled
PART = 0.05  # parts smaller than this share of the largest one are left out
THICK = 0.5  # share of the garment that is not its rim, at least, for the rim to be left out
LEAST = 0.003  # share of the picture; with less, no garment can be told from the background


def silhouette(lab: Lab) -> Mask:
    """The garment's pixels; all pixels where there is no studio background or nothing differs from it."""
    terms, frame = _places(*lab.shape[:2])
    border = lab[frame]
    near = _length(border - np.median(border, axis=0).astype(np.float32)) < NEAR
    if near.mean() < STUDIO:
        return np.ones(frame.shape, dtype=np.bool_)
    # A quadratic surface a channel, for light falls off to the corners: least squares on the border.
    surface = np.linalg.lstsq(terms[frame.ravel()][near], border[near], rcond=None)[0]
    apart = lab - (terms @ surface).reshape(lab.shape)
    smooth = _distance(ndimage.uniform_filter(apart, 3, axes=(0, 1)))
    threshold = max(DISTANCE, SPREAD * float(smooth[frame][near].mean()))
    # Smoothing finds white on near-white through the noise; the pixel's own colour keeps edges sharp.
    mask = _largest_parts(_without_holes((smooth > threshold) & (_distance(apart) > threshold / 2)))
    return mask if mask.mean() >= LEAST else np.ones_like(mask)


def inside(mask: Mask) -> Mask:
    """A mask without its rim, where the garment's colour mixes with the background's; thin garments keep it."""
    inner: Mask = ndimage.binary_erosion(mask, border_value=1)
    return inner if inner.sum() >= THICK * mask.sum() else mask


def _distance(apart: Lab) -> Floats:
    """Length of differences from the background, (height, width).

    What is lighter than the studio's grey counts more, for white garments are just a little lighter, and what is
    darker less, for shadows are.
    """
    weighted = apart.copy()
    weighted[..., 0] *= np.where(apart[..., 0] > 0, LIGHTER, DARKER)
    return _length(weighted)


def _length(vectors: Floats) -> Floats:
    length: Floats = np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
    return length


@cache
def _places(height: int, width: int) -> tuple[Floats, Mask]:
    """Terms of a quadratic surface at each pixel, (height * width, 6), and which pixels are the border."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    frame = np.ones((height, width), dtype=np.bool_)
    frame[BORDER:-BORDER, BORDER:-BORDER] = False
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6), frame


def _without_holes(mask: Mask) -> Mask:
    """Fill small holes; large ones show the background, as between two legs."""
    holes, count = ndimage.label(~mask)
    small = np.bincount(holes.ravel(), minlength=count + 1) < HOLE * mask.size
    filled: Mask = mask | small[holes]
    return filled


def _largest_parts(mask: Mask) -> Mask:
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: Mask = (sizes >= max(1, PART * sizes.max()))[parts]
    return kept
