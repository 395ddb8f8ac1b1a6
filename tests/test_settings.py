"""One tree of settings: the default, a file over it, `--set` over both, and what is said about a mistake."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from forsys import settings as module
from forsys.errors import DataError
from forsys.settings import load_settings


def test_the_default_preset_is_whole() -> None:
    settings = load_settings()
    assert settings.holdout_days == 7
    assert settings.retrieval.sources["repurchase"]["class"] == "repurchase.Repurchase"
    for key in settings.tuning.grid:
        name, _, parameter = key.partition(".")
        assert parameter in settings.retrieval.sources[name], f"tuning.grid: {key}"


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("retrieval.candidates=50", ["retrieval", "candidates"], 50),
        ("shard = 1_000", ["shard"], 1000),
        ("retrieval.sources.als.factors=8", ["retrieval", "sources", "als", "factors"], 8),
        ("retrieval.sources.als.alpha=2.5", ["retrieval", "sources", "als", "alpha"], 2.5),
        ("retrieval.sources.als.class=mine.Als", ["retrieval", "sources", "als", "class"], "mine.Als"),
        ('retrieval.sources.mine={ class = "a.B", k = 3 }', ["retrieval", "sources", "mine", "k"], 3),
        ('tuning.grid={ "a.b" = [1, 2.5] }', ["tuning", "grid", "a.b"], [1, 2.5]),
        ('tuning.grid."best_sellers.half_life"=[3]', ["tuning", "grid", "best_sellers.half_life"], [3]),
    ],
)
def test_set(override: str, path: list[str], expected: Any) -> None:
    found: Any = load_settings(overrides=[override]).model_dump()
    for key in path:
        found = found[key]
    assert found == expected


def test_set_changes_nothing_else() -> None:
    default, changed = (load_settings(overrides=o).model_dump() for o in ([], ["retrieval.sources.als.factors=8"]))
    assert changed["retrieval"]["sources"]["als"].pop("factors") == 8
    default["retrieval"]["sources"]["als"].pop("factors")
    assert changed == default


def test_the_last_set_counts() -> None:
    assert load_settings(overrides=["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize("override", ["seed", "=3", "", "se ed=3", "a'b=1", "shard='"])
def test_set_that_cannot_be_read(override: str) -> None:
    with pytest.raises(DataError) as caught:
        load_settings(overrides=[override])
    assert override.strip() in str(caught.value)


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("candidates=50", "candidates"),
        ("retrieval.candidate=50", "retrieval.candidate"),
        ("retrieval.candidates=many", "retrieval.candidates"),
        ("retrieval.candidates=0", "retrieval.candidates"),
        ("holdout_days=-7", "holdout_days"),
        ("seed=", "seed"),
        ("holdout_days=2.5", "holdout_days"),
        ("shard=[1]", "shard"),
        ("evaluation=3", "evaluation"),
        ("retrieval.sources.als=3", "retrieval.sources.als"),
        ("tuning.grid.x=3", "tuning.grid.x"),
    ],
)
def test_unknown_keys_and_wrong_types_are_named(override: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        load_settings(overrides=[override])
    said = str(caught.value)
    assert f"\n  {where}: " in said
    assert "presets/default.toml" in said
    value = override.partition("=")[2]
    assert value.strip("[]") in said  # what was found


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(DataError) as caught:
        load_settings(overrides=["shard=0", "sed=3"])
    assert "shard" in str(caught.value)
    assert "sed" in str(caught.value)


def test_a_file_overrides_the_default_and_set_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("shard = 10\n[retrieval]\ncandidates = 5\n[retrieval.sources.als]\nfactors = 4\n")
    settings = load_settings(str(path), ["retrieval.candidates=6"])
    assert (settings.shard, settings.retrieval.candidates) == (10, 6)
    assert settings.retrieval.sources["als"]["factors"] == 4
    assert settings.retrieval.sources["als"]["class"] == "factorization.ALS"  # the rest of the line stays
    assert settings.retrieval.sources.keys() == load_settings().retrieval.sources.keys()


def test_a_preset_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "default.toml").write_text((module.PRESETS / "default.toml").read_text())
    (tmp_path / "quick.toml").write_text("shard = 11\n")
    monkeypatch.setattr(module, "PRESETS", tmp_path)
    assert load_settings("quick").shard == 11


def test_no_such_preset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*absent\.toml\. Presets: .*default"):
        load_settings(str(tmp_path / "absent.toml"))


def test_a_folder_is_no_preset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        load_settings(str(tmp_path))


@pytest.mark.parametrize("content", [b"shard == 3", b"\xff\xfe"])
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.toml is not a TOML file"):
        load_settings(str(path))


def test_a_file_with_an_unknown_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[retrieval]\ncandidate = 3\n")
    with pytest.raises(DataError, match=r"retrieval\.candidate: "):
        load_settings(str(path))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().shard = 3


def test_a_source_is_switched_off() -> None:
    assert "bpr" in load_settings().retrieval.sources
    sources = load_settings(overrides=["retrieval.sources.bpr=false"]).retrieval.sources
    assert set(sources) == set(load_settings().retrieval.sources) - {"bpr"}


def test_the_seed_s_preset_is_that_of_the_slides() -> None:
    compare = load_settings("seed").compare
    assert compare.network["class"] == "next_item.NextItem"
    slides = {"dimension": 128, "epochs": 10, "length": 10, "layout": "sliding", "networks": 1}
    assert slides.items() <= compare.network.items()
    assert compare.without_features["epochs"] == 10
