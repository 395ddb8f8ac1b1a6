"""The recurrent cells. To add one, write its step and enter it in CELLS: everything else reads this table.

TensorFlow is imported inside the steps, so that a config can be checked without loading it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forsys.recurrent.backend import Tensors, tf


@dataclass(frozen=True)
class Cell:
    """A cell whose weights are those of a Keras cell layer: kernel, recurrent kernel and bias."""

    title: str  # in tables
    layer: str  # name of the Keras layer, in keras.layers
    num_states: int  # tensors (rows, units) of its state, the first of which is the output
    advance: Callable[[tf.Tensor, Tensors, tf.Tensor, tf.Tensor], Tensors]
    """The next state, from the projected input (input @ kernel + bias), the state, recurrent kernel and bias."""


def _simple_rnn(projected: tf.Tensor, state: Tensors, kernel: tf.Tensor, _bias: tf.Tensor) -> Tensors:
    from forsys.recurrent.backend import tf

    return (tf.tanh(projected + tf.matmul(state[0], kernel)),)


def _lstm(projected: tf.Tensor, state: Tensors, kernel: tf.Tensor, _bias: tf.Tensor) -> Tensors:
    from forsys.recurrent.backend import tf

    gate_in, forget, candidate, gate_out = tf.split(projected + tf.matmul(state[0], kernel), 4, axis=1)
    carry = tf.sigmoid(forget) * state[1] + tf.sigmoid(gate_in) * tf.tanh(candidate)
    return tf.sigmoid(gate_out) * tf.tanh(carry), carry


def _gru(projected: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
    """With the bias inside the reset gate, Keras's `reset_after`: row 0 of `bias` is part of `projected`."""
    from forsys.recurrent.backend import tf

    update, reset, candidate = tf.split(projected, 3, axis=1)
    update_state, reset_state, candidate_state = tf.split(tf.matmul(state[0], kernel) + bias[1], 3, axis=1)
    update, reset = tf.sigmoid(update + update_state), tf.sigmoid(reset + reset_state)
    return (update * state[0] + (1 - update) * tf.tanh(candidate + reset * candidate_state),)


CELLS = {
    "simple_rnn": Cell("Simple RNN", "SimpleRNNCell", 1, _simple_rnn),
    "lstm": Cell("LSTM", "LSTMCell", 2, _lstm),
    "gru": Cell("GRU", "GRUCell", 1, _gru),
}
