"""Which folder of tables a run reads, and which files in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forsys.errors import DataError
from forsys.tables.columns import ENDINGS, STEMS

INPUT_VARIABLE = "FORSYS_INPUT"
COMPETITION = "h-and-m-personalized-fashion-recommendations"
KAGGLE = (Path("/kaggle/input") / COMPETITION, Path("/kaggle/input/competitions") / COMPETITION)  # older, newer
GENERATED_FILE = "GENERATED.json"  # the sample's generator leaves it beside its tables


@dataclass(frozen=True)
class DataSet:
    """A folder with the shop's tables, and how it was found."""

    name: str
    folder: Path
    generated: bool
    origin: str  # for people, such as "--input ../hm"


def locate(
    option: Path | None, environ: Mapping[str, str], project: Path, *, kaggle: tuple[Path, ...] = KAGGLE
) -> DataSet | None:
    """Find the data: `--input`, then FORSYS_INPUT, then `project`/input, then Kaggle's own folder in a notebook.

    None where there are no data: the caller then generates the sample. A folder that was named must exist
    and hold a table: otherwise DataError, and the sample is never taken instead.
    """
    if option is not None:
        return _named(option, f"--input {option}")
    if environ.get(INPUT_VARIABLE):
        return _named(Path(environ[INPUT_VARIABLE]), f"{INPUT_VARIABLE}={environ[INPUT_VARIABLE]}")
    if tables_in(project / "input"):
        return _data_set(project / "input", "the project's input/ folder")
    mounted = next((folder for folder in kaggle if folder.exists()), None)
    return _named(mounted, f"Kaggle's {mounted}") if mounted else None


def find_table(folder: Path, stem: str) -> Path | None:
    """The file with table `stem` in `folder`, or a folder of Parquet files; of several, the first of ENDINGS."""
    paths = [folder / f"{stem}{end}" for end in ENDINGS]
    return next((path for path in paths if path.is_file() or parquet_parts(path)), None)


def parquet_parts(path: Path) -> list[Path]:
    """The Parquet files of a table, sorted by name: itself, or those in a folder of that name."""
    if path.suffix != ".parquet":
        return []
    if path.is_file():
        return [path]
    parts = path.glob("*.parquet")  # none where there is no such folder
    return sorted(part for part in parts if part.is_file() and not part.name.startswith((".", "_")))


def tables_in(folder: Path) -> list[Path]:
    """The tables of a folder, in the order of STEMS: files, and folders of Parquet files."""
    return [path for stem in STEMS if (path := find_table(folder, stem)) is not None]


def file_states(dataset: DataSet) -> list[tuple[str, int, int]]:
    """Name, size and mtime_ns of each file of the tables: they change when a file is replaced."""
    files = [file for path in tables_in(dataset.folder) for file in (parquet_parts(path) or [path])]
    states = [(str(file.relative_to(dataset.folder)), file.stat()) for file in files]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in states]


def folder_contents(folder: Path, max_names: int = 10) -> str:
    """The first names in a folder, for an error message."""
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - max_names} more" if len(names) > max_names else ""
    return ", ".join(names[:max_names]) + more if names else "nothing"


def _named(folder: Path, origin: str) -> DataSet:
    expected = f"{', '.join(STEMS)} as {' or '.join(ENDINGS)}"
    if not folder.is_dir():
        found = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"{origin}: the folder {folder} {found}. Name the folder that holds {expected}.")
    if not tables_in(folder):
        raise DataError(
            f"{origin}: no table in {folder}. It holds {folder_contents(folder)}; expected are {expected}. "
            "Put Kaggle's files there, or name another folder."
        )
    return _data_set(folder, origin)


def _data_set(folder: Path, origin: str) -> DataSet:
    # resolve() so that "--input ." has a name too
    return DataSet(folder.resolve().name, folder, (folder / GENERATED_FILE).exists(), origin)
