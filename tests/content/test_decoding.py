import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from garments import STUDIO, striped
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from forsys.content.decoding import MAX_PIXELS, SIDE, STATUSES, decode

GARMENT = Image.fromarray(striped()).resize((300, 450))


def encoded(image: Image.Image = GARMENT, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


NOISE = np.random.default_rng(1).bytes(1000)
JPEG, PNG = encoded(), encoded(kind="PNG")
SPOILED = {
    "no bytes": (b"", "empty"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "truncated"),
    "half a JPEG, padded with zeros": (JPEG[: len(JPEG) // 2].ljust(len(JPEG), b"\0"), "truncated"),
    "a JPEG's header": (JPEG[:300], "truncated"),
    "a JPEG's first bytes": (JPEG[:20], "truncated"),
    "half a PNG": (PNG[: len(PNG) // 2], "truncated"),
    "half a GIF": (encoded(kind="GIF")[:2000], "truncated"),
    "a JPEG overwritten past its header": (JPEG[:160] + b"spoiled " * 400 + b"\xff\xd9", "corrupt"),
    "a JPEG overwritten within its scan": (JPEG[:900] + NOISE + JPEG[900 + len(NOISE) :], "corrupt"),
    "a PNG with a wrong checksum": (PNG[:120] + b"spoiled" + PNG[127:], "corrupt"),
    "text": (b"no picture", "not a picture"),
    "an error page": (b"<!DOCTYPE html><html><body>404</body></html>", "not a picture"),
    "zeros": (b"\0" * 5000, "not a picture"),
    "nothing but transparency": (encoded(Image.new("RGBA", (99, 99), (255, 0, 0, 0)), "PNG"), "not a picture"),
    "1 x 1": (encoded(Image.new("RGB", (1, 1), "red")), "too small"),
    "a thin line": (encoded(Image.new("RGB", (2000, 10), "red"), "PNG"), "too small"),
    "a bomb": (encoded(Image.new("1", (MAX_PIXELS // 10_000 + 1, 10_000)), "PNG"), "too large"),
    "a bomb that Pillow itself refuses": (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "too large"),
}


@pytest.mark.parametrize(("data", "status"), SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_picture_is_flagged_and_has_no_pixels(tmp_path: Path, data: bytes, status: str) -> None:
    path = tmp_path / "0.jpg"
    path.write_bytes(data)
    assert decode(path) == (None, status)


def test_every_status_has_a_case() -> None:
    assert {status for _, status in SPOILED.values()} | {"ok", "missing"} == set(STATUSES)


def test_no_file_and_a_folder_in_its_place_are_missing(tmp_path: Path) -> None:
    assert decode(tmp_path / "0.jpg") == decode(tmp_path) == (None, "missing")


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.integers(0, len(JPEG) - 3))
def test_a_jpeg_cut_anywhere_gives_no_pixels(tmp_path_factory: pytest.TempPathFactory, end: int) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.jpg"
    path.write_bytes(JPEG[:end])
    pixels, status = decode(path)
    assert pixels is None
    assert status in ("empty", "truncated", "not a picture")


KINDS: dict[str, Callable[[], bytes]] = {
    "RGB": lambda: JPEG,
    "progressive": lambda: encoded(progressive=True),
    "CMYK": lambda: encoded(GARMENT.convert("CMYK")),
    "palette": lambda: encoded(GARMENT.quantize(32), "PNG"),
    "alpha": lambda: encoded(GARMENT.convert("RGBA"), "PNG"),
    "GIF": lambda: encoded(kind="GIF"),
    "WebP": lambda: encoded(kind="WEBP", quality=95),
    "trailing bytes": lambda: JPEG + b"\0" * 100,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_the_same_rgb(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "0.jpg"
    path.write_bytes(KINDS[kind]())
    pixels, status = decode(path)
    assert status == "ok" and pixels is not None
    assert pixels.shape == (SIDE, 85, 3) and pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[:8].mean(axis=(0, 1)), STUDIO, atol=4)
    np.testing.assert_allclose(pixels[30:100, 25:60].mean(axis=(0, 1)), (157, 32, 50), atol=6)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_pictures_keep_their_grey(tmp_path: Path, mode: str) -> None:
    grey = Image.new("L", (40, 40), 128)
    image = Image.fromarray(np.full((40, 40), 128 * 257, np.uint16)) if mode == "I;16" else grey.convert(mode)
    image.save(tmp_path / "0.png")
    pixels, status = decode(tmp_path / "0.png")
    assert status == "ok" and pixels is not None
    assert pixels.mean() == pytest.approx(128, abs=2)


def test_transparency_is_put_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (10, 10, 30, 30))
    image.save(tmp_path / "0.png")
    pixels, _ = decode(tmp_path / "0.png")
    assert pixels is not None
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[20, 20].tolist() == [200, 0, 0]


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    (tmp_path / "0.jpg").write_bytes(encoded(exif=exif))
    pixels, _ = decode(tmp_path / "0.jpg")
    assert pixels is not None
    assert pixels.shape == (85, SIDE, 3)


def test_a_small_picture_keeps_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "0.png")
    pixels, _ = decode(tmp_path / "0.png")
    assert pixels is not None
    assert pixels.shape == (20, 30, 3)
