"""Drawn pictures of garments whose colours and outlines are known."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from forsys.content.decoding import Pixels

STUDIO = (236, 234, 232)
RED, NAVY, WHITE = (200, 30, 40), (30, 40, 80), (255, 255, 255)
Colour = tuple[int, int, int]


def block(
    colour: Colour = RED, box: tuple[int, int, int, int] = (32, 24, 96, 104), around: Colour = STUDIO
) -> Pixels:
    """A rectangle, its box given as left, top, right, bottom with the last two outside, in 128 x 128 pixels."""
    pixels = np.full((128, 128, 3), around, dtype=np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = colour
    return pixels


def striped(first: Colour = RED, second: Colour = NAVY) -> Pixels:
    """A rectangle of 64 x 80 pixels; of every 16 columns 12 have the first colour and 4 the second."""
    pixels = block(first)
    for left in range(32 + 12, 96, 16):
        pixels[24:104, left : left + 4] = second
    return pixels


def shirt(colour: Colour = RED) -> Pixels:
    """A shirt with two sleeves."""
    image = Image.new("RGB", (128, 128), STUDIO)
    outline = [
        (44, 20),
        (84, 20),
        (118, 50),
        (104, 64),
        (88, 50),
        (88, 110),
        (40, 110),
        (40, 50),
        (24, 64),
        (10, 50),
    ]
    ImageDraw.Draw(image).polygon(outline, fill=colour)
    return np.asarray(image)


def noisy(pixels: Pixels, deviation: float = 1.5, fall: float = 4.0) -> Pixels:
    """Add noise, and light that falls off to the right, as in a photograph."""
    rng = np.random.default_rng(3)
    light = np.linspace(0, -fall, pixels.shape[1])[None, :, None]
    photograph: npt.NDArray[np.float64] = pixels + light + rng.normal(0, deviation, pixels.shape)
    return photograph.clip(0, 255).round().astype(np.uint8)
