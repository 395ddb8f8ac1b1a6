"""The registry of cells: light to import, checked in a config, and all that a new cell needs."""

import os
import subprocess
import sys
from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from forsys.recurrent.cells import CELLS, Cell
from forsys.recurrent.config import NetworkConfig
from forsys.retrieval.next_item import NextItem
from forsys.tables.history import History


def test_a_config_is_checked_without_tensorflow() -> None:
    code = "import sys; from forsys.recurrent.config import NetworkConfig; NetworkConfig(cell='lstm'); "
    code += "assert 'tensorflow' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True
    )


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValidationError, match=f"should be one of {', '.join(CELLS)}"):
        NetworkConfig(cell="grue")


def test_an_entry_in_the_table_is_enough(
    world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network with ReLU in place of tanh trains, and gives other scores."""

    def relu(projected: Any, state: Any, kernel: Any, bias: Any) -> Any:
        from forsys.recurrent.backend import tf

        del bias
        return (tf.nn.relu(projected + tf.matmul(state[0], kernel)),)

    monkeypatch.setitem(CELLS, "relu", Cell("ReLU RNN", "SimpleRNNCell", 1, relu))
    profiles = world.profiles(np.arange(300, dtype=np.int32), world_as_of)
    found = [
        NextItem(cell=cell, embedding_dim=8, epochs=1).fit(world, world_as_of).scores(profiles)
        for cell in ("relu", "simple_rnn")
    ]
    assert np.isfinite(found[0]).all()
    assert np.abs(found[0] - found[1]).max() > 1e-3
