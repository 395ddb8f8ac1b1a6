"""What runs leave behind, and how it is removed: only what this program made, as its own lists say."""

import re
from collections.abc import Sequence
from pathlib import Path

from forsys.errors import DataError
from forsys.evaluation.kept_runs import damaged_runs, kept_run, kept_runs
from forsys.locking import locked
from forsys.made_files import LIST, LOCK, delete_empty_folders, delete_made, made_files
from forsys.remote import delete
from forsys.run import Run
from forsys.workspace import BELONGS_TO, DATED, Workspace

COPY = re.compile(rf"(?P<of>(.+-)?submission){DATED}\.csv")


def clean(home: Path, names: Sequence[str] = (), *, delete: bool) -> str:
    """Say what runs have left below `home`, by data set (`names`, or all) and folder; delete it where asked.

    The submissions, the newest dated copy of each, kept runs and files that no run made stay. Raises DataError for
    an unknown name.
    """
    there = {path.name: path for path in sorted((home / "output").glob("*")) if path.is_dir()}
    unknown = sorted(set(names) - set(there))
    if unknown:
        raise DataError(f"{home / 'output'} has no {', '.join(unknown)}. Data sets: {', '.join(there) or 'none'}.")
    folders = [there[name] for name in names or there]
    found = {folder: _without_runs(Workspace(home, folder.name)) for folder in folders}
    if not names:
        found[home / "submissions"] = _old_copies(home / "submissions")
    lines = [line for folder, files in found.items() for line in _sizes(home, folder, files)]
    for folder, files in found.items() if delete else ():
        _delete(folder, files)
    heading = "Deleted:" if delete else "Would be deleted, with --yes:"
    lines = [heading, *lines] if lines else ["Nothing to delete."]
    if any(Workspace(home, folder.name).runs.is_dir() for folder in folders):
        lines.append("The kept runs stay: `forsys runs clean` deletes those.")
    if any((home / "submissions").glob("*.csv")):
        lines.append("The submissions stay: delete those in submissions/ yourself.")
    return "\n".join(lines)


def clean_runs(run: Run, numbers: Sequence[int] = (), *, delete: bool) -> str:
    """Say what kept runs take up, those of `numbers` or all of them, begun ones too; delete them where asked.

    Raises DataError for an unknown number.
    """
    chosen = [kept_run(run, number).folder for number in numbers]
    folders = chosen or [*(each.folder for each in kept_runs(run)), *damaged_runs(run)]
    made = made_files(run.workspace.out)
    lines = [_freed(run, folder, [path for path in made if folder in path.parents]) for folder in folders]
    if delete:
        with locked(run.workspace.out):
            for folder in folders:
                delete_made(folder)
    heading = "Deleted:" if delete else "Would be deleted, with --yes:"
    return "\n".join([heading, *lines] if lines else ["Nothing to delete."])


def _freed(run: Run, folder: Path, files: list[Path]) -> str:
    """A line of what a kept run takes; a submission that lies in submissions/ too takes nothing."""
    size = sum(status.st_size for file in files if (status := file.stat()).st_nlink == 1)
    return f"  {run.workspace.shown(folder):<60} {len(files):>3} files {size / 2**20:>10,.1f} MiB"


def _without_runs(workspace: Workspace) -> list[Path]:
    """What was made for a data set, but for kept runs; where there are such, the folder goes on to say whose."""
    made = made_files(workspace.out)
    others = [path for path in made if workspace.runs not in path.parents]
    return others if len(others) == len(made) else [path for path in others if path.name != BELONGS_TO]


def _old_copies(folder: Path) -> list[Path]:
    """The dated copies of each data set's submissions but the newest."""
    dated = [(found["of"], path) for path in made_files(folder) if (found := COPY.fullmatch(path.name))]
    newest = dict(dated)  # by name, they come with the oldest first
    return [path for of, path in dated if path != newest[of]]


def _delete(folder: Path, files: list[Path]) -> None:
    if not (files or (folder / LOCK).exists()):
        return
    with locked(folder):
        for path in files:
            delete(path)
        delete_empty_folders(folder)
        if not made_files(folder):
            delete(folder / LIST)
            (folder / LOCK).unlink()


def _sizes(home: Path, folder: Path, files: list[Path]) -> list[str]:
    """A line per folder within `folder`."""
    sizes: dict[Path, list[int]] = {}
    for path in files:
        inner = folder if path.parent == folder else folder / path.relative_to(folder).parts[0]
        sizes.setdefault(inner, []).append(path.stat().st_size)
    return [
        f"  {inner.relative_to(home)!s:<40} {len(size):>7,} files {sum(size) / 2**20:>10,.1f} MiB"
        for inner, size in sizes.items()
    ]
