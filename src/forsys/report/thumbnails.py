"""Small pictures of articles, as bytes that can stand inside a page."""

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from forsys.content.decoding import as_rgb, opened_picture, read_bytes

HEIGHT = 112  # pixels


def thumbnail(path: Path, height: int = HEIGHT) -> bytes | None:
    """The picture as a WebP of at most `height` pixels, upright and without transparency, as `decode` shows it.

    None where it is missing, too large or can't be read.
    """
    try:
        with opened_picture(read_bytes(path)) as picture:
            picture.thumbnail((height, height))
            return as_webp(as_rgb(ImageOps.exif_transpose(picture)))
    except Exception:  # decoders raise whatever a broken file leads them to, and a page is no place to fail
        return None


def as_webp(picture: Image.Image) -> bytes:
    """A picture's file."""
    small = io.BytesIO()
    picture.save(small, "WEBP", quality=60)
    return small.getvalue()


def data_uri(webp: bytes) -> str:
    """For the src of an <img>."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
