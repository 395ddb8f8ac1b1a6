"""The page that people look at."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forsys.run import Run


def write_report(run: "Run", target: Path) -> None:
    """Write report.html."""
    target.write_text("todo", encoding="utf-8")
