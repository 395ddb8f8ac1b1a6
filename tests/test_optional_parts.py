"""What an installation without extras does: the whole pipeline, less what needs them, and it says so once."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

from forsys.optional_parts import PARTS, left_out
from forsys.stages import STAGES
from forsys.store import read_arrow
from world import CUSTOMERS, PROJECT, SMALL, forsys, lists_in

Done = subprocess.CompletedProcess[str]
HIDDEN = [module for part in PARTS.values() for module in part.modules]
# Commands one after the other in one Python, in which some modules cannot be imported.
SCRIPT = """
import sys
for module in sys.argv[1].split(","):
    sys.modules[module] = None
from forsys.cli import main
for command in sys.argv[2].split(","):
    if code := main([*command.split(), *sys.argv[3:]]):
        sys.exit(code)
"""
# next_item is on, as by default: it is left out because TensorFlow is not there.
SETTINGS = [f"{key}={value}" for key, value in SMALL.items() if key != "retrieval.sources.next_item"]


def without(modules: list[str], home: Path, shop: Path, *commands: str) -> Done:
    given = ["--input", str(shop), *(word for setting in SETTINGS for word in ("--set", setting))]
    return forsys(home, [",".join(modules), ",".join(commands), *given], script=["-c", SCRIPT])


def test_every_part_is_on_the_page_of_the_command_line() -> None:
    page = (PROJECT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(PARTS)


@pytest.fixture(scope="module")
def minimal(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A home in which every stage has run without the modules of all parts."""
    home = tmp_path_factory.mktemp("minimal")
    return home, without(HIDDEN, home, shop, *STAGES)


class TestWithoutAnyPart:
    def test_the_whole_pipeline_runs(self, minimal: tuple[Path, Done]) -> None:
        home, done = minimal
        assert (done.returncode, done.stderr) == (0, "")
        lists = lists_in(home / "submissions" / "submission.csv")
        assert {len(set(articles)) for articles in lists.values()} == {12}
        assert len(lists) == CUSTOMERS
        assert (home / "output" / "tiny" / "report.html").exists()

    def test_says_once_what_is_left_out(self, minimal: tuple[Path, Done]) -> None:
        said = [line for line in minimal[1].stdout.splitlines() if "eft out" in line]
        assert said == [
            "Left out: the source next_item and the command compare, since tensorflow and keras are missing: "
            "in the project's folder, pip install '.[recurrent]'",
            "Left out: colours, shapes and keywords of the articles, since skimage and yake are missing: "
            "in the project's folder, pip install '.[content]'",
            "Left out: the command search, since optuna is missing: "
            "in the project's folder, pip install '.[search]'",
        ]

    def test_the_source_and_the_features_are_not_there(self, minimal: tuple[Path, Done]) -> None:
        out = minimal[0] / "output" / "tiny"
        assert not list(out.glob("folds/*/next_item-*"))
        assert list(out.glob("folds/*/als-*"))
        features = read_arrow(out / "content" / "features.arrow")
        assert features.select(pl.col("colour", "shape").is_null().all()).row(0) == (True, True)
        assert not features["words"].is_null().all()  # of the descriptions: scikit-learn is always there
        assert pl.read_parquet(out / "content" / "keywords.parquet").is_empty()

    def test_what_cannot_do_without_says_so(self, minimal: tuple[Path, Done], shop: Path) -> None:
        compare = without(HIDDEN, minimal[0], shop, "compare")
        assert compare.returncode == 2
        assert compare.stderr == (
            "forsys: compare needs tensorflow and keras. To install it: "
            "in the project's folder, pip install '.[recurrent]'\n"
        )
        show = without(HIDDEN, minimal[0], shop, "content show 0118235001")
        assert show.returncode == 2
        assert "content show needs skimage and yake" in show.stderr
        encoder = without(HIDDEN, minimal[0], shop, "tables --set content.image_encoder=x.keras")
        assert encoder.returncode == 2
        assert "content.image_encoder needs tensorflow and keras" in encoder.stderr

    def test_a_cluster_says_so_too(self, minimal: tuple[Path, Done], shop: Path) -> None:
        for option in ("--engine dask", "--scheduler tcp://127.0.0.1:8786"):
            done = without(HIDDEN, minimal[0], shop, f"retrieve {option}")
            assert done.returncode == 2
            assert done.stderr == (
                "forsys: a Dask cluster needs distributed. To install it: "
                "in the project's folder, pip install '.[cluster]'\n"
            )

    def test_doctor_says_what_is_missing(self, minimal: tuple[Path, Done], shop: Path) -> None:
        said = without(HIDDEN, minimal[0], shop, "doctor").stdout
        assert "without tensorflow, keras: in the project's folder, pip install '.[recurrent]'" in said

    def test_installed_later_it_is_made(self, minimal: tuple[Path, Done], shop: Path) -> None:
        """The stages notice: what was made without a part is not up to date with it."""
        done = without(["tensorflow"], minimal[0], shop, "tables", "content")
        assert (done.returncode, done.stderr) == (0, "")
        assert "tables     up to date, skipped" in done.stdout
        assert "content    up to date" not in done.stdout
        assert "since tensorflow is missing: " in done.stdout
        assert not pl.read_parquet(minimal[0] / "output" / "tiny" / "content" / "keywords.parquet").is_empty()


def test_pictures_are_not_described(tmp_path: Path) -> None:
    """They are counted as such, and shown on the page all the same."""
    shop = ["--customers", "60", "--articles", "40", "--weeks", "9", "--images", "30"]
    assert forsys(tmp_path, ["sample", str(tmp_path / "shop"), *shop]).returncode == 0
    done = without(["skimage"], tmp_path, tmp_path / "shop", "tables", "content")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 pictures (10 missing, 30 not described)" in done.stdout


def test_nothing_is_left_out_here() -> None:
    assert left_out() == []


def requirements(lines: list[str]) -> list[str]:
    return sorted(name for line in lines if (name := line.partition("#")[0].strip()))


def test_the_extras_make_up_the_requirements() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    every = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    files = [PROJECT / f"requirements{which}.txt" for which in ("", "-cluster")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert requirements(every) == requirements([line for line in lines if not line.startswith("-r ")])
    assert sorted(extras) == sorted(PARTS)


def test_the_minimum_is_enough_to_import_everything() -> None:
    """No module of the package imports what only an extra brings, but within a function."""
    hide = f"import sys\nfor module in {HIDDEN}:\n    sys.modules[module] = None\n"
    files = sorted((PROJECT / "src" / "forsys").rglob("*.py"))
    names = [".".join(file.relative_to(PROJECT / "src").with_suffix("").parts) for file in files]
    recurrent = re.compile(
        r"forsys\.recurrent\.(backend|inference|learner|losses|model|network|optimizer|training)"
    )
    wanted = [name for name in names if not recurrent.fullmatch(name) and not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", hide + "".join(f"import {name.removesuffix('.__init__')}\n" for name in wanted)],
        env={"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
