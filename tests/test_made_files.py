"""What was written is listed, and nothing else is ever deleted."""

from pathlib import Path

import pytest

from forsys.cleaning import clean
from forsys.locking import locked
from forsys.made_files import LIST, delete_made, made_files, tidy
from forsys.store import write_stamp, write_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output folder with two files of ours and two of the user's."""
    folder = tmp_path / "output" / "shop"
    with locked(folder):
        write_text("ours", folder / "a.txt")
        write_text("ours", folder / "folds" / "als" / "part.txt")
    for name in ("mine.txt", "folds/als/mine.txt"):
        (folder / name).write_text("precious", encoding="utf-8")
    return folder


def names(files: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files]


def test_only_what_was_written_is_listed(root: Path) -> None:
    assert names(made_files(root), root) == ["a.txt", "folds/als/part.txt"]
    write_text("again", root / "a.txt")
    write_stamp(root / "a.txt", "made from")
    listed = (root / LIST).read_text(encoding="utf-8").splitlines()
    assert listed == ["a.txt", "folds/als/part.txt", ".a.txt.made-from"]


def test_nothing_is_listed_outside_output_folders(tmp_path: Path) -> None:
    write_text("a shop", tmp_path / "articles.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["articles.csv"]


def test_a_folder_is_deleted_but_for_the_files_of_others(root: Path) -> None:
    delete_made(root / "folds" / "als")
    assert names(sorted(root.rglob("*.txt")), root) == ["a.txt", "folds/als/mine.txt", "mine.txt"]
    (root / "folds" / "als" / "mine.txt").unlink()
    delete_made(root / "folds" / "als")
    assert not (root / "folds" / "als").exists()


FORGED = ("../../victim.txt", "{root}/../../victim.txt", "linked/victim.txt", "linked", "\0", "", ".", "folds")


@pytest.mark.parametrize("line", FORGED)
def test_a_forged_list_reaches_nothing_outside(line: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "victims").mkdir()
    victims = [tmp_path / "victim.txt", tmp_path / "victims" / "victim.txt"]
    for victim in victims:
        victim.write_text("precious", encoding="utf-8")
    (root / "linked").symlink_to(tmp_path / "victims")
    (root / LIST).write_text(line.format(root=root) + "\n", encoding="utf-8")
    delete_made(root)
    delete_made(root / "linked")
    clean(tmp_path, delete=True)
    assert all(victim.exists() for victim in [*victims, root / "mine.txt"])


def test_what_a_killed_process_had_begun_is_deleted(root: Path) -> None:
    begun = [root / ".file.txt.123.part", root / "folds" / ".x.npz.4.part", root / ".tables.unpacked" / "log.csv"]
    begun[-1].parent.mkdir()
    for path in [*begun, root / "file.txt.part"]:
        path.write_text("begun", encoding="utf-8")
    (root / "a.txt").unlink()
    assert set(begun) <= set(made_files(root))
    tidy(root)
    assert not any(path.exists() for path in begun)
    assert (root / "file.txt.part").exists()
    assert (root / LIST).read_text(encoding="utf-8") == "folds/als/part.txt\n"
    tidy(root / "absent")
