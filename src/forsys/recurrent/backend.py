"""TensorFlow and Keras, imported without the greeting of ten lines that no setting switches off.

(TF_CPP_MIN_LOG_LEVEL does not reach what is said while the library loads: tensorflow/tensorflow#100442.)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """What is written to file descriptor 2 is dropped; Python's exceptions still come through afterwards."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


with _silent_stderr():
    import keras
    import tensorflow as tf

    tf.config.list_logical_devices()  # looks for GPUs, and says so where there are none

__all__ = ["keras", "tf"]
