"""A learned encoder of pictures: any Keras image model from disk. Its output becomes a feature."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from forsys.content.decoding import SIDE, Pixels
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint

BATCH = 64  # pictures

Floats = npt.NDArray[np.float32]


def encoder_fingerprint(path: Path) -> str:
    """Fingerprint of the model file (path, size, time) and of the code here. Raises DataError without a file."""
    if not path.is_file():
        raise DataError(f"content.image_encoder: there is no file {path}. Give the path of a Keras model (.keras).")
    stat = path.stat()
    return fingerprint(code_fingerprint(__name__), str(path.resolve()), stat.st_size, stat.st_mtime_ns)


class Encoder:
    """A Keras model from (batch, height, width, 3), R, G and B from 0 to 255, to (batch, …, features)."""

    def __init__(self, path: Path) -> None:
        """Load it. Raises DataError unless it is a Keras model that takes one picture and returns one array."""
        import keras  # here, since it takes seconds and is rarely needed

        try:
            self.model = keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras raises anything for a file of another format
            raise DataError(f"content.image_encoder: {path} is not a Keras model (.keras): {error}") from error
        self.height, self.width = _input_size(path, self.model.input_shape)
        if not isinstance(self.model.output_shape, tuple) or self.model.output_shape[-1] is None:
            raise DataError(
                f"content.image_encoder: {path} returns {self.model.output_shape}, and an encoder returns one "
                "array with a fixed number of features. Cut the model at such a layer."
            )

    def encode(self, pictures: Sequence[Pixels]) -> Floats:
        """Embedding of each picture, (pictures, features); a feature map is averaged over its positions.

        Each picture is scaled to fit the model's input, undistorted and centred on white.
        """
        features = self.model.output_shape[-1]
        if not pictures:
            return np.zeros((0, features), dtype=np.float32)
        inputs = np.stack([self._fitted(pixels) for pixels in pictures])
        output = np.asarray(self.model.predict(inputs, batch_size=BATCH, verbose=0), dtype=np.float32)
        encoded: Floats = output.reshape(len(pictures), -1, features).mean(axis=1)
        return encoded

    def _fitted(self, pixels: Pixels) -> Floats:
        size = (self.width, self.height)
        fitted = ImageOps.pad(Image.fromarray(pixels), size, Image.Resampling.BILINEAR, color="white")
        return np.asarray(fitted, dtype=np.float32)


def _input_size(path: Path, shape: object) -> tuple[int, int]:
    """Height and width of the pictures that a model takes; SIDE where it takes any size."""
    if not (isinstance(shape, tuple) and len(shape) == 4 and shape[-1] == 3):
        raise DataError(
            f"content.image_encoder: {path} takes {shape}, and an image model takes (batch, height, width, 3). "
            "Choose a model with one RGB picture as its input, channels last."
        )
    return shape[1] or SIDE, shape[2] or SIDE
