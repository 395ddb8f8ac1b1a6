import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from garments import NAVY, RED, noisy, shirt, striped
from PIL import Image

from forsys.content import pictures
from forsys.content.picture_features import PictureFeatures, PictureTask, describe_picture
from forsys.content.pictures import (
    PICTURES,
    count_statuses,
    describe_pictures,
    find_pictures,
    name_notes,
    picture_state,
)
from forsys.settings import ContentSettings

SETTINGS = ContentSettings(colour_tolerance=12, max_colours=6, max_keywords=5)
IDS = ("0100000001", "0100000002", "0120000003", "0120000004", "0130000005")
ARTICLES = pl.DataFrame({"article": range(5), "article_id": IDS}, schema_overrides={"article": pl.Int32})


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Pictures of articles 0, 1 and 3; a broken one of 2, none of 4, and one of an unknown article."""
    for name, pixels in zip(
        (*IDS[:2], IDS[3], "0100000009"), (shirt(), striped(), noisy(shirt(NAVY)), shirt()), strict=True
    ):
        path = tmp_path / "images" / name[:3] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=95)
    (tmp_path / "images" / "012" / f"{IDS[2]}.jpg").write_bytes(b"no picture")
    return tmp_path / "images"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[PictureTask]:
    """The tasks that are carried out, in order."""
    tasks: list[PictureTask] = []

    def recorded(task: PictureTask, colour_tolerance: float, max_colours: int) -> PictureFeatures:
        tasks.append(task)
        return describe_picture(task, colour_tolerance, max_colours)

    monkeypatch.setattr(pictures, "describe_picture", recorded)
    return tasks


def describe(images: Path, settings: ContentSettings = SETTINGS, articles: pl.DataFrame = ARTICLES) -> pl.DataFrame:
    return describe_pictures(images, articles, images.parent / "content", settings)


def summary(tasks: list[PictureTask]) -> list[tuple[str, bool, bool]]:
    return [(task.path.stem, task.colour, task.shape) for task in tasks]


def test_every_article_has_one_row(images: Path) -> None:
    described = describe(images, articles=ARTICLES.reverse())
    assert described.schema == PICTURES
    assert described["article"].to_list() == [0, 1, 2, 3, 4]
    assert described["picture"].to_list() == ["ok", "ok", "not a picture", "ok", "missing"]
    assert count_statuses(described) == {"ok": 3, "missing": 1, "not a picture": 1}
    assert described.equals(pl.read_parquet(images.parent / "content" / "pictures.parquet"))


def test_without_a_usable_picture_there_are_no_features(images: Path) -> None:
    described = describe(images)
    features = described.select(pl.exclude("article", "picture"))
    for row, status in enumerate(described["picture"]):
        nulls = [value is None for value in features.row(row)]
        assert all(nulls) if status != "ok" else not any(nulls)


def test_the_palette_is_that_of_the_garment(images: Path) -> None:
    described = describe(images)
    assert len(described["share"][0]) == len(described["hex"][0])
    red = np.array([int(described["hex"][0][0][i : i + 2], 16) for i in (1, 3, 5)])
    np.testing.assert_allclose(red, RED, atol=6)
    assert described["share"][0][0] > 0.8  # JPEG blurs the edges


def test_worker_processes_find_the_same(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = describe(images)
    monkeypatch.setattr(pictures, "WORTH_A_WORKER", 1)
    monkeypatch.setattr(pictures, "available_cores", lambda: 2)
    together = describe_pictures(images, ARTICLES, images.parent / "together", SETTINGS)
    assert alone.equals(together)


NAMES = {
    "another ending": "010/0100000001.png",
    "capitals": "010/0100000001.JPG",
    "four letters": "010/0100000001.jpeg",
    "no folder": "0100000001.jpg",
    "a lost zero": "010/100000001.jpg",
    "a folder without its zero": "10/0100000001.jpg",
    "a folder of its own": "0100000001/0100000001.webp",
    "no folder and no zero": "100000001.PNG",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_picture_of_another_name_is_used_and_said(name: str, images: Path) -> None:
    complete, standard = describe(images), images / "010" / f"{IDS[0]}.jpg"
    assert name_notes(images, ARTICLES) == []
    (images / name).parent.mkdir(exist_ok=True)
    standard.rename(images / name)
    assert describe(images).equals(complete)
    (note,) = name_notes(images, ARTICLES)
    assert note.startswith("1 pictures were found under another name") and name in note and IDS[0] in note


def test_the_standard_name_comes_first_and_the_others_are_counted(images: Path) -> None:
    complete = describe(images)
    for name in ("0100000001.jpg", "010/0100000001.png", "012/120000004.gif"):
        Image.fromarray(shirt(NAVY)).save(images / name)
    assert describe(images).equals(complete)
    assert name_notes(images, ARTICLES) == ["3 pictures are of an article that has another one: not used"]


def named(path: str) -> pl.DataFrame:
    """The articles, where the shop's table names the picture of the first."""
    return ARTICLES.with_columns(picture=pl.Series([path, None, None, None, None]))


