import numpy as np
import pytest
from garments import NAVY, STUDIO, WHITE, block, noisy, shirt

from forsys.content.colour import to_lab
from forsys.content.decoding import Pixels
from forsys.content.silhouette import silhouette, without_rim


def overlap(pixels: Pixels, truth: Pixels) -> float:
    """Intersection over union of the found and the drawn garment."""
    found, drawn = silhouette(to_lab(pixels)), (truth != STUDIO).any(axis=-1)
    return float((found & drawn).sum() / (found | drawn).sum())


def test_a_clean_garment_is_found_to_the_pixel() -> None:
    assert overlap(shirt(), shirt()) == 1.0


@pytest.mark.parametrize("colour", [NAVY, WHITE, (215, 200, 180), (120, 120, 120)])
def test_a_garment_is_found_through_noise_and_uneven_light(colour: tuple[int, int, int]) -> None:
    assert overlap(noisy(shirt(colour)), shirt(colour)) > 0.9


def test_several_garments_are_kept_and_specks_are_not() -> None:
    pixels = block(box=(10, 10, 50, 110))
    pixels[20:90, 70:110] = NAVY
    pixels[120:122, 60:62] = NAVY
    mask = silhouette(to_lab(pixels))
    assert mask[50, 30] and mask[50, 90]
    assert not mask[121, 61]


def test_the_background_between_two_legs_stays_background() -> None:
    pixels = block(box=(20, 10, 100, 120))
    pixels[40:110, 45:75] = STUDIO
    assert not silhouette(to_lab(pixels))[80, 60]


@pytest.mark.parametrize(
    "pixels", [block(around=(200, 30, 40)), np.tile(np.array([[[0], [255]]], np.uint8), (64, 64, 3))]
)
def test_without_a_garment_or_a_background_all_pixels_are_taken(pixels: Pixels) -> None:
    assert silhouette(to_lab(pixels)).all()


def test_the_rim_is_left_out_unless_the_garment_is_thin() -> None:
    mask = (block() != STUDIO).any(axis=-1)
    assert without_rim(mask).sum() == 62 * 78
    thin = (block(box=(60, 10, 62, 110)) != STUDIO).any(axis=-1)
    np.testing.assert_array_equal(without_rim(thin), thin)
