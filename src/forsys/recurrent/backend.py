"""TensorFlow and Keras, imported without their ten lines of start-up messages, which no setting switches off.

(TF_CPP_MIN_LOG_LEVEL does not reach messages written while the library loads: tensorflow/tensorflow#100442.)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what is written to file descriptor 2; Python exceptions still show afterwards."""
    stderr, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)


with _silent_stderr():
    import keras
    import tensorflow as tf

    tf.config.list_logical_devices()  # looks for GPUs, with a message where there are none

Tensors = tuple[tf.Tensor, ...]
__all__ = ["Tensors", "keras", "tf"]
