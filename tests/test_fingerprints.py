"""Fingerprints of values, and of the code that a module imports."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forsys import fingerprints
from forsys.fingerprints import code_fingerprint, fingerprint, imported_modules
from world import PROJECT

FILES = {
    "__init__.py": "",
    "ground.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop_code import above\n",
    "deep/__init__.py": "",
    "deep/helper.py": "import shop_code.ground\n",
    "deep/other.py": "",
    "source.py": "from shop_code.deep import helper\n",
    "trainer.py": "def train():\n    from .source import something\n",
    "above.py": "from shop_code import trainer\n",
    "beside.py": "from shop_code.deep.other import x\n",
}


def clear() -> None:
    """As a new process finds it."""
    for name in ("code_fingerprint", "imported_modules", "_imports_of", "_find_source", "_source_file"):
        getattr(fingerprints, name).cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package outside forsys, as somebody's own sources are."""
    for name, text in FILES.items():
        path = tmp_path / "shop_code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    clear()
    yield tmp_path / "shop_code"
    clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop_code"]:
        del sys.modules[name]


def test_fingerprint_sees_values_and_not_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    different = [(), (1,), ("1",), (1, 2), ([1, 2],), ({"a": 1},), ({"a": 2},), (None,), (1.5,)]
    assert len({fingerprint(*parts) for parts in different}) == len(different)


def test_fingerprint_is_the_same_in_every_process() -> None:
    """Not Python's hash(), which is salted; and it is the same next year: this figure was written down."""
    assert fingerprint("tables", {"shard": 3}) == "c8b6cb128da17c5d"
    code = "from forsys.fingerprints import *; print(fingerprint('x', {'b': 1, 'a': None}))"
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "src"), "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == fingerprint("x", {"b": 1, "a": None})


@pytest.mark.usefixtures("package")
def test_imports_are_followed_to_the_ground() -> None:
    """Through relative imports, a package's modules and imports within functions, but not under TYPE_CHECKING."""
    expected = {"trainer", "source", "deep.helper", "ground"}
    assert imported_modules("shop_code.trainer") == {f"shop_code.{name}" for name in expected}
    assert imported_modules("shop_code.ground") == {"shop_code.ground"}
    assert imported_modules("shop_code.beside") == {"shop_code.beside", "shop_code.deep.other"}


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("ground.py", {"ground", "deep.helper", "source", "trainer", "above"}),
        ("deep/helper.py", {"deep.helper", "source", "trainer", "above"}),
        ("deep/other.py", {"deep.other", "beside"}),
        ("above.py", {"above"}),
    ],
)
def test_a_change_makes_stale_what_stands_above_and_nothing_beside(
    package: Path, changed: str, stale: set[str]
) -> None:
    names = ["ground", "deep.helper", "deep.other", "source", "trainer", "above", "beside"]
    before = {name: code_fingerprint(f"shop_code.{name}") for name in names}
    with (package / changed).open("a", encoding="utf-8") as file:
        file.write("changed = True\n")
    clear()
    after = {name: code_fingerprint(f"shop_code.{name}") for name in names}
    assert {name for name in names if after[name] != before[name]} == stale


def test_a_folder_without_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python imports it too, as a namespace package."""
    folder = tmp_path / "shop_code"
    folder.mkdir()
    (folder / "helper.py").write_text("", encoding="utf-8")
    (folder / "mine.py").write_text("from shop_code import helper\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    clear()
    assert imported_modules("shop_code.mine") == {"shop_code.mine", "shop_code.helper"}
    before = code_fingerprint("shop_code.mine")
    (folder / "helper.py").write_text("CHANGED = True\n", encoding="utf-8")
    clear()
    assert code_fingerprint("shop_code.mine") != before
    clear()


def test_a_template_counts_as_code(package: Path) -> None:
    before = code_fingerprint("shop_code.above")
    (package / "page.html").write_text("<p>", encoding="utf-8")
    clear()
    assert code_fingerprint("shop_code.above") != before


def test_the_project_s_own_modules() -> None:
    """What used to be listed by hand, and was listed wrongly."""
    next_item = imported_modules("forsys.retrieval.next_item")
    assert {"forsys.recurrent.network", "forsys.recurrent.optimizer", "forsys.tables.history"} <= next_item
    repurchase = imported_modules("forsys.retrieval.repurchase")
    assert not [name for name in repurchase if ".recurrent" in name or ".ranking" in name or ".report" in name]
