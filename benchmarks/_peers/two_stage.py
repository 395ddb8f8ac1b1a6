"""RecTools' two-stage model, run in the Python that is named for it, since it needs an older NumPy than forsys."""

import os
import subprocess
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks._peers import Peer
from forsys.arrays import Ints
from forsys.errors import DataError
from forsys.fingerprints import fingerprint
from forsys.tables.history import History

SCRIPT = Path(__file__).with_name("rectools_two_stage.py")
HOW_TO_GET = "python3.11 -m venv rectools-env && rectools-env/bin/pip install -r benchmarks/_peers/rectools.txt"


def two_stage(python: Path) -> dict[str, Peer]:
    """The model, run by an interpreter that has what it needs. Raises DataError where that is not so."""
    try:
        done = subprocess.run([python, "-c", "import rectools, lightgbm"], capture_output=True, text=True)
        fault = done.stderr.strip().rpartition("\n")[2]
    except OSError as error:
        fault = str(error.strerror)
    if fault:
        raise DataError(f"--rectools-python {python}: {fault}. Make one with `{HOW_TO_GET}`.")
    return {
        "two-stage model (RecTools)": Peer(partial(lists, python), fingerprint(SCRIPT.read_text(encoding="utf-8")))
    }


def lists(python: Path, log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
    """What the script makes of the purchases in `log`, which ends before the cut-off."""
    del as_of
    with TemporaryDirectory() as folder:
        train, wanted, made = (Path(folder) / f"{name}.parquet" for name in ("train", "customers", "lists"))
        days = pl.Series("day", log.day).cast(pl.Date).cast(pl.Datetime("ms"))
        pl.DataFrame({"customer": log.customer, "article": log.article, "day": days}).write_parquet(train)
        pl.DataFrame({"customer": customers}).write_parquet(wanted)
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # as implicit asks for
        subprocess.run([python, SCRIPT, train, wanted, made, str(k)], env=environment, check=True)
        return pl.read_parquet(made)
