"""A model of the tiny shop, fitted once."""

import json
from pathlib import Path

import pytest

import forsys
from world import SMALL

SETTINGS = {key: json.loads(value) for key, value in SMALL.items()}


@pytest.fixture(scope="session")
def model_folder(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model lies; not to be changed."""
    folder = tmp_path_factory.mktemp("api") / "model"
    forsys.Shop(shop).fit(folder, settings=SETTINGS)
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> forsys.Model:
    """The model, read back."""
    return forsys.load(model_folder)
