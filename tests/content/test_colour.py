import numpy as np
import pytest
from garments import NAVY, RED, STUDIO, block, noisy, shirt, striped
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys.content.colour import (
    COLOUR_PARTS,
    COLOUR_WIDTH,
    Floats,
    Palette,
    colour_features,
    count_colours,
    garment_palette,
    histogram_centres,
    to_lab,
)
from forsys.content.decoding import Pixels
from forsys.content.silhouette import silhouette

HEX = {colour: "#{:02x}{:02x}{:02x}".format(*colour) for colour in (RED, NAVY, STUDIO)}


def colours(pixels: Pixels, colour_tolerance: float = 12, max_colours: int = 6) -> tuple[Palette, Floats]:
    lab = to_lab(pixels)
    return colour_features(pixels, lab, silhouette(lab), colour_tolerance, max_colours)


def whole_palette(pixels: Pixels, colour_tolerance: float, max_colours: int) -> Palette:
    """The palette of a picture with its background."""
    everything = np.ones(pixels.shape[:2], dtype=np.bool_)
    return garment_palette(count_colours(pixels, to_lab(pixels), everything), colour_tolerance, max_colours)


def part(vector: Floats, name: str) -> Floats:
    names = list(COLOUR_PARTS)
    starts = np.cumsum([0, *COLOUR_PARTS.values()])
    position = names.index(name)
    return vector[starts[position] : starts[position + 1]]


def test_the_palette_of_one_colour() -> None:
    palette, _ = colours(block())
    assert palette.hex == [HEX[RED]]
    assert palette.share.tolist() == [1.0]
    np.testing.assert_allclose(palette.lab[0], to_lab(np.array([[RED]], np.uint8))[0, 0], rtol=1e-5)


def test_the_palette_of_stripes_has_their_shares() -> None:
    palette, vector = colours(striped())
    assert palette.hex == [HEX[RED], HEX[NAVY]]
    assert palette.share.tolist() == pytest.approx([0.75, 0.25], abs=0.02)
    assert part(vector, "pattern")[0] == pytest.approx(0.25, abs=0.02)


def test_the_whole_picture_counts_its_background() -> None:
    palette = whole_palette(striped(), 12, 6)
    assert palette.hex == [HEX[STUDIO], HEX[RED], HEX[NAVY]]
    assert palette.share.tolist() == pytest.approx([0.6875, 0.234375, 0.078125])


def test_colours_nearer_than_the_tolerance_become_the_more_frequent_one() -> None:
    near = (200, 42, 40)
    distance = float(np.linalg.norm(np.diff(to_lab(np.array([[RED, near]], np.uint8))[0], axis=0)))
    assert colours(striped(RED, near), distance + 0.1)[0].hex == [HEX[RED]]
    assert len(colours(striped(RED, near), distance - 0.1)[0].hex) == 2


def test_merging_is_not_chained() -> None:
    """Grey 100 takes 110 and not 120, which is near to 110 alone, as with extcolors."""
    pixels = np.repeat(np.array([100] * 50 + [110] * 30 + [120] * 20, np.uint8), 3).reshape(10, 10, 3)
    step = float(
        to_lab(np.full((1, 1, 3), 110, np.uint8))[0, 0, 0] - to_lab(np.full((1, 1, 3), 100, np.uint8))[0, 0, 0]
    )
    palette = whole_palette(pixels, step * 1.2, 6)
    assert palette.hex == ["#646464", "#787878"]
    assert palette.share.tolist() == pytest.approx([0.8, 0.2])


def test_max_colours_keeps_the_largest_after_merging() -> None:
    assert colours(striped(), max_colours=1)[0].hex == [HEX[RED]]


def test_the_vector_of_a_garment_of_one_colour() -> None:
    _, vector = colours(block())
    lab = to_lab(np.array([[RED]], np.uint8))[0, 0]
    assert vector.shape == (COLOUR_WIDTH,) and vector.dtype == np.float32
    for name in ("mean", "centre"):
        np.testing.assert_allclose(part(vector, name), lab, rtol=1e-4)
    np.testing.assert_allclose(part(vector, "standard deviation"), 0, atol=0.05)
    np.testing.assert_allclose(part(vector, "main colours").reshape(3, 4)[:, 3], [1, 0, 0])
    assert part(vector, "contrast")[0] == pytest.approx(0, abs=1e-4) and part(vector, "pattern")[0] == 0
    centres, _ = histogram_centres()
    nearest = np.linalg.norm(centres - lab, axis=1).argmin()
    assert part(vector, "histogram").argmax() == nearest


def test_the_background_does_not_change_the_vector() -> None:
    np.testing.assert_allclose(
        colours(shirt())[1], colours(np.where(shirt() == STUDIO, np.uint8(250), shirt()))[1], atol=1e-3
    )


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert colours(noisy(striped()))[1].tobytes() == colours(noisy(striped()))[1].tobytes()


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.integers(0, 2**32 - 1), st.floats(1, 60), st.integers(1, 8))
def test_any_picture_has_a_palette_within_its_bounds(seed: int, tolerance: float, max_colours: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (1, rng.integers(1, 9), 3)).repeat(16, axis=0).repeat(4, axis=1).astype(np.uint8)
    palette = whole_palette(pixels, tolerance, max_colours)
    assert 1 <= len(palette.hex) <= max_colours
    assert (np.diff(palette.share) <= 0).all() and palette.share.sum() <= 1.00001
    apart = np.linalg.norm(palette.lab[:, None] - palette.lab, axis=-1) + 1e3 * np.eye(len(palette.lab))
    assert (apart >= tolerance - 1e-3).all()
    everything = np.ones(pixels.shape[:2], dtype=np.bool_)
    _, vector = colour_features(pixels, to_lab(pixels), everything, tolerance, max_colours)
    assert np.isfinite(vector).all()
    assert np.square(part(vector, "histogram")).sum() == pytest.approx(1, abs=1e-4)
