"""The features of one picture: it is decoded once, for its colours and its shape."""

from pathlib import Path
from typing import NamedTuple

from forsys.content.colour import Floats, Palette, colour_features, to_lab
from forsys.content.decoding import decode
from forsys.content.shape import shape_vector
from forsys.content.silhouette import silhouette


class PictureTask(NamedTuple):
    """A picture, and which of its features are wanted."""

    path: Path
    colour: bool
    shape: bool


class PictureFeatures(NamedTuple):
    """The features of a picture: None where not wanted, or where the status is not "ok"."""

    status: str
    palette: Palette | None = None
    colour: Floats | None = None
    shape: Floats | None = None


def describe_picture(task: PictureTask, colour_tolerance: float, max_colours: int) -> PictureFeatures:
    """Decode one picture and compute the wanted features."""
    pixels, status = decode(task.path)
    if pixels is None:
        return PictureFeatures(status)
    lab = to_lab(pixels)
    mask = silhouette(lab)
    shape = shape_vector(lab, mask) if task.shape else None
    if not task.colour:
        return PictureFeatures(status, shape=shape)
    return PictureFeatures(status, *colour_features(pixels, lab, mask, colour_tolerance, max_colours), shape)
