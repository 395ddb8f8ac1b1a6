import numpy as np
import numpy.typing as npt
import pytest
from garments import NAVY, RED, STUDIO, block, shirt
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys.content.colour import to_lab
from forsys.content.decoding import Pixels
from forsys.content.shape import SHAPE_PARTS, SHAPE_WIDTH, shape_vector
from forsys.content.silhouette import silhouette


def shape(pixels: Pixels) -> dict[str, npt.NDArray[np.float32]]:
    lab = to_lab(pixels)
    vector = shape_vector(lab, silhouette(lab))
    assert vector.shape == (SHAPE_WIDTH,) and vector.dtype == np.float32
    return dict(zip(SHAPE_PARTS, np.split(vector, np.cumsum(list(SHAPE_PARTS.values()))[:-1]), strict=True))


def test_a_rectangle() -> None:
    found = shape(block(box=(32, 24, 96, 104)))
    expected = {
        "height": 80 / 128,
        "width": 64 / 128,
        "aspect": np.log(80 / 64),
        "area": 64 * 80 / 128**2,
        "extent": 1,
        "solidity": 1,
        "symmetry": 1,
    }
    assert {name: found[name].item() for name in expected} == pytest.approx(expected, rel=1e-6)
    thumbnail = found["thumbnail"].reshape(12, 12)
    np.testing.assert_allclose(thumbnail[:, 3:9], 1, atol=0.1)
    np.testing.assert_allclose(thumbnail[:, [0, 11]], 0, atol=0.1)


def test_an_l_has_a_hull_larger_than_itself_and_no_symmetry() -> None:
    """Two squares below each other and one beside the lower: the hull adds half a square."""
    pixels = block(box=(30, 30, 50, 70))
    pixels[50:70, 50:70] = RED
    found = shape(pixels)
    assert found["extent"].item() == pytest.approx(3 / 4)
    assert found["solidity"].item() == pytest.approx(3 / 3.5)
    assert found["symmetry"].item() == pytest.approx(2 / 3)


def test_hu_moments_do_not_turn_with_the_garment() -> None:
    upright, lying = shape(shirt()), shape(np.ascontiguousarray(np.rot90(shirt())))
    np.testing.assert_allclose(upright["hu"][:3], lying["hu"][:3], rtol=1e-4)
    assert upright["aspect"].item() == pytest.approx(-lying["aspect"].item())


def test_the_shape_is_the_same_at_another_position_but_not_for_another_garment() -> None:
    moved = np.roll(shirt(), (5, 4), axis=(0, 1))
    np.testing.assert_allclose(
        np.concatenate(list(shape(shirt()).values())), np.concatenate(list(shape(moved).values())), atol=1e-4
    )
    assert np.abs(shape(shirt())["hog"] - shape(block())["hog"]).max() > 0.1


def test_lines_within_the_garment_change_its_shape() -> None:
    pixels = shirt().copy()
    pixels[60:100, 62:66] = NAVY
    assert np.abs(shape(shirt())["hog"] - shape(pixels)["hog"]).max() > 0.1
    np.testing.assert_array_equal(shape(shirt())["thumbnail"], shape(pixels)["thumbnail"])


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(8, 40))
def test_any_mask_has_a_finite_shape(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < rng.random()
    mask[rng.integers(height), rng.integers(width)] = True
    lab = rng.uniform(0, 100, (height, width, 3)).astype(np.float32)
    vector = shape_vector(lab, mask)
    assert np.isfinite(vector).all()
    proportions = vector[10:14]  # area, extent, solidity, symmetry
    assert ((proportions > 0) | (np.arange(4) == 3)).all() and (proportions <= 1.0001).all()


def test_a_studio_without_a_garment_is_a_full_square() -> None:
    assert shape(np.full((128, 128, 3), STUDIO, np.uint8))["extent"].item() == 1
