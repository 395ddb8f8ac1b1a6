import io
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from garments import STUDIO, striped
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from forsys.content import decoding
from forsys.content.decoding import MAX_BYTES, MAX_PIXELS, SIDE, STATUSES, decode
from forsys.errors import DataError

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
    "a program for another decoder": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a picture"),
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


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


INSTEAD: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: path,
    "a folder": Path.mkdir,
    "a pipe without a writer": os.mkfifo,
    "a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a socket": a_socket,
}


@pytest.mark.parametrize("make", INSTEAD.values(), ids=INSTEAD.keys())
def test_what_is_no_file_is_missing(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "0.jpg")
    assert decode(tmp_path / "0.jpg") == (None, "missing")


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 6 << 30, 1 << 40])
def test_a_file_beyond_the_limit_is_never_loaded(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0.jpg"
    path.write_bytes(JPEG)
    os.truncate(path, size)  # takes no room on the disk
    monkeypatch.setattr(Path, "open", None)
    assert decode(path) == (None, "too large")


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(5, "disk"), OSError(24, "files")])
def test_a_fault_of_the_machine_is_no_fault_of_the_picture(
    error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be cached as one, and stay when the disk is well again."""

    def failing(*_: object) -> None:
        raise error

    (tmp_path / "0.jpg").write_bytes(JPEG)
    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(OSError, match=error.strerror):
        decode(tmp_path / "0.jpg")


def test_a_lack_of_memory_names_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: bytes) -> None:
        raise MemoryError

    (tmp_path / "0.jpg").write_bytes(JPEG)
    monkeypatch.setattr(decoding, "_pixels", failing)
    with pytest.raises(DataError, match=r"0\.jpg: not enough memory"):
        decode(tmp_path / "0.jpg")


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
