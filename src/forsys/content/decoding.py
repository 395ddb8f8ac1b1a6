"""Decodes a picture file to pixels, or says why it can't be used."""

import errno
import io
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from forsys.errors import DataError

SIDE = 128  # pixels of the longer side of a decoded picture; smaller pictures stay as they are
MIN_SIDE = 8  # pixels of the shorter side of a decoded picture: a smaller one shows no garment
MAX_PIXELS = 100_000_000  # of a file's picture: more is taken for a decompression bomb
MAX_BYTES = 64 << 20  # of a picture's file: a larger one is not read
# Pillow's decoders for what cameras and shops make; others, such as EPS, would start another program.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG2000")

STATUSES = ("ok", "missing", "empty", "truncated", "corrupt", "not a picture", "too small", "too large")
"""The state of an article's picture. For all but "ok" its features are null.

missing: no such file, or a folder, a pipe or a device in its place. empty: a file of 0 bytes. truncated: its end is
missing. corrupt: it begins as a picture and does not decode. not a picture: another kind of file, or one in which
nothing is visible. too small: by MIN_SIDE. too large: by MAX_BYTES or MAX_PIXELS.
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
    applied. No content of the file raises an error. OSError where the machine can't read it, and DataError where
    the memory does not suffice: neither says anything of the picture, and what is returned here is cached.
    """
    data = b""
    try:
        data = read_bytes(path)
        return _pixels(data), "ok"
    except _Unusable as reason:
        return None, str(reason)
    except OSError as error:
        if error.errno is not None:
            raise
        return None, _reason(data, error)
    except MemoryError as error:
        raise DataError(f"{path}: not enough memory to decode it. Close other programs, or remove it.") from error
    except Exception as error:  # Pillow's decoders raise anything for a broken file
        return None, _reason(data, error)


def read_bytes(path: Path) -> bytes:
    """A picture's file. Raises _Unusable for what is no file, or larger than MAX_BYTES: that is never loaded."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _Unusable("missing")
        if status.st_size > MAX_BYTES:
            raise _Unusable("too large")
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise _Unusable("missing") from error
        raise


def _pixels(data: bytes) -> Pixels:
    if not data:
        raise _Unusable("empty")
    if data.startswith(JPEG_START):
        _check_jpeg(data)
    with opened_picture(data) as image:
        image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at 1/8 to 1/2 of its size where that suffices
        return _scaled_down(as_rgb(ImageOps.exif_transpose(image)))


@contextmanager
def opened_picture(data: bytes) -> Iterator[Image.Image]:
    """A picture that is not decoded yet, of FORMATS and at most MAX_PIXELS; without Pillow's warnings of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MAX_PIXELS decides what a bomb is, and what is broken gets a status
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _Unusable("too large")
            yield image


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


def as_rgb(image: Image.Image) -> Image.Image:
    """An RGB picture without transparency, which is put on white. Raises _Unusable where nothing is visible."""
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
