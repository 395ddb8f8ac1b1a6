"""What this program wrote into an output folder: a list is kept there, and only what stands in it is deleted."""

import shutil
from pathlib import Path

from forsys.remote import delete, refresh, upload

LOCK = ".lock"  # marks an output folder
LIST = ".made"  # the files written there, a relative path per line
UNPACKED = ".tables.unpacked"  # unpacked tables, for as long as they are read


def note_file(path: Path) -> None:
    """Add a file that is about to be written to the list of its output folder; elsewhere, nothing is kept."""
    root = root_of(path)
    if root is None or path.exists():
        return
    with (root / LIST).open("a", encoding="utf-8") as file:
        file.write(f"{path.relative_to(root).as_posix()}\n")


def made_files(root: Path) -> list[Path]:
    """The files in an output folder that this program wrote, also what killed processes had begun; sorted."""
    whole = {path for name in _listed(root) if (path := root / name).is_file() and _is_within(path, root)}
    return sorted(whole | {path for path in _begun(root) if path.is_file()})


def delete_made(folder: Path) -> None:
    """Delete the files of this program's in `folder`, an output folder or one within it, and folders left empty."""
    root = root_of(folder / LIST)
    if root is None or not _is_within(folder, root):
        return
    for path in made_files(root):
        if folder in path.parents:
            delete(path)
    delete_empty_folders(folder)
    if folder != root and not any(folder.iterdir()):
        folder.rmdir()


def delete_empty_folders(folder: Path) -> None:
    """Delete the folders within `folder` that hold nothing, and those that hold only such."""
    for inner in sorted(folder.rglob("*"), reverse=True):
        if inner.is_dir() and not inner.is_symlink() and not any(inner.iterdir()):
            inner.rmdir()


def tidy(root: Path) -> None:
    """Delete what processes that were killed had begun to write, and forget files that are gone."""
    shutil.rmtree(root / UNPACKED, ignore_errors=True)
    for path in _begun(root):
        path.unlink(missing_ok=True)
    there = [path.relative_to(root).as_posix() for path in made_files(root)]
    if there != _listed(root):
        part = root / f"{LIST}.part"
        part.write_text("".join(f"{name}\n" for name in there), encoding="utf-8")
        upload(part, root / LIST)
        part.replace(root / LIST)


def upload_list(root: Path) -> None:
    """Store the list of an output folder at a URL, with what was noted since."""
    if (root / LIST).exists():
        upload(root / LIST, root / LIST)


def refresh_copy(home: Path) -> None:
    """Bring the copy of a folder at a URL up to date; its lists keep what this machine has noted too."""
    noted = {path: _listed(path.parent) for path in home.glob(f"*/**/{LIST}")}
    refresh([home])
    for path, names in noted.items():
        if path.parent.is_dir():
            all_names = dict.fromkeys([*_listed(path.parent), *names])
            path.write_text("".join(f"{name}\n" for name in all_names), encoding="utf-8")


def root_of(path: Path) -> Path | None:
    """The output folder that `path` is in; None where there is none."""
    return next((folder for folder in path.parents if (folder / LOCK).exists()), None)


def _listed(root: Path) -> list[str]:
    try:
        return (root / LIST).read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_within(path: Path, root: Path) -> bool:
    """Whether there is something at `path`, and it lies below `root`, whatever links or dots say."""
    return path.exists() and not path.is_symlink() and path.resolve().is_relative_to(root.resolve())


def _begun(root: Path) -> list[Path]:
    return [*root.rglob(".*.part"), *(root / UNPACKED).rglob("*")]
