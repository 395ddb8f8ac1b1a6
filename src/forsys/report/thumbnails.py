"""Small pictures of articles, as bytes that can stand inside a page."""

import base64
import io
import zlib
from pathlib import Path

from forsys.content.decoding import opened_picture, read_bytes

HEIGHT = 96  # pixels


def thumbnail(path: Path) -> bytes | None:
    """The picture as a JPEG of at most HEIGHT pixels; None where it is missing, too large or can't be read."""
    small = io.BytesIO()
    try:
        with opened_picture(read_bytes(path)) as picture:
            picture.thumbnail((HEIGHT, HEIGHT))
            picture.convert("RGB").save(small, "JPEG", quality=82, optimize=True)
    except Exception:  # decoders raise whatever a broken file leads them to, and a page is no place to fail
        return None
    return small.getvalue()


def data_uri(jpeg: bytes) -> str:
    """For the src of an <img>."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def hue_of(text: str) -> int:
    """A hue, 0..359, that belongs to a word: the colour of the tile that stands for a missing picture."""
    return zlib.crc32(text.encode()) % 360
