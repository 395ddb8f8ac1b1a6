"""What runs leave behind, and how it is removed: only what this program made, told by its place and its name."""

import re
from collections.abc import Sequence
from pathlib import Path

from forsys.errors import DataError
from forsys.locking import locked
from forsys.stages import STAGES
from forsys.workspace import Workspace

# Beside the stages' outputs: stamps, what is kept of earlier weeks, what `backtest`, `ablate` and `compare` write.
MORE = ("stamps/*.json", "folds/*/*/*", "rankers/*/*", "ranked/*/*", "comparison/**/*", "evaluation/*.csv", ".lock")
SIDECAR = re.compile(r"\.(.+)\.(made-from|.*part)")  # a stamp, or what a killed process had begun to write
DATED = re.compile(r"submission-\d{8}-\d{6}\.csv")


def clean(home: Path, names: Sequence[str] = (), *, delete: bool) -> str:
    """Say what runs have left below `home`, by data set (`names`, or all) and folder; delete it where asked.

    The submission, its newest dated copy and files that no run made stay. Raises DataError for an unknown name.
    """
    folders = [
        path
        for path in sorted((home / "output").glob("*"))
        if (path / "stamps").is_dir() or (path / ".lock").exists()
    ]
    there = {path.name: Workspace(home, path.name) for path in folders}
    unknown = sorted(set(names) - set(there))
    if unknown:
        raise DataError(f"{home / 'output'} has no {', '.join(unknown)}. Data sets: {', '.join(there) or 'none'}.")
    chosen = [there[name] for name in names] if names else list(there.values())
    found = {workspace.out: made_files(workspace) for workspace in chosen}
    if not names:
        found[home / "submissions"] = _dated(home / "submissions")[:-1]
    lines = [line for folder, files in found.items() for line in _sizes(home, folder, files)]
    for folder, files in found.items() if delete else ():
        with locked(folder):
            for path in files:
                path.unlink(missing_ok=True)
        _delete_empty_folders(folder)
    heading = "Deleted:" if delete else "Would be deleted, with --yes:"
    return "\n".join([heading, *lines] if lines else ["Nothing to delete."])


def made_files(workspace: Workspace) -> list[Path]:
    """The files below the output folder of a data set that stages and commands have made, sorted."""
    patterns = [pattern for stage in STAGES.values() for pattern in stage.outputs if "submissions/" not in pattern]
    patterns = [pattern.replace("{holdout}", "*").replace("{submission}", "*") for pattern in patterns]
    made = {path for pattern in (*patterns, *MORE) for path in workspace.out.glob(pattern) if path.is_file()}
    beside = {path for path in workspace.out.rglob(".*") if SIDECAR.fullmatch(path.name)}
    return sorted(made | beside | set(_dated(workspace.holdout)))


def _dated(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if DATED.fullmatch(path.name))


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


def _delete_empty_folders(folder: Path) -> None:
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(inner.iterdir()):
            inner.rmdir()
