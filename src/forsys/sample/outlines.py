"""Outlines of garments as polygons, from outlines.toml: x from -1 (left) to 1 (right), y from 0 (top) to 1."""

import tomllib
from pathlib import Path

Polygon = list[tuple[float, float]]

SHAPES = tomllib.loads(Path(__file__).with_name("outlines.toml").read_text(encoding="utf-8"))


def outline(shape: str, long: float, wide: float) -> list[Polygon]:
    """The polygons of a shape, stretched by `long` and `wide` from the middle, so that designs of a kind differ."""
    return [[(x * wide, 0.5 + (y - 0.5) * long) for x, y in polygon] for polygon in _polygons(shape)]


def _polygons(shape: str) -> list[Polygon]:
    """The polygons of a shape, not stretched."""
    if half := SHAPES["halves"].get(shape):
        return [half + _mirrored(half)[::-1]]
    if pieces := SHAPES["pairs"].get(shape):
        return [side for polygon in pieces for side in (polygon, _mirrored(polygon))]
    whole: list[Polygon] = SHAPES["whole"][shape]
    return whole


def _mirrored(polygon: Polygon) -> Polygon:
    return [(-x, y) for x, y in polygon]
