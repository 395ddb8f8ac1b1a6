"""Every block of docs/python.md runs, in order."""

import re
from pathlib import Path

import pytest

from world import PROJECT, make_shop

BLOCKS = re.findall(r"```python\n(.*?)```", (PROJECT / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)


def test_every_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shop(tmp_path / "shop")
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/python.md", "exec"), known)
    assert (tmp_path / "lists.parquet").exists() and len(BLOCKS) > 10
