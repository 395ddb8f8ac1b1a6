"""A learned encoder of pictures: any Keras image model from disk, whose output becomes a feature."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from forsys.content.decoding import SIDE, Pixels
from forsys.errors import DataError
from forsys.store import code_fingerprint, fingerprint

BATCH = 64  # pictures

Floats = npt.NDArray[np.float32]


def encoder_mark(path: Path) -> str:
    """Fingerprint of an encoder: a changed file, or new code here, is another encoder. Raises DataError."""
    if not path.is_file():
        raise DataError(f"content.image_encoder: there is no file {path}. Give the path of a Keras model (.keras).")
    stat = path.stat()
    code = code_fingerprint("content/decoding.py", "content/encoder.py")
    return fingerprint(code, str(path.resolve()), stat.st_size, stat.st_mtime_ns)


class Encoder:
    """A Keras model from (batch, height, width, 3), R, G and B from 0 to 255, to (batch, .., features)."""

    def __init__(self, path: Path) -> None:
        """Load it. Raises DataError where it is not a Keras model that takes one picture and gives one array."""
        import keras  # here, for it takes seconds and few need it

        try:
            self.model = keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras raises whatever a file that is none of its own leads it to
            raise DataError(f"content.image_encoder: {path} is not a Keras model (.keras): {error}") from error
        self.height, self.width = _input_size(path, self.model.input_shape)
        if not isinstance(self.model.output_shape, tuple) or self.model.output_shape[-1] is None:
            raise DataError(
                f"content.image_encoder: {path} gives {self.model.output_shape}, and an encoder gives one array "
                "with a fixed number of features. Cut the model at such a layer."
            )

    def encode(self, pictures: Sequence[Pixels]) -> Floats:
        """Embedding of each picture, (pictures, features); places of a feature map are averaged.

        A picture is brought into the middle of the model's input, undistorted, on white.
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
    """Height and width of the pictures that a model takes; SIDE where it takes any."""
    if not (isinstance(shape, tuple) and len(shape) == 4 and shape[-1] == 3):
        raise DataError(
            f"content.image_encoder: {path} takes {shape}, and an image model takes (batch, height, width, 3). "
            "Choose a model with one RGB picture as its input, channels last."
        )
    return shape[1] or SIDE, shape[2] or SIDE
