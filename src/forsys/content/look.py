"""One look at one picture: decoded once, for its colours and its shape."""

from pathlib import Path
from typing import NamedTuple

from forsys.content.colour import Floats, Palette, colour_of, to_lab
from forsys.content.decoding import decode
from forsys.content.shape import shape_vector
from forsys.content.silhouette import silhouette


class Task(NamedTuple):
    """A picture to look at, and what for."""

    path: Path
    colour: bool
    shape: bool


class Look(NamedTuple):
    """What was seen: None where it was not asked for or the picture is not usable."""

    status: str
    palette: Palette | None = None
    colour: Floats | None = None
    shape: Floats | None = None


def look_at(task: Task, tolerance: float, limit: int) -> Look:
    """Decode one picture and describe what is asked of it."""
    pixels, status = decode(task.path)
    if pixels is None:
        return Look(status)
    lab = to_lab(pixels)
    mask = silhouette(lab)
    palette, colour = colour_of(pixels, lab, mask, tolerance, limit) if task.colour else (None, None)
    return Look(status, palette, colour, shape_vector(lab, mask) if task.shape else None)
