import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from garments import NAVY, RED, noisy, shirt, striped
from PIL import Image

from forsys.content import pictures
from forsys.content.look import Look, Task, look_at
from forsys.content.pictures import PICTURES, count_statuses, describe_pictures
from forsys.settings import Content

SETTINGS = Content(tolerance=12, limit=6, keywords=5)
IDS = ("0100000001", "0100000002", "0120000003", "0120000004", "0130000005")
ARTICLES = pl.DataFrame({"article": range(5), "article_id": IDS}, schema_overrides={"article": pl.Int32})


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Pictures of articles 0, 1 and 3; a spoiled one of 2, none of 4, and one of an article that is not listed."""
    for name, pixels in zip(
        (*IDS[:2], IDS[3], "0100000009"), (shirt(), striped(), noisy(shirt(NAVY)), shirt()), strict=True
    ):
        path = tmp_path / "images" / name[:3] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=95)
    (tmp_path / "images" / "012" / f"{IDS[2]}.jpg").write_bytes(b"no picture")
    return tmp_path / "images"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Task]]:
    """What is looked at, in order."""
    tasks: list[Task] = []

    def watched(task: Task, tolerance: float, limit: int) -> Look:
        tasks.append(task)
        return look_at(task, tolerance, limit)

    monkeypatch.setattr(pictures, "look_at", watched)
    yield tasks
    tasks.clear()


def describe(images: Path, settings: Content = SETTINGS, articles: pl.DataFrame = ARTICLES) -> pl.DataFrame:
    return describe_pictures(images, articles, images.parent / "content", settings, processes=1)


def summary(tasks: list[Task]) -> list[tuple[str, bool, bool]]:
    return [(task.path.stem, task.colour, task.shape) for task in tasks]


def test_every_article_has_one_row(images: Path) -> None:
    described = describe(images, articles=ARTICLES.reverse())
    assert described.schema == PICTURES
    assert described["article"].to_list() == [0, 1, 2, 3, 4]
    assert described["picture"].to_list() == ["ok", "ok", "not a picture", "ok", "missing"]
    assert count_statuses(described) == {"ok": 3, "missing": 1, "not a picture": 1}
    assert described.equals(pl.read_parquet(images.parent / "content" / "pictures.parquet"))


def test_no_usable_picture_no_features(images: Path) -> None:
    described = describe(images)
    features = described.select(pl.exclude("article", "picture"))
    for row, status in enumerate(described["picture"]):
        nulls = [value is None for value in features.row(row)]
        assert all(nulls) if status != "ok" else not any(nulls)


def test_the_palette_is_that_of_the_garment(images: Path) -> None:
    described = describe(images)
    assert described["lab"][0].to_numpy().shape == (len(described["hex"][0]), 3)
    red = np.array([int(described["hex"][0][0][i : i + 2], 16) for i in (1, 3, 5)])
    np.testing.assert_allclose(red, RED, atol=6)
    assert described["share"][0][0] > 0.8  # JPEG blurs the edges
    assert described["share_all"][0][0] == pytest.approx(0.38, abs=0.05)


def test_worker_processes_find_the_same(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = describe(images)
    monkeypatch.setattr(pictures, "WORTH_A_WORKER", 1)
    together = describe_pictures(images, ARTICLES, images.parent / "together", SETTINGS, processes=2)
    assert alone.equals(together)


def test_a_shop_without_pictures(tmp_path: Path) -> None:
    described = describe(tmp_path / "images")
    assert described.schema == PICTURES
    assert count_statuses(described) == {"missing": 5}


def test_a_second_pass_looks_at_nothing(images: Path, seen: list[Task]) -> None:
    first = describe(images)
    assert len(seen) == 4
    seen.clear()
    assert describe(images).equals(first)
    assert seen == []


def test_only_a_changed_picture_is_looked_at_again(images: Path, seen: list[Task]) -> None:
    first = describe(images)
    path = images / "010" / f"{IDS[0]}.jpg"
    Image.fromarray(shirt(NAVY)).save(path)
    os.utime(path, ns=(0, 0))
    (images / "010" / f"{IDS[1]}.jpg").unlink()
    seen.clear()
    second = describe(images)
    assert summary(seen) == [(IDS[0], True, True)]
    assert second["picture"].to_list() == ["ok", "missing", "not a picture", "ok", "missing"]
    assert second[2:].equals(first[2:])
    assert first["hex"][0][0] != second["hex"][0][0]


def test_new_ids_of_the_same_articles_need_no_new_look(images: Path, seen: list[Task]) -> None:
    first = describe(images)
    seen.clear()
    renumbered = ARTICLES[1:].with_columns(pl.col("article") - 1)
    assert describe(images, articles=renumbered).drop("article").equals(first[1:].drop("article"))
    assert seen == []


def test_another_tolerance_makes_the_colours_alone_again(images: Path, seen: list[Task]) -> None:
    first = describe(images)
    seen.clear()
    second = describe(images, SETTINGS.model_copy(update={"tolerance": 40.0}))
    assert summary(seen) == [(name, True, False) for name in IDS[:4]]
    assert second["shape"].equals(first["shape"])
    assert sum(map(len, second["hex"].drop_nulls())) < sum(map(len, first["hex"].drop_nulls()))


def test_other_settings_change_nothing(images: Path, seen: list[Task]) -> None:
    describe(images)
    seen.clear()
    describe(images, SETTINGS.model_copy(update={"keywords": 9}))
    assert seen == []


@pytest.mark.parametrize("stop", range(4))
def test_a_stopped_run_goes_on(images: Path, monkeypatch: pytest.MonkeyPatch, seen: list[Task], stop: int) -> None:
    whole = describe_pictures(images, ARTICLES, images.parent / "whole", SETTINGS, processes=1)
    monkeypatch.setattr(pictures, "PART", 1)
    seen.clear()

    def stopped(task: Task, tolerance: float, limit: int) -> Look:
        if len(seen) == stop:
            raise KeyboardInterrupt
        seen.append(task)
        return look_at(task, tolerance, limit)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pictures, "look_at", stopped)
        describe(images)
    assert not (images.parent / "content" / "pictures.parquet").exists()
    assert describe(images).equals(whole)
    assert [task.path.stem for task in seen] == list(IDS[:4])


def test_a_run_killed_while_compacting_goes_on(images: Path, seen: list[Task]) -> None:
    first = describe(images)
    for file in (images.parent / "content" / "pictures").rglob("all.parquet"):
        shutil.copy(file, file.with_name("part-0.parquet"))
    (images.parent / "content" / "pictures.parquet").unlink()
    seen.clear()
    assert describe(images).equals(first)
    assert seen == []
    assert not list((images.parent / "content").rglob("part-*"))


def test_what_older_settings_left_goes(images: Path) -> None:
    for tolerance in (5.0, 10.0):
        describe(images, SETTINGS.model_copy(update={"tolerance": tolerance}))
    folders = [folder.name.partition("-")[0] for folder in (images.parent / "content" / "pictures").iterdir()]
    assert sorted(folders) == ["colour", "shape"]
