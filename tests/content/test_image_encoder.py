from pathlib import Path

import numpy as np
import polars as pl
import pytest
from garments import block, shirt, striped
from PIL import Image

from forsys.content.image_encoder import Encoder, encoder_fingerprint
from forsys.content.pictures import PICTURES, describe_pictures
from forsys.errors import DataError
from forsys.settings import ContentSettings

keras = pytest.importorskip("keras")


def saved(path: Path, layers: list[object], shape: tuple[int | None, ...]) -> Path:
    keras.Sequential([keras.Input(shape), *layers]).save(path)
    return path


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that returns the means of R, G and B of the picture at 32 x 48."""
    path = tmp_path_factory.mktemp("model") / "means.keras"
    return saved(path, [keras.layers.GlobalAveragePooling2D()], (48, 32, 3))


def test_pictures_go_in_as_rgb_from_0_to_255_on_white(means: Path) -> None:
    encoded = Encoder(means).encode([block(box=(0, 0, 128, 128)), striped()])
    assert encoded.shape == (2, 3) and encoded.dtype == np.float32
    red_on_white = (np.array([200, 30, 40]) * 32 + 255 * 16) / 48  # 32 of 48 rows are the picture
    np.testing.assert_allclose(encoded[0], red_on_white, atol=1)
    assert Encoder(means).encode([]).shape == (0, 3)


def test_a_feature_map_is_averaged_and_any_size_is_taken(tmp_path: Path) -> None:
    path = saved(tmp_path / "map.keras", [keras.layers.AveragePooling2D(4)], (None, None, 3))
    np.testing.assert_allclose(Encoder(path).encode([shirt()])[0], shirt().mean(axis=(0, 1)), rtol=1e-4)


def test_the_pass_over_all_pictures_adds_the_encoding(
    tmp_path: Path, means: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, pixels in (("0100000000", shirt()), ("0100000002", striped())):
        path = tmp_path / "images" / "010" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (path.parent / "0100000001.jpg").write_bytes(b"")
    articles = pl.DataFrame({"article": range(4), "article_id": [f"010000000{i}" for i in range(4)]}).cast(
        {"article": pl.Int32}
    )
    settings = ContentSettings(colour_tolerance=12, max_colours=6, max_keywords=5, image_encoder=means)
    described = describe_pictures(tmp_path / "images", articles, tmp_path / "content", settings)
    assert described.schema == PICTURES | {"encoding": pl.Array(pl.Float32, 3)}
    assert described["encoding"].is_null().to_list() == [False, True, False, True]
    assert described["encoding"][0][0] > described["encoding"][2][1]
    plain = settings.model_copy(update={"image_encoder": None})
    without = describe_pictures(tmp_path / "images", articles, tmp_path / "without", plain)
    assert described.drop("encoding").equals(without)
    monkeypatch.setattr("forsys.content.pictures.Encoder", None)  # a second pass loads no model
    assert describe_pictures(tmp_path / "images", articles, tmp_path / "content", settings).equals(described)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*model\.keras"):
        encoder_fingerprint(tmp_path / "model.keras")


def test_a_file_that_is_not_a_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_text("not a model")
    with pytest.raises(DataError, match="is not a Keras model"):
        Encoder(tmp_path / "model.keras")


@pytest.mark.parametrize("shape", [(10,), (32, 32, 1), (3, 32, 32)])
def test_a_model_of_something_else_is_an_error(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = saved(tmp_path / "model.keras", [keras.layers.Flatten()], shape)
    with pytest.raises(DataError, match=r"takes .* and an image model takes"):
        Encoder(path)


def test_a_changed_model_has_another_fingerprint(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.keras", [keras.layers.GlobalAveragePooling2D()], (8, 8, 3))
    before = encoder_fingerprint(path)
    saved(path, [keras.layers.GlobalMaxPooling2D()], (8, 8, 3))
    assert encoder_fingerprint(path) != before
