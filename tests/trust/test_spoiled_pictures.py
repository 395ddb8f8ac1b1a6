"""Spoiled pictures and descriptions: each article is described by what is left, and each fault is counted."""

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forsys.cli import main
from forsys.workspace import BELONGS_TO
from trust.bench import Bench
from trust.spoiled import ARTICLES, Case, Spoil, both, column, tolerated
from world import flags

FIRST, SECOND = "0118235001", "0118235002"  # two articles of the tiny shop


def picture(kind: str = "JPEG", mode: str = "RGB", side: int = 160) -> bytes:
    """A dark garment on white, encoded."""
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[side // 4 : -side // 4, side // 3 : -side // 3] = (20, 40, 120)
    target = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(target, kind)
    return target.getvalue()


def at(name: str, content: bytes | Callable[[Path], object]) -> Spoil:
    """A file below images/, or whatever is made there."""

    def spoil(folder: Path) -> None:
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)

    return spoil


def standard(content: bytes | Callable[[Path], object], article: str = FIRST) -> Spoil:
    """The picture of an article where Kaggle's data have it."""
    return at(f"{article[:3]}/{article}.jpg", content)


def one(name: str, content: bytes | Callable[[Path], object], status: str) -> Case:
    """A good picture and a spoiled one, whose status is counted."""
    said = f"1 pictures (118 missing, 1 {status})" if status != "missing" else "1 pictures (119 missing)"
    return tolerated(name, both(standard(picture(), SECOND), standard(content)), said, commands="tables content")


def usable(name: str, content: bytes) -> Case:
    """A picture of another kind than its name says, which is read."""
    return tolerated(name, standard(content), "1 pictures (119 missing)", commands="tables content")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG whose header claims a size, with other chunks and next to no pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + pixels + chunk(b"IEND", b"")


def sparse(path: Path) -> None:
    """70 MB that take no room on the disk."""
    with path.open("wb") as file:
        file.write(picture())
        file.truncate(70 << 20)


def images(make: Callable[[Path], object]) -> Spoil:
    """Something else in the place of the folder images/."""

    def spoil(folder: Path) -> None:
        shutil.rmtree(folder / "images", ignore_errors=True)
        make(folder / "images")

    return spoil


