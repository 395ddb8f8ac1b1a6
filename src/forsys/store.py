"""Where artifacts live, and how they appear: whole or not at all, and only again when something changed."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

PACKAGE = Path(__file__).parent


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it to `path` when the block ends without an error.

    A reader, or a run that goes on after a kill, sees the old file or the new one and never a part. What the
    old one was made from is forgotten first, so that its stamp never stands beside the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        stamp_path(path).unlink(missing_ok=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file whole."""
    with whole(path) as part:
        frame.write_parquet(part, compression="zstd", compression_level=1)


def write_json(value: Any, path: Path) -> None:
    """Write a JSON file whole, with sorted keys."""
    with whole(path) as part:
        part.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file; None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-like values: the same parts give the same 16 hex digits in every process."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_fingerprint(*packages: str) -> str:
    """Hash of the source files of `packages` (folders or files below src/forsys): new code, new artifacts."""
    roots = [PACKAGE / package for package in packages]
    files = sorted(f for root in roots for f in (root.rglob("*.*") if root.is_dir() else [root]))
    sources = [file for file in files if file.suffix in (".py", ".html")]
    return fingerprint([[str(f.relative_to(PACKAGE)), f.read_text(encoding="utf-8")] for f in sources])


def is_current(artifact: Path, mark: str) -> bool:
    """Whether `artifact` exists and was made from what `mark` stands for."""
    stamp = stamp_path(artifact)
    return artifact.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == mark


def set_current(artifact: Path, mark: str) -> None:
    """Record, after `artifact` is whole, what it was made from."""
    with whole(stamp_path(artifact)) as part:
        part.write_text(mark, encoding="utf-8")


def stamp_path(artifact: Path) -> Path:
    """The file beside an artifact that holds its fingerprint."""
    return artifact.with_name(f".{artifact.name}.made-from")
