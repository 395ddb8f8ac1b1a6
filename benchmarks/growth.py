"""How time and memory of the pipeline's stages grow with the shop: --input DIR, a folder of shops of several sizes.

Each shop goes through all stages, each stage in a process of its own as in `bash run.sh`, with the default settings
and outputs that are thrown away. Seconds and peak memory (GiB) are those that the stage prints itself, without its
start and without worker processes. The exponent is the slope of log seconds on log rows of the transactions, by
least squares: 1 where twice the rows take twice as long. Times below 0.1 s are left out of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from forsys.errors import DataError
from forsys.stages import STAGES
from forsys.store import read_json
from forsys.tables.dataset import tables_in

LINE = re.compile(r"^(\w+) .*\[([\d.]+) s, peak ([\d.]+) GiB\]$", re.MULTILINE)
SHORTEST = 0.1  # seconds; the line has one decimal
Figures = dict[str, tuple[float, float]]  # stage -> seconds, peak GiB


@dataclass(frozen=True)
class Measured:
    """What the stages took on a shop with so many rows of transactions."""

    shop: str
    rows: int
    figures: Figures


def run(data: Path | None) -> pd.DataFrame:
    """One row a stage, and one for all of them; two columns a shop, the smallest first."""
    return table(sorted(map(measure, shops_in(data)), key=lambda each: each.rows))


def shops_in(data: Path | None) -> list[Path]:
    """The folders with a shop's tables. Raises DataError where there are fewer than two."""
    shops = [] if data is None else sorted(path for path in data.iterdir() if path.is_dir() and tables_in(path))
    if len(shops) < 2:
        raise DataError(
            f"--input {data} holds {len(shops)} folders with a shop's tables; at least 2 are needed. Make them "
            f"with `bash run.sh sample DIR/NAME --customers N`, and name DIR."
        )
    return shops


def measure(shop: Path) -> Measured:
    """Run every stage on a shop."""
    figures: Figures = {}
    with TemporaryDirectory() as home:
        for stage in STAGES:
            command = [sys.executable, "-m", "forsys", stage, "--input", str(shop)]
            environment = os.environ | {"FORSYS_HOME": home}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            figures |= figures_in(done.stdout)
            print(f"{shop.name}: {stage} [{figures[stage][0]:.1f} s]", flush=True)
        facts = read_json(Path(home) / "output" / shop.resolve().name / "tables" / "tables.json")
    assert facts is not None
    return Measured(shop.name, facts["rows"], figures)


def figures_in(text: str) -> Figures:
    """From the lines that `forsys.progress.stage_line` prints."""
    return {stage: (float(seconds), float(peak)) for stage, seconds, peak in LINE.findall(text)}


def table(shops: Sequence[Measured]) -> pd.DataFrame:
    """One row a stage, and the sum of the seconds and the highest peak of all."""
    stages = [*shops[0].figures]
    seconds = np.array([[shop.figures[stage][0] for stage in stages] for shop in shops])
    peaks = np.array([[shop.figures[stage][1] for stage in stages] for shop in shops])
    seconds = np.column_stack([seconds, seconds.sum(axis=1)])  # (shops, stages and all)
    peaks = np.column_stack([peaks, peaks.max(axis=1)])
    columns: dict[str, object] = {"stage": [*stages, "all"]}
    for shop, own, peak in zip(shops, seconds, peaks, strict=True):
        columns |= {f"{shop.shop} ({shop.rows:,}) s": own, f"{shop.shop} GiB": peak}
    rows = np.array([shop.rows for shop in shops])
    return pd.DataFrame({**columns, "exponent": [exponent(rows, taken) for taken in seconds.T]})


def exponent(rows: np.ndarray, seconds: np.ndarray) -> float:
    """Slope of log seconds on log rows, both (shops,); NaN with fewer than two times of SHORTEST or more."""
    kept = seconds >= SHORTEST
    if np.count_nonzero(kept) < 2:
        return float("nan")
    return float(np.polyfit(np.log(rows[kept]), np.log(seconds[kept]), 1)[0])
