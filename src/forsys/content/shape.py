"""The shape of a garment: a vector of fixed length from its silhouette and its lines."""

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.spatial import ConvexHull

from forsys.content.silhouette import Lab, Mask

FRAME = 48  # pixels of the side of the square that the garment is scaled to
CELL = 8  # pixels of the side of a cell of the histogram of oriented gradients
ORIENTATIONS = 8
THUMBNAIL = 12  # pixels of the side of the silhouette's thumbnail
BACKGROUND = 100.0  # lightness around the garment

SHAPE_PARTS = {
    "hu": 7,
    "height": 1,
    "width": 1,
    "aspect": 1,
    "area": 1,
    "extent": 1,
    "solidity": 1,
    "symmetry": 1,
    "thumbnail": THUMBNAIL**2,
    "hog": ORIENTATIONS * (FRAME // CELL) ** 2,
}
"""Names and widths of the vector's parts, in order."""
SHAPE_WIDTH = sum(SHAPE_PARTS.values())

Floats = npt.NDArray[np.float32]


def shape_vector(lab: Lab, mask: Mask) -> Floats:
    """A garment's shape in a form that suits linear models, (SHAPE_WIDTH,), by SHAPE_PARTS.

    Logarithms of Hu's moments; height and width as shares of the picture's, the logarithm of their ratio; the
    garment's share of the picture (area), of its bounding box (extent) and of its convex hull (solidity); overlap
    with its mirror image; thumbnail of the silhouette and histogram of oriented gradients of the lightness (Dalal
    and Triggs 2005), both of a square around the garment.
    """
    from skimage.feature import hog  # here, since an installation may lack it

    rows, columns = (_span(np.flatnonzero(mask.any(axis=axis))) for axis in (1, 0))
    garment = mask[rows, columns]
    outline, lines = _in_square(garment), _in_square(np.where(garment, lab[rows, columns, 0], BACKGROUND))
    thumbnail = outline.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    gradients = hog(np.asarray(lines), ORIENTATIONS, (CELL, CELL), (1, 1), feature_vector=True)
    parts = [_hu_moments(garment), _proportions(garment, mask), np.asarray(thumbnail).ravel(), gradients]
    return np.concatenate(parts).astype(np.float32)


def _span(positions: npt.NDArray[np.int64]) -> slice:
    return slice(positions[0], positions[-1] + 1)


def _hu_moments(garment: Mask) -> npt.NDArray[np.float64]:
    """Signed logarithms of Hu's seven invariant moments, which span many orders of magnitude."""
    from skimage.measure import moments_central, moments_hu, moments_normalized

    hu: npt.NDArray[np.float64] = moments_hu(moments_normalized(moments_central(garment.astype(np.float64))))
    logarithms: npt.NDArray[np.float64] = np.sign(hu) * np.log1p(np.abs(hu) * 1e6)
    return logarithms


def _proportions(garment: Mask, mask: Mask) -> list[float]:
    (height, width), (all_height, all_width) = garment.shape, mask.shape
    area = int(garment.sum())
    mirrored = int((garment & garment[:, ::-1]).sum())
    return [
        height / all_height,
        width / all_width,
        float(np.log(height / width)),
        area / mask.size,
        area / garment.size,
        area / _hull_area(garment),
        mirrored / area,
    ]


def _hull_area(garment: Mask) -> float:
    """Area of the convex hull of the pixels, each a square; only the ends of each row can be its corners."""
    width = garment.shape[1]
    rows = np.flatnonzero(garment.any(axis=1))
    left, right = garment.argmax(axis=1)[rows], width - garment[:, ::-1].argmax(axis=1)[rows]
    corners = [np.column_stack([rows + edge, side]) for edge in (0, 1) for side in (left, right)]
    return float(ConvexHull(np.concatenate(corners)).volume)  # in two dimensions the area


def _in_square(values: npt.NDArray[np.generic]) -> Image.Image:
    """Scale an array of any proportions, undistorted, to the middle of a square of FRAME pixels."""
    height, width = values.shape
    side = max(height, width)
    fill = BACKGROUND if values.dtype != np.bool_ else 0.0
    square = np.full((side, side), fill, dtype=np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = values
    return Image.fromarray(square).resize((FRAME, FRAME), Image.Resampling.BILINEAR)