NAMED = {
    "a name of its own": "img/other.jpg",
    "the article's id": "img/0100000001.jpg",
    "the article's id in the first folder": "0100000001.png",
    "an id without its zero": "100000001.gif",
    "the standard name": "010/0100000001.jpg",
    "a folder in a folder": "a/b/c.webp",
}


@pytest.mark.parametrize("strays", [(), ("0100000001.webp", "012/100000001.PNG")], ids=["alone", "beside strays"])
@pytest.mark.parametrize("path", NAMED.values(), ids=NAMED.keys())
def test_a_picture_that_the_shop_names_is_the_article_s_only_one(
    path: str, strays: tuple[str, ...], images: Path
) -> None:
    complete = describe(images)
    (images / path).parent.mkdir(parents=True, exist_ok=True)
    (images / "010" / f"{IDS[0]}.jpg").rename(images / path)
    for stray in strays:
        Image.fromarray(shirt(NAVY)).save(images / stray)
    articles = named(path)
    assert find_pictures(images, articles)["file"][0] == path
    assert describe(images, articles=articles).equals(complete)
    assert name_notes(images, articles) == []


def test_the_picture_that_the_shop_names_comes_before_the_standard_name(images: Path) -> None:
    Image.fromarray(shirt(NAVY)).save(images / "other.png")
    assert find_pictures(images, named("other.png"))["file"][0] == "other.png"
    assert name_notes(images, named("other.png")) == []


def test_where_the_named_picture_is_missing_others_are_taken(images: Path) -> None:
    standard = f"010/{IDS[0]}.jpg"
    assert find_pictures(images, named("img/gone.jpg"))["file"][0] == standard
    assert name_notes(images, named("img/gone.jpg")) == []
    (images / standard).rename(images / f"{IDS[0]}.jpg")
    (note,) = name_notes(images, named("img/gone.jpg"))
    assert note == (
        f"1 pictures were found under another name than img/gone.jpg, such as {IDS[0]}.jpg for the article {IDS[0]}"
    )


def test_files_of_which_none_is_an_article_s_are_said_with_the_named_path(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"x")
    (note,) = name_notes(tmp_path / "images", named("img/gone.jpg"))
    assert "such as a.jpg" in note and note.endswith("is expected at img/gone.jpg")


@pytest.mark.parametrize("name", ["IMG_0001.jpg", "010/0100000001_1.jpg", "a/b/0100000001.jpg", "readme.txt"])
def test_files_of_which_none_is_an_article_s_are_said_with_both_sides(name: str, tmp_path: Path) -> None:
    path = tmp_path / "images" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    (note,) = name_notes(tmp_path / "images", ARTICLES)
    assert note.startswith("NO PICTURE BELONGS TO AN ARTICLE")
    assert name in note and "010/0100000001.jpg" in note
    assert note in picture_state(tmp_path / "images", ARTICLES)  # so that the stage is run when it is to be said


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("/dev/zero")],
)
def test_what_is_no_file_is_no_picture(make: Callable[[Path], object], images: Path) -> None:
    (images / "013").mkdir()
    make(images / "013" / f"{IDS[4]}.jpg")
    make(images / "014")
    assert describe(images)["picture"][4] == "missing"