JPEG = picture()
COMMAND = "tables content"
CASES = [
    one("an empty file", b"", "empty"),
    one("half a JPEG", JPEG[: len(JPEG) // 2], "truncated"),
    one("a JPEG without its end", JPEG[:-2], "truncated"),
    one("a JPEG with its scan overwritten", JPEG[:-300] + b"\xff\x01" * 149 + JPEG[-2:], "corrupt"),
    one("half a PNG", picture("PNG")[:150], "truncated"),
    one("a text", b"not a picture at all\n" * 50, "not a picture"),
    one("a web page", b"<!DOCTYPE html><html>Sign in</html>", "not a picture"),
    one("a script", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "not a picture"),
    one("an EPS program", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(x) run\n", "not a picture"),
    one("random bytes", bytes(np.random.default_rng(1).integers(0, 256, 5000, np.uint8)), "not a picture"),
    one("a start and nothing else", b"\xff\xd8\xff", "truncated"),
    one("a header of 100,000 x 100,000", png(100_000, 100_000), "too large"),
    one("a header of 0 x 0", png(0, 0), "corrupt"),
    one(
        "a text of 100 MB in a PNG",
        png(64, 64, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"0" * 100_000_000))),
        "corrupt",
    ),
    one("4 x 4 pixels", picture("PNG", side=4), "too small"),
    one("70 MB", sparse, "too large"),
    one(
        "nothing visible", lambda path: Image.new("RGBA", (99, 99), (9, 9, 9, 0)).save(path, "PNG"), "not a picture"
    ),
    one("a folder", Path.mkdir, "missing"),
    one("a pipe", os.mkfifo, "missing"),
    one("a link to nothing", lambda path: path.symlink_to("nothing"), "missing"),
    one("a link to itself", lambda path: path.symlink_to(path.name), "missing"),
    usable("a PNG named .jpg", picture("PNG")),
    usable("a GIF named .jpg", picture("GIF")),
    usable("a WebP named .jpg", picture("WEBP")),
    usable("a TIFF named .jpg", picture("TIFF")),
    usable("CMYK", picture("JPEG", "CMYK")),
    usable("grey", picture("JPEG", "L")),
    usable("16 bits", picture("PNG", "I;16")),
    usable("bytes behind the end", JPEG + b"\0" * 999),
    tolerated(
        "named .png",
        at(f"{FIRST[:3]}/{FIRST}.png", picture("PNG")),
        "1 pictures (",
        "another name",
        commands=COMMAND,
    ),
    tolerated("named .JPG", at(f"{FIRST[:3]}/{FIRST}.JPG", JPEG), "1 pictures (", "another name", commands=COMMAND),
    tolerated("in one folder", at(f"{FIRST}.jpg", JPEG), "1 pictures (", "another name", commands=COMMAND),
    tolerated(
        "without zeros", at(f"{FIRST[:3]}/{int(FIRST)}.jpg", JPEG), "1 pictures (", "another name", commands=COMMAND
    ),
    tolerated(
        "two of one article",
        both(standard(JPEG), at(f"x/{FIRST}.png", picture("PNG"))),
        "1 pictures are of an article that has another one",
        commands=COMMAND,
    ),
    tolerated(
        "of another shop",
        at("099/0999999001.jpg", JPEG),
        "NO PICTURE BELONGS",
        "099/0999999001.jpg",
        commands=COMMAND,
    ),
    tolerated("bytes in a name", at(os.fsdecode(b"\xff\n.jpg"), JPEG), "NO PICTURE BELONGS", commands=COMMAND),
    tolerated("no folder of pictures", images(lambda _: None), "0 pictures (120 missing)", commands=COMMAND),
    tolerated("a file named images", images(Path.touch), "0 pictures (120 missing)", commands=COMMAND),
    tolerated(
        "images a link to itself",
        images(lambda path: path.symlink_to(path.name)),
        "0 pictures (120 missing)",
        commands=COMMAND,
    ),
]


def described_as(name: str, text: str, *words: str) -> Case:
    """One article with this description."""
    spoil = column(ARTICLES, "detail_desc", lambda old, i: text if i == 3 else old)
    return tolerated(name, spoil, *(words or ["keywords from"]), commands=COMMAND)


TEXTS = [
    described_as(
        "of 300,000 characters", "word " * 60_000, "1 descriptions are longer than 10,000 characters", "0121977001"
    ),
    described_as("of one long word", "x" * 30_000, "longer than 10,000 characters"),
    described_as("without a letter", "?!… 12 €"),
    described_as("of control characters", "\x01\x02 top \x1b[31m"),
    described_as("of a right-to-left script", "خزانة ملابس جميلة", "1 not English"),
    described_as("of HTML", "<script>alert(1)</script> top"),
    described_as("of faces", "👗👠 " * 50),
    tolerated(
        "none at all", column(ARTICLES, "detail_desc", lambda *_: ""), "120 articles without one", commands=COMMAND
    ),
]


@pytest.fixture(scope="module")
def described(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tables and the content of the good shop, so that its descriptions are not analysed again."""
    home = tmp_path_factory.mktemp("described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        for stage in ("tables", "content"):
            assert main([stage, *flags(shop)]) == 0
    return home


@pytest.fixture
def bench(bench: Bench, described: Path) -> Bench:
    """With the caches of the content of the good shop, and no finished content."""
    shutil.copytree(described, bench.home, dirs_exist_ok=True)
    (bench.home / "output" / "tiny" / "stamps" / "content.json").unlink()
    (bench.home / "output" / "tiny" / BELONGS_TO).unlink()  # the copied home is that of a copied shop
    return bench


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spoiled_picture(case: Case, bench: Bench) -> None:
    bench.judge("pictures", case)


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.name)
def test_spoiled_description(case: Case, bench: Bench) -> None:
    bench.judge("descriptions", case)


def test_pictures_added_later_that_belong_to_no_article(bench: Bench) -> None:
    """The content is up to date, as no article has got a picture; it must be said all the same."""
    assert bench.answer(["content", *bench.given()]).code == 0
    added = tolerated("added later", at("099/0999999001.jpg", JPEG), "NO PICTURE BELONGS", commands="content")
    bench.judge("pictures", added)
