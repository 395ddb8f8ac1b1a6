"""One tree of settings: the default, a file over it, `--set` over both, and what is said about a mistake."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from forsys import settings as module
from forsys.cli import main
from forsys.errors import DataError
from forsys.opening import open_run
from forsys.retrieval.registry import check_sources, make_source
from forsys.settings import RENAMED, Settings, load_settings
from forsys.settings_text import settings_text


def test_the_default_preset_is_whole() -> None:
    settings = load_settings()
    assert settings.holdout_days == 7
    assert settings.retrieval.sources["repurchase"]["class"] == "forsys.retrieval.repurchase:Repurchase"
    check_sources(settings)  # of every source and of every value of the grid


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("retrieval.candidates_per_source=50", ["retrieval", "candidates_per_source"], 50),
        ("shard_size = 1_000", ["shard_size"], 1000),
        ("retrieval.sources.als.factors=8", ["retrieval", "sources", "als", "factors"], 8),
        ("retrieval.sources.als.alpha=2.5", ["retrieval", "sources", "als", "alpha"], 2.5),
        ("retrieval.sources.als.class=mine:Als", ["retrieval", "sources", "als", "class"], "mine:Als"),
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
        ("retrieval.candidates_per_source=many", "retrieval.candidates_per_source"),
        ("retrieval.candidates_per_source=0", "retrieval.candidates_per_source"),
        ("holdout_days=-7", "holdout_days"),
        ("seed=", "seed"),
        ("holdout_days=2.5", "holdout_days"),
        ("shard_size=[1]", "shard_size"),
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
    assert "forsys settings" in said
    value = override.partition("=")[2]
    assert value.strip("[]") in said  # what was found


@pytest.mark.parametrize("override", ["tuning=3", "evaluation=[]", "compare='x'", "retrieval=true"])
def test_what_is_no_section_is_told_without_our_classes(override: str) -> None:
    with pytest.raises(DataError) as raised:
        load_settings(overrides=[override])
    assert f"  {override.partition('=')[0]}: a section holds keys (found " in str(raised.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(DataError) as caught:
        load_settings(overrides=["shard_size=0", "sed=3"])
    assert "shard" in str(caught.value)
    assert "sed" in str(caught.value)


def test_a_file_overrides_the_default_and_set_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "shard_size = 10\n[retrieval]\ncandidates_per_source = 15\n[retrieval.sources.als]\nfactors = 4\n"
    )
    settings = load_settings(str(path), ["retrieval.candidates_per_source=16"])
    assert (settings.shard_size, settings.retrieval.candidates_per_source) == (10, 16)
    assert settings.retrieval.sources["als"]["factors"] == 4
    assert settings.retrieval.sources["als"]["class"] == "forsys.retrieval.als:ALS"  # the rest of the config stays
    assert settings.retrieval.sources.keys() == load_settings().retrieval.sources.keys()


def test_a_preset_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "default.toml").write_text((module.PRESETS / "default.toml").read_text())
    (tmp_path / "quick.toml").write_text("shard_size = 11\n")
    monkeypatch.setattr(module, "PRESETS", tmp_path)
    assert load_settings("quick").shard_size == 11


def test_a_preset_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("shard_size = 11\n", encoding="utf-8-sig")
    assert load_settings(str(path)).shard_size == 11


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
        load_settings().shard_size = 3


def test_a_source_is_switched_off() -> None:
    assert "bpr" in load_settings().retrieval.sources
    sources = load_settings(overrides=["retrieval.sources.bpr=false"]).retrieval.sources
    assert set(sources) == set(load_settings().retrieval.sources) - {"bpr"}


def test_the_grid_of_a_source_that_is_switched_off_is_left_out() -> None:
    settings = load_settings(overrides=["retrieval.sources.same_product=false"])
    assert not [key for key in settings.tuning.grid if key.startswith("same_product.")]
    assert len(settings.tuning.grid) > 0
    check_sources(settings)


@pytest.mark.parametrize(("old", "new"), sorted(RENAMED.items()))
def test_an_old_key_gets_the_new_one(old: str, new: str, tmp_path: Path) -> None:
    """From --set and from a file; and the new one is there."""
    path = tmp_path / "mine.toml"
    path.write_text(f"{old} = 3\n")
    for preset, overrides in (("default", [f"{old}=3"]), (str(path), [])):
        with pytest.raises(DataError) as caught:
            load_settings(preset, overrides)
        assert str(caught.value) == f"The setting {old} is called {new} now."
    default = load_settings()
    found: Any = default
    *sections, key = new.split(".")
    for section in sections:
        found = found[section] if isinstance(found, dict) else getattr(found, section)
    if new.startswith("retrieval.sources.") and len(sections) == 3:
        assert key in vars(make_source(sections[2], found))
    else:
        assert key in (found if isinstance(found, dict) else type(found).model_fields)


def test_an_old_parameter_of_the_compared_network_too() -> None:
    with pytest.raises(
        DataError, match=r"compare\.network\.dimension is called compare\.network\.embedding_dim now"
    ):
        load_settings(overrides=["compare.network.dimension=8"])


def test_the_text_of_all_settings_is_a_preset_that_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    text = settings_text(load_settings())
    path.write_text(text)
    again = load_settings(str(path))
    assert settings_text(again) == text
    assert again.model_dump(exclude={"retrieval", "compare"}) == load_settings().model_dump(
        exclude={"retrieval", "compare"}
    )


@pytest.mark.parametrize(
    "overrides",
    [
        ["retrieval.sources.bpr=false"],
        ["retrieval.sources.same_product=false", "retrieval.sources.als.factors=8"],
        ["retrieval.sources={}", "retrieval.sources.best_sellers.class=forsys.retrieval.best_sellers:BestSellers"],
        ["tuning.grid={}"],
        ["tuning.grid={}", 'tuning.grid."als.factors"=[8, 16]'],
        ['tuning.grid."repurchase.half_life"=false', "k=5"],
        ["compare.ids_only={}"],
        ["compare.ids_only={}", "compare.ids_only.epochs=3"],
        ['compare.network={ class = "forsys.retrieval.next_item:NextItem" }', "compare.network.epochs=2"],
        [
            "compare.network={}",
            "compare.network.class=forsys.retrieval.next_item:NextItem",
            "compare.network.new_article_bias=-2",
        ],
        ["compare.mixture.members.als=false", "compare.mixture.members.user_knn=false"],
        ["compare.mixture.members={}", "compare.mixture.members.lmf=true"],
        [
            "compare.mixture.members.product_memory={}",
            "compare.mixture.members.product_memory.class=forsys.retrieval.pair_memory:PairMemory",
        ],
    ],
)
def test_the_text_of_changed_settings_is_a_preset_that_gives_them(overrides: list[str], tmp_path: Path) -> None:
    settings = load_settings(overrides=overrides)
    check_sources(settings)
    path = tmp_path / "mine.toml"
    path.write_text(settings_text(settings), encoding="utf-8")
    assert _meant(load_settings(str(path))) == _meant(settings)


def _meant(settings: Settings) -> dict[str, Any]:
    """The settings with every source as it is made, and without members that are switched off."""
    meant = settings.model_dump()
    compare = settings.compare
    meant["retrieval"]["sources"] = {name: make_source(name, of) for name, of in settings.retrieval.sources.items()}
    network = make_source("network", compare.network), make_source("network", compare.network | compare.ids_only)
    members = {
        name: of if of is True else make_source(name, of) for name, of in compare.mixture["members"].items() if of
    }
    return meant | {"compare": [network, compare.mixture | {"members": members}]}


@pytest.mark.parametrize("text", ["C:\\net.keras", 'the "new" net', "tab\tand\nline", "é😀\x7f\x01", ""])
def test_the_text_keeps_every_character(text: str) -> None:
    default = load_settings()
    own = {"class": "forsys.retrieval.same_attributes:SameAttributes", "attributes": [text]}
    retrieval = default.retrieval.model_copy(update={"sources": {"mine": own}})
    mixture = default.compare.mixture | {"members": {text: True}}
    compare = default.compare.model_copy(update={"mixture": mixture})
    found = tomllib.loads(settings_text(default.model_copy(update={"retrieval": retrieval, "compare": compare})))
    assert found["retrieval"]["sources"]["mine"]["attributes"] == [text]
    assert found["compare"]["mixture"]["members"][text] is True


def test_every_setting_says_what_it_means() -> None:
    lines = settings_text(load_settings()).splitlines()
    compare = load_settings().compare
    of_the_user = {"class", *load_settings().tuning.grid, *compare.network, *compare.ids_only, *compare.mixture}
    silent = [line.partition(" =")[0].strip('"') for line in lines if " = " in line and "  # " not in line]
    assert set(silent) <= of_the_user


def test_defaults_stand_once() -> None:
    """default.toml holds what has no default: sources, grid, features, and what `compare` makes of the network."""
    tree = module._read_toml(module.PRESETS / "default.toml")
    assert set(tree) == {"retrieval", "tuning", "ranking", "compare"}
    assert all(set(config) == {"class"} for config in tree["retrieval"]["sources"].values())
    required = {name for name, field in Settings.model_fields.items() if field.is_required()}
    assert required == set(tree)


def test_the_seed_s_preset_is_that_of_the_slides() -> None:
    compare = load_settings("seed").compare
    assert compare.network["class"] == "forsys.retrieval.next_item:NextItem"
    slides = {"embedding_dim": 128, "epochs": 10, "window_size": 10, "batching": "sliding", "num_networks": 1}
    assert slides.items() <= compare.network.items()
    assert compare.ids_only["epochs"] == 10


MISTYPED = [
    ("retrieval.sources.asl=false", "retrieval.sources.asl is not a source. Do you mean als?"),
    ("retrieval.sources.nxt_item=false", "Do you mean next_item?"),
    ("retrieval.sources.asl.factors=64", "retrieval.sources.asl is not a source. Do you mean als?"),
    ("retrieval.sources.asl=true", "retrieval.sources.asl is not a source"),
    ("retrieval.sources.als.factor=64", "retrieval.sources.als: factor: Unexpected keyword argument. Do you mean"),
    ('tuning.grid."als.factor"=[64]', "Do you mean factors?"),
    ('tuning.grid."asl.factors"=[64]', "asl.factors names no source. Do you mean als?"),
    ("compare.network.epoch=3", "Do you mean epochs?"),
    ("compare.ids_only.epoch=3", "Do you mean epochs?"),
    ('ranking.features=["list"]', "Do you mean lists?"),
    ("ranking.num_leave=3", "Do you mean ranking.num_leaves?"),
    ("num_leaves=3", "Do you mean ranking.num_leaves?"),
    ("ranker.num_leaves=3", "Do you mean ranking?"),
    ("retrieval.source.als=false", "Do you mean retrieval.sources?"),
    ("holdout_day=2", "Do you mean holdout_days?"),
    ("Seed=3", "Do you mean seed?"),
]


@pytest.mark.parametrize(("override", "words"), MISTYPED)
@pytest.mark.parametrize("command", ["run", "tables", "report", "settings"])
def test_a_mistyped_key_is_named_before_anything_runs(
    command: str, override: str, words: str, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path))
    if command == "run":  # what it does first
        with pytest.raises(DataError, match=re.escape(words)):
            open_run(shop, overrides=[override], home=tmp_path)
    else:
        assert main([command, "--input", str(shop), "--set", override]) == 2
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_source_of_a_preset_is_named(tmp_path: Path) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text("[retrieval.sources]\nbrp = false\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"Do you mean bpr\?"):
        load_settings(str(preset))


def test_an_empty_table_replaces_what_is_there(tmp_path: Path) -> None:
    assert load_settings(overrides=["tuning.grid={}"]).tuning.grid == {}
    only = load_settings(overrides=["retrieval.sources={}", "retrieval.sources.mine.class=mine:Mine"])
    assert only.retrieval.sources == {"mine": {"class": "mine:Mine"}}
    assert only.tuning.grid == {}
    path = tmp_path / "mine.toml"
    path.write_text("[tuning.grid]\n[ranking]\n", encoding="utf-8")
    found = load_settings(str(path), ["ranking.num_leaves=7", "ranking={}"])
    assert (found.tuning.grid, found.ranking) == ({}, load_settings().ranking)


@pytest.mark.parametrize("override", ["retrieval.sources={}", "ranking.features=[]"])
def test_at_least_one_is_needed(override: str) -> None:
    with pytest.raises(DataError, match=f"{override.partition('=')[0]}: at least one is needed"):
        load_settings(overrides=[override])


def test_a_parameter_is_not_tried() -> None:
    grid = load_settings(overrides=['tuning.grid."repurchase.half_life"=false']).tuning.grid
    assert set(load_settings().tuning.grid) - set(grid) == {"repurchase.half_life"}
    with pytest.raises(DataError, match=r"this parameter is not tried\. Do you mean repurchase\.half_life\?"):
        load_settings(overrides=['tuning.grid."repurchas.half_life"=false'])


def test_a_new_source_may_be_switched_off_again() -> None:
    new = 'retrieval.sources.mine={ class = "forsys.retrieval.repurchase:Repurchase" }'
    sources = load_settings(overrides=[new, "retrieval.sources.mine.half_life=3"]).retrieval.sources
    assert sources["mine"]["half_life"] == 3
    assert "mine" not in load_settings(overrides=[new, "retrieval.sources.mine=false"]).retrieval.sources
