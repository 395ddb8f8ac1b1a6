"""Which shop a run reads: its folder, its shop file, and the files of its tables."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forsys.errors import DataError
from forsys.remote import copy_of
from forsys.tables.files import ENDINGS, find, find_table, folder_contents, parquet_parts
from forsys.tables.shop_file import KAGGLE as KAGGLE_FILE
from forsys.tables.shop_file import SHOP_FILE, ShopFile, read_shop_file, shop_file_faults

INPUT_VARIABLE = "FORSYS_INPUT"
COMPETITION = "h-and-m-personalized-fashion-recommendations"
KAGGLE = (Path("/kaggle/input") / COMPETITION, Path("/kaggle/input/competitions") / COMPETITION)  # older, newer
GENERATED_FILE = "GENERATED.json"  # the sample's generator leaves it beside its tables
STEMS = ("articles", "customers", "transactions_train", "sample_submission")  # of Kaggle's tables


@dataclass(frozen=True)
class DataSet:
    """A shop, and how it was found.

    `shop_file` is the one that was named. Where none was, it is `folder`/shop.toml, or else Kaggle's H&M's.
    """

    name: str
    folder: Path
    generated: bool
    origin: str  # for people, such as "--input ../hm"
    shop_file: Path | None = None

    def shop_file_faults(self) -> list[str]:
        """All that is wrong with its shop file."""
        return shop_file_faults(self.shop_file or self.folder / SHOP_FILE)

    def shop(self) -> ShopFile:
        """Its shop file, read. DataError where that cannot be used."""
        own = self.folder / SHOP_FILE
        if self.shop_file is not None or own.exists():
            return read_shop_file(self.shop_file or own)
        return read_shop_file(KAGGLE_FILE, self.folder)


def locate(
    option: str | Path | None, environ: Mapping[str, str], project: Path, *, kaggle: tuple[Path, ...] = KAGGLE
) -> DataSet | None:
    """Find the data: `--input`, then FORSYS_INPUT, then `project`/input, then Kaggle's own folder in a notebook.

    None where there are no data: the caller then generates the sample. What was named, a path or URL, must be a
    shop file, or a folder with one or with Kaggle's tables: otherwise DataError; the sample is never taken instead.
    """
    if option is not None:
        return _named(copy_of(option), f"--input {option}")
    if environ.get(INPUT_VARIABLE):
        return _named(copy_of(environ[INPUT_VARIABLE]), f"{INPUT_VARIABLE}={environ[INPUT_VARIABLE]}")
    if _is_shop(project / "input"):
        return _data_set(project / "input", "the project's input/ folder")
    mounted = next((folder for folder in kaggle if folder.exists()), None)
    return _named(mounted, f"Kaggle's {mounted}") if mounted else None


def tables_in(folder: Path) -> list[Path]:
    """The files of a shop's tables, and folders of Parquet files; none where the folder holds no shop."""
    return tables_of(_data_set(folder, "")) if _is_shop(folder) else []


def tables_of(dataset: DataSet) -> list[Path]:
    """The same of a data set. DataError where its shop file cannot be used."""
    return _tables(dataset.shop())


def file_states(dataset: DataSet) -> list[tuple[str, int, int]]:
    """Name, size and mtime_ns of each file of the tables: they change when a file is replaced.

    Last the shop file, with its checksum instead of its time: its text counts, wherever it is kept.
    """
    shop = dataset.shop()
    files = [file for path in _tables(shop) for file in (parquet_parts(path) or [path])]
    states = [(_shown(file, shop.folder), file.stat()) for file in files]
    text = shop.path.read_bytes()
    own = (shop.path.name, len(text), zlib.crc32(text))
    return [*((name, stat.st_size, stat.st_mtime_ns) for name, stat in states), own]


def is_of_shop(path: Path, dataset: DataSet) -> bool:
    """Whether a file is one of the shop's: its shop file, a table, or among its pictures."""
    target, images = path.resolve(), dataset.folder / "images"
    if target.is_relative_to(images.resolve()):
        return True
    try:
        shop = dataset.shop()
        tables = [file for table in _tables(shop) for file in (table, *parquet_parts(table))]
    except DataError:  # of a model that was copied elsewhere, there are no such files
        return False
    return target in {file.resolve() for file in (shop.path, *tables)}


def _tables(shop: ShopFile) -> list[Path]:
    return [path for section in shop.sections for path in find(section, shop.folder)]


def _shown(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)


def _is_shop(folder: Path) -> bool:
    """Whether a folder holds a shop file, or one of Kaggle's tables."""
    return (folder / SHOP_FILE).exists() or any(find_table(folder, stem) for stem in STEMS)


def _named(path: Path, origin: str) -> DataSet:
    expected = f"{SHOP_FILE}, or Kaggle's {', '.join(STEMS)} as {' or '.join(ENDINGS)}"
    if path.suffix == ".toml" and path.is_file():
        # resolve() so that "--input shop.toml" has a name too
        name = path.resolve().parent.name if path.name == SHOP_FILE else path.stem
        return DataSet(name, path.parent, (path.parent / GENERATED_FILE).exists(), origin, path)
    if not path.is_dir():
        found = "is a file, not a folder" if path.exists() else "does not exist"
        raise DataError(
            f"{origin}: the folder {path} {found}. Name a shop file (.toml), or the folder that holds {expected}."
        )
    if not _is_shop(path):
        raise DataError(
            f"{origin}: no table in {path}. It holds {folder_contents(path)}; expected are {expected}. "
            "Run `forsys map` on the shop's own files to draft a shop file, or name another folder."
        )
    return _data_set(path, origin)


def _data_set(folder: Path, origin: str) -> DataSet:
    # resolve() so that "--input ." has a name too
    return DataSet(folder.resolve().name, folder, (folder / GENERATED_FILE).exists(), origin)
