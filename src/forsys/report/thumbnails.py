"""Small pictures of articles, as bytes that can stand inside a page."""

import base64
import io
from pathlib import Path

from forsys.content.decoding import opened_picture, read_bytes

HEIGHT = 112  # pixels


def thumbnail(path: Path) -> bytes | None:
    """The picture as a WebP of at most HEIGHT pixels; None where it is missing, too large or can't be read."""
    small = io.BytesIO()
    try:
        with opened_picture(read_bytes(path)) as picture:
            picture.thumbnail((HEIGHT, HEIGHT))
            picture.convert("RGB").save(small, "WEBP", quality=60)
    except Exception:  # decoders raise whatever a broken file leads them to, and a page is no place to fail
        return None
    return small.getvalue()


def data_uri(webp: bytes) -> str:
    """For the src of an <img>."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
