"""What was made for one run is never shown as that of another: refused, or said."""

import shutil
from pathlib import Path

import pytest

from forsys.cli import main
from forsys.stages import STAGES
from world import flags, lists_in

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def finished(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every stage has run, on a shop beside it."""
    root = tmp_path_factory.mktemp("stale")
    shutil.copytree(shop, root / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(root / "home"))
        for stage in STAGES:
            assert main([stage, *flags(root / "tiny")]) == 0
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it."""
    shutil.copytree(finished, tmp_path / "root")
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "root" / "home"))
    return tmp_path / "root"


def reading(root: Path) -> dict[str, list[str]]:
    """The commands that show what others made."""
    customer, articles = next(iter(lists_in(root / "home" / "submissions" / "submission.csv").items()))
    return {
        "report": ["report"],
        "evaluate": ["evaluate"],
        "explain": ["explain", customer, articles[0]],
        "show": ["content", "show", articles[0]],
        "validate": ["validate", str(root / "tiny" / "sample_submission.csv")],
    }


@pytest.mark.parametrize("command", ["report", "explain", "show", "validate"])
def test_of_this_run_it_is_shown(command: str, root: Path) -> None:
    assert main([*reading(root)[command], *flags(root / "tiny")]) == 0


@pytest.mark.parametrize(
    ("command", "change"),
    [
        ("report", ["--holdout-days", "2"]),
        ("report", ["--set", "k=5"]),
        ("report", ["--set", "retrieval.sources.als=false"]),
        ("report", ["--max-rejected", "0.5"]),
        ("report", ["--set", "content.max_colours=3"]),
        ("evaluate", ["--holdout-days", "2"]),
        ("explain", ["--holdout-days", "2"]),
        ("explain", ["--set", "ranking.num_leaves=7"]),
        ("show", ["--set", "content.max_keywords=3"]),
        ("show", ["--max-rejected", "0.5"]),
        ("validate", ["--max-rejected", "0.5"]),
    ],
)
def test_of_other_settings_it_is_refused(command: str, change: list[str], root: Path, capsys: Output) -> None:
    page = root / "home" / "output" / "tiny" / "report.html"
    before = page.read_bytes()
    assert main([*reading(root)[command], *flags(root / "tiny"), *change]) == 2
    said = capsys.readouterr().err
    assert "were made from other data, settings or code. Run the stage `" in said
    assert "first, or give the options of the run that made them, such as --preset." in said
    assert page.read_bytes() == before


@pytest.mark.parametrize("command", ["report", "evaluate", "explain", "show", "validate"])
def test_of_other_data_it_is_refused(command: str, root: Path, capsys: Output) -> None:
    arguments = reading(root)[command]
    with (root / "tiny" / "transactions_train.csv").open("a", encoding="utf-8") as log:
        log.write((root / "tiny" / "transactions_train.csv").read_text(encoding="utf-8").splitlines()[-1] + "\n")
    assert main([*arguments, *flags(root / "tiny")]) == 2
    assert "the outputs of tables were made from other data" in capsys.readouterr().err


def test_with_other_settings_all_is_made_anew(root: Path) -> None:
    """The case that was found: 7-day scores under a 2-day title."""
    for stage in list(STAGES)[2:]:
        assert main([stage, *flags(root / "tiny"), "--holdout-days", "2"]) == 0
    page = (root / "home" / "output" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert "holdout 2024-06-29" in page
    assert "holdout 2024-06-24" not in page


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["backtest", "--weeks", "1"], "backtest.csv"),
        pytest.param(["ablate", "--weeks", "1", "als"], "ablation.csv", marks=pytest.mark.long),
    ],
)
def test_a_measurement_of_another_run_is_named(command: list[str], file: str, root: Path, capsys: Output) -> None:
    """It lies beside the scores of the stages, and people take the two for one."""
    given = flags(root / "tiny", tuning__max_weeks="1")
    for arguments in (command, ["tune"], ["retrieve"], ["rank"], ["evaluate"]):
        assert main([*arguments, *given]) == 0
    assert "makes it anew" not in capsys.readouterr().out
    for stage in list(STAGES)[2:]:
        assert main([stage, *flags(root / "tiny")]) == 0
    said = (
        f"output/tiny/evaluation/{file} was made from other data, settings or code: `{command[0]}` makes it anew."
    )
    assert said in capsys.readouterr().out