def test_a_shop_without_pictures(tmp_path: Path) -> None:
    described = describe(tmp_path / "images")
    assert described.schema == PICTURES
    assert count_statuses(described) == {"missing": 5}


def test_a_second_pass_describes_nothing(images: Path, done: list[PictureTask]) -> None:
    first = describe(images)
    assert len(done) == 4
    done.clear()
    assert describe(images).equals(first)
    assert done == []


def test_only_a_changed_picture_is_described_again(images: Path, done: list[PictureTask]) -> None:
    first = describe(images)
    path = images / "010" / f"{IDS[0]}.jpg"
    Image.fromarray(shirt(NAVY)).save(path)
    os.utime(path, ns=(0, 0))
    (images / "010" / f"{IDS[1]}.jpg").unlink()
    done.clear()
    second = describe(images)
    assert summary(done) == [(IDS[0], True, True)]
    assert second["picture"].to_list() == ["ok", "missing", "not a picture", "ok", "missing"]
    assert second[2:].equals(first[2:])
    assert first["hex"][0][0] != second["hex"][0][0]


def test_pictures_with_other_dense_ids_are_not_described_again(images: Path, done: list[PictureTask]) -> None:
    first = describe(images)
    done.clear()
    renumbered = ARTICLES[1:].with_columns(pl.col("article") - 1)
    assert describe(images, articles=renumbered).drop("article").equals(first[1:].drop("article"))
    assert done == []


def test_another_tolerance_changes_only_the_colours(images: Path, done: list[PictureTask]) -> None:
    first = describe(images)
    done.clear()
    second = describe(images, SETTINGS.model_copy(update={"colour_tolerance": 40.0}))
    assert summary(done) == [(name, True, False) for name in IDS[:4]]
    assert second["shape"].equals(first["shape"])
    assert sum(map(len, second["hex"].drop_nulls())) < sum(map(len, first["hex"].drop_nulls()))


def test_other_settings_change_nothing(images: Path, done: list[PictureTask]) -> None:
    describe(images)
    done.clear()
    describe(images, SETTINGS.model_copy(update={"max_keywords": 9}))
    assert done == []


@pytest.mark.parametrize("stop", range(4))
def test_a_stopped_run_resumes(
    images: Path, monkeypatch: pytest.MonkeyPatch, done: list[PictureTask], stop: int
) -> None:
    complete = describe_pictures(images, ARTICLES, images.parent / "complete", SETTINGS)
    monkeypatch.setattr(pictures, "PART", 1)
    done.clear()

    def stopped(task: PictureTask, colour_tolerance: float, max_colours: int) -> PictureFeatures:
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(task)
        return describe_picture(task, colour_tolerance, max_colours)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pictures, "describe_picture", stopped)
        describe(images)
    assert not (images.parent / "content" / "pictures.parquet").exists()
    assert describe(images).equals(complete)
    assert [task.path.stem for task in done] == list(IDS[:4])


def test_a_run_killed_while_compacting_resumes(images: Path, done: list[PictureTask]) -> None:
    first = describe(images)
    for file in (images.parent / "content" / "pictures").rglob("all.parquet"):
        shutil.copy(file, file.with_name("part-0.parquet"))
    (images.parent / "content" / "pictures.parquet").unlink()
    done.clear()
    assert describe(images).equals(first)
    assert done == []
    assert not list((images.parent / "content").rglob("part-*"))


def test_caches_of_other_settings_are_deleted(images: Path) -> None:
    for tolerance in (5.0, 10.0):
        describe(images, SETTINGS.model_copy(update={"colour_tolerance": tolerance}))
    folders = [folder.name.partition("-")[0] for folder in (images.parent / "content" / "pictures").iterdir()]
    assert sorted(folders) == ["colour", "shape"]
