"""Decodes a picture file to pixels, or says why it can't be used."""

import io
import re
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

SIDE = 128  # pixels of the longer side of a decoded picture; smaller pictures stay as they are
MIN_SIDE = 8  # pixels of the shorter side of a decoded picture: a smaller one shows no garment
MAX_PIXELS = 100_000_000  # of a file's picture: more is taken for a decompression bomb

STATUSES = ("ok", "missing", "empty", "truncated", "corrupt", "not a picture", "too small", "too large")
"""The state of an article's picture. For all but "ok" its features are null.

missing: no such file, or it can't be read. empty: a file of 0 bytes. truncated: its end is missing. corrupt: it
begins as a picture and does not decode. not a picture: another kind of file, or one in which nothing is visible.
too small and too large: by MIN_SIDE and MAX_PIXELS.
"""

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
STRAY_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # only these bytes may follow 0xff within a scan
PICTURE_STARTS = (JPEG_START, b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), sRGB


class _Unusable(Exception):
    """A picture that can't be used; the message is its status."""


def decode(path: Path) -> tuple[Pixels | None, str]:
    """Read a picture as RGB of at most SIDE pixels per side, and its status: pixels are None unless it is "ok".

    Grey, palette and CMYK pictures become RGB, transparent ones are put on white, and the camera's orientation is
    applied. Never raises.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None, "missing"
    try:
        return _pixels(data), "ok"
    except _Unusable as reason:
        return None, str(reason)
    except Exception as error:  # Pillow's decoders raise anything for a broken file
        return None, _reason(data, error)


def _pixels(data: bytes) -> Pixels:
    if not data:
        raise _Unusable("empty")
    if data.startswith(JPEG_START):
        _check_jpeg(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MAX_PIXELS decides what a bomb is, not Pillow's warning
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _Unusable("too large")
            image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at 1/8 to 1/2 of its size where that suffices
            return _scaled_down(_as_rgb(ImageOps.exif_transpose(image)))


def _check_jpeg(data: bytes) -> None:
    """Find what Pillow does not report: it fills in lost data, and decodes overwritten data."""
    scan, end = data.rfind(JPEG_SCAN), data.rfind(JPEG_END)
    if end <= scan:
        raise _Unusable("truncated")
    if scan >= 0 and STRAY_MARKER.search(data, scan + len(JPEG_SCAN), end):
        raise _Unusable("corrupt")


def _scaled_down(image: Image.Image) -> Pixels:
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
    if min(image.size) < MIN_SIDE:
        raise _Unusable("too small")
    return np.asarray(image)


def _as_rgb(image: Image.Image) -> Image.Image:
    """An RGB picture without transparency."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip to white
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise _Unusable("not a picture")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if not image.getchannel("A").getbbox():
        raise _Unusable("not a picture")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _reason(data: bytes, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "too large"
    if isinstance(error, UnidentifiedImageError) and not data.startswith(PICTURE_STARTS):
        return "not a picture"
    truncated = "truncated" in str(error).lower() and not data.startswith(JPEG_START)  # JPEGs were checked before
    return "truncated" if truncated else "corrupt"
