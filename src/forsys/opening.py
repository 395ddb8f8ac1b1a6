"""Opening a run: its settings are read and checked, its data found, or a sample of generated data made."""

import os
from collections.abc import Sequence
from pathlib import Path

from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint
from forsys.locking import locked
from forsys.made_files import refresh_copy
from forsys.optional_parts import require_part
from forsys.progress import say, stage_line
from forsys.ranking.features import chosen
from forsys.remote import attach, is_url, remote_of
from forsys.retrieval.registry import check_sources, without_missing_parts
from forsys.run import Run
from forsys.settings import Settings, load_settings
from forsys.store import is_current, write_stamp
from forsys.tables.dataset import DataSet, locate
from forsys.tables.shop_file import SHOP_FILE
from forsys.workspace import SAMPLE, sample_folder, workspace_of


def open_run(
    folder: str | Path | None = None,
    *,
    preset: str = "default",
    overrides: Sequence[str] = (),
    max_rejected: float = 0.01,
    home: str | Path | None = None,
    make_sample: bool = True,
) -> Run:
    """A run on the data in `folder`, or on those that `find_data` finds; output goes below `home`.

    Both may be paths or URLs; `home` is as of `home_folder`. Raises DataError for settings
    that cannot be used, for a folder without data, and where there are no data and no sample may be made.
    """
    settings = checked_settings(preset, overrides)
    home = home_folder(home)
    dataset = find_data(folder, home, make_sample=make_sample)
    if not dataset.name:  # the folder / has none, and output would go to all data sets' folder
        raise DataError(f"{dataset.origin}: this folder has no name. Put the tables into a folder of their own.")
    return Run(dataset, settings, workspace_of(home, dataset.name, _place(dataset)), max_rejected)


def _place(dataset: DataSet) -> Path:
    """What tells a data set from others: its folder, or its shop file where a folder may hold several."""
    file = dataset.shop_file
    return dataset.folder if file is None or file.name == SHOP_FILE else file


def home_folder(place: str | Path | None = None) -> Path:
    """Where output goes: `place`, or else the folder in FORSYS_HOME, or else the working directory.

    Of a URL, it is the copy on this machine, which is brought up to date. DataError where there is no such folder,
    and for a file.
    """
    try:
        place = place or os.environ.get("FORSYS_HOME") or Path.cwd()
    except FileNotFoundError as error:
        raise DataError("The working directory is gone. Change to a folder that is there.") from error
    if not is_url(place):
        folder = Path(place).absolute()  # the working directory may change while a model is in use
        if folder.is_file():
            raise DataError(f"{folder} is a file. Name a folder for the output.")
        return folder
    home = attach(str(place))
    refresh_copy(home)
    return home


def checked_settings(preset: str = "default", overrides: Sequence[str] = ()) -> Settings:
    """The settings, with every key checked, those of sources and feature groups too. Raises DataError.

    Sources whose libraries are not installed are left out; `optional_parts.left_out` says so.
    """
    settings = load_settings(preset, overrides)
    check_sources(settings)
    chosen(settings.ranking.features)
    if settings.content.image_encoder:
        require_part("recurrent", "content.image_encoder")
    return without_missing_parts(settings)


def find_data(folder: str | Path | None, home: Path, *, make_sample: bool = True) -> DataSet:
    """The data to work on; where there are none, the generated sample, made if it is not there yet.

    Raises DataError where it would have to be made and may not be.
    """
    found = locate(folder, os.environ, home)
    if found is not None:
        return found
    from forsys.sample.shop import generate  # here, since most runs have data

    if remote := remote_of(home):
        raise DataError(
            f"No data found: {remote.url} has no input/ with tables, and no --input was given. Name the shop's "
            "folder with --input, a path or a URL. (A sample is generated for a folder of this machine only.)"
        )
    sample, made_from = sample_folder(home), code_fingerprint("forsys.sample.shop")
    if not is_current(sample, made_from):
        if not make_sample:
            raise DataError(
                f"No data found: {home / 'input'} holds no table, and no --input was given. Name the shop's folder "
                "with --input. (`forsys run` would generate a small shop to try.)"
            )
        say("No data found: making a sample of generated data (put Kaggle's files into input/ for real ones).")
        with stage_line("sample") as made, locked(sample.parent):
            generate(sample)
            write_stamp(sample, made_from)
            made.append(f"{sample.relative_to(home)}: a small fashion shop, generated")
    return DataSet(SAMPLE, sample, True, "generated sample")
