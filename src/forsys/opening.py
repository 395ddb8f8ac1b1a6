"""Opening a run: its settings are read and checked, its data found, or a sample of generated data made."""

import os
from collections.abc import Sequence
from pathlib import Path

from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint
from forsys.locking import locked
from forsys.progress import say, stage_line
from forsys.ranking.features import chosen
from forsys.retrieval.registry import check_sources
from forsys.run import Run
from forsys.settings import load_settings
from forsys.store import is_current, write_stamp
from forsys.tables.dataset import DataSet, locate
from forsys.workspace import Workspace


def open_run(
    folder: Path | None = None,
    *,
    preset: str = "default",
    overrides: Sequence[str] = (),
    max_rejected: float = 0.01,
    home: Path | None = None,
) -> Run:
    """A run on the data in `folder`, or on those that `find_data` finds; output goes below `home`.

    `home` is by default the folder in FORSYS_HOME, or else the working directory. Raises DataError for settings
    that cannot be used and for a folder without data.
    """
    settings = load_settings(preset, overrides)
    check_sources(settings)
    chosen(settings.ranking.features)
    home = home or home_folder()
    dataset = find_data(folder, home)
    if not dataset.name:  # the folder / has none, and output would go to all data sets' folder
        raise DataError(f"{dataset.origin}: this folder has no name. Put the tables into a folder of their own.")
    return Run(dataset, settings, Workspace(home, dataset.name), max_rejected)


def home_folder() -> Path:
    """Where output goes: the folder in FORSYS_HOME, or else the working directory."""
    return Path(os.environ.get("FORSYS_HOME") or Path.cwd())


def find_data(folder: Path | None, home: Path) -> DataSet:
    """The data to work on; where there are none, the generated sample, made if it is not there yet."""
    found = locate(folder, os.environ, home)
    if found is not None:
        return found
    from forsys.sample.shop import generate  # here, since most runs have data

    sample, made_from = home / "output" / "sample" / "input", code_fingerprint("forsys.sample.shop")
    if not is_current(sample, made_from):
        say("No data found: making a sample of generated data (put Kaggle's files into input/ for real ones).")
        with stage_line("sample") as made, locked(sample.parent):
            generate(sample)
            write_stamp(sample, made_from)
            made.append(f"{sample.relative_to(home)}: a small fashion shop, generated")
    return DataSet("sample", sample, True, "generated sample")
