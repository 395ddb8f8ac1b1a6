"""The files that a shop file names."""

from pathlib import Path

from forsys.tables.shop_file import TableSection

ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".parquet")  # of a name without ending, the first that exists is taken
MAGIC = set("*?[")
MAX_NAMES = 10  # of a folder that holds more, in an error message


def find(section: TableSection, folder: Path) -> list[Path]:
    """The files of a table, or folders of Parquet files, in the order of the shop file, globs sorted; may be none.

    A name without its ending stands for the first of ENDINGS that is there. A glob leaves out hidden files, unless
    it begins with a dot itself.
    """
    return list(dict.fromkeys(path for spec in specs(section) for path in matches(spec, folder)))


def missing(section: TableSection, folder: Path) -> list[str]:
    """The names and globs of a table for which there is no file."""
    return [spec for spec in specs(section) if not matches(spec, folder)]


def specs(section: TableSection) -> list[str]:
    """The names and globs of a table's files, as the shop file lists them."""
    return [section.file] if isinstance(section.file, str) else section.file


def find_table(folder: Path, stem: str) -> Path | None:
    """The file `stem` in `folder`, or a folder of Parquet files; of several, the first of ENDINGS."""
    paths = [folder / f"{stem}{end}" for end in ("", *ENDINGS)]
    return next((path for path in paths if path.is_file() or parquet_parts(path)), None)


def parquet_parts(path: Path) -> list[Path]:
    """The Parquet files of a table, sorted by name: itself, or those in a folder of that name."""
    if path.suffix != ".parquet":
        return []
    if path.is_file():
        return [path]
    parts = path.glob("*.parquet")  # none where there is no such folder
    return sorted(part for part in parts if part.is_file() and not part.name.startswith((".", "_")))


def folder_contents(folder: Path) -> str:
    """The first names in a folder, for an error message."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more if names else "nothing"


def matches(spec: str, folder: Path) -> list[Path]:
    """The tables that one name or glob stands for, as in `find`."""
    try:
        return _matches(spec, folder)
    except (OSError, ValueError, NotImplementedError):  # a name that no file can have, such as one far too long
        return []


def _matches(spec: str, folder: Path) -> list[Path]:
    named = find_table(folder, spec)  # first, for names with a bracket
    if named is not None or not MAGIC & set(spec):
        return [named] if named else []
    whole = folder / spec  # an absolute path stays as it is
    base = Path(whole.anchor) if Path(spec).is_absolute() else folder
    pattern = whole.relative_to(base).as_posix() if Path(spec).is_absolute() else spec
    found = sorted(path for path in base.glob(pattern) if path.is_file() or parquet_parts(path))
    return found if Path(spec).name.startswith(".") else [path for path in found if not is_hidden(path)]


def is_hidden(path: Path) -> bool:
    """Whether a system has put it there for itself, such as macOS's ._orders.csv, which is no table."""
    return path.name.startswith(".")
