"""A place of its own for each data set, whatever its folder is called, and the submission that they share."""

import os
import shutil
from pathlib import Path

import pytest

from forsys.cleaning import clean
from forsys.cli import main
from forsys.errors import DataError
from forsys.locking import locked
from forsys.run import Run
from forsys.settings import load_settings
from forsys.stages import run_stage
from forsys.store import write_text
from forsys.submission import give_fixed_name, owner_of
from forsys.tables.dataset import DataSet
from forsys.workspace import Workspace, belongs_to, places_of, sample_folder, workspace_of
from world import flags, lists_in, make_shop

Output = pytest.CaptureFixture[str]


def claimed(home: Path, name: str, data: Path) -> Workspace:
    workspace = workspace_of(home, name, data)
    with locked(workspace.out):
        workspace.claim()
    return workspace


class TestPlaces:
    def test_the_first_has_the_plain_name_and_keeps_it(self, tmp_path: Path) -> None:
        first = claimed(tmp_path, "data", Path("/a/data"))
        assert first.out == tmp_path / "output" / "data"
        assert belongs_to(first.out) == ("/a/data", os.path.relpath("/a/data", tmp_path))
        assert workspace_of(tmp_path, "data", Path("/a/data")).out == first.out

    def test_others_of_that_name_have_places_of_their_own(self, tmp_path: Path) -> None:
        folders = [Path(f"/{letter}/data") for letter in "abcdefgh"]
        places = [claimed(tmp_path, "data", folder).out for folder in folders]
        assert len(set(places)) == len(folders)
        assert [workspace_of(tmp_path, "data", folder).out for folder in folders] == places
        assert all(place.name.startswith("data-") and len(place.name) == len("data-2f3a") for place in places[1:])

    def test_a_folder_that_happens_to_have_the_hashed_name(self, tmp_path: Path) -> None:
        claimed(tmp_path, "data", Path("/a/data"))
        hashed = workspace_of(tmp_path, "data", Path("/b/data")).name
        claimed(tmp_path, hashed, Path("/c") / hashed)
        found = workspace_of(tmp_path, "data", Path("/b/data")).name
        assert found.startswith(hashed)
        assert found != hashed

    @pytest.mark.parametrize("sign", ["\x0b", "\u2028", "\n", "\r"])
    def test_a_path_with_a_line_break(self, sign: str, tmp_path: Path) -> None:
        places = {claimed(tmp_path, "data", Path(f"/a{sign}b/data")).out for _ in range(9)}
        assert places == {tmp_path / "output" / "data"}

    def test_several_shop_files_in_one_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "shops"
        places = [claimed(tmp_path, name, folder / f"{name}.toml").name for name in ("shop", "shop-b", "sho")]
        assert places == ["shop", "shop-b", "sho"]
        found = [workspace_of(tmp_path, name, folder / f"{name}.toml").name for name in ("sho", "shop-b", "shop")]
        assert found == ["sho", "shop-b", "shop"]

    def test_a_longer_name_is_another(self, tmp_path: Path) -> None:
        """Though it lies in the same place, as several shops of one file do."""
        claimed(tmp_path, "hm-cohort", Path("/a"))
        assert workspace_of(tmp_path, "hm", Path("/a")).name == "hm"

    def test_a_link_is_the_folder_that_it_leads_to(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert places_of(tmp_path / "home", tmp_path / "link") == (str(tmp_path / "real"), "../real")

    @pytest.mark.parametrize("data", ["project/input", "data"])
    def test_a_project_may_be_moved_with_its_data(self, data: str, tmp_path: Path) -> None:
        claimed(tmp_path / "old" / "project", "input", Path("/another/input"))
        before = claimed(tmp_path / "old" / "project", "input", tmp_path / "old" / data)
        (tmp_path / "old").rename(tmp_path / "new")
        assert workspace_of(tmp_path / "new" / "project", "input", tmp_path / "new" / data).name == before.name

    def test_a_project_may_be_moved_without_its_data(self, tmp_path: Path) -> None:
        before = claimed(tmp_path / "old", "data", Path("/a/data"))
        (tmp_path / "new").mkdir()
        (tmp_path / "old").rename(tmp_path / "new" / "project")
        assert workspace_of(tmp_path / "new" / "project", "data", Path("/a/data")).name == before.name

    def test_no_shop_takes_the_samples_place(self, tmp_path: Path) -> None:
        assert workspace_of(tmp_path, "sample", tmp_path / "sample").name.startswith("sample-")
        assert workspace_of(tmp_path, "sample", sample_folder(tmp_path)).name == "sample"

    def test_an_output_of_an_earlier_version_is_taken_over(self, tmp_path: Path) -> None:
        (tmp_path / "output" / "data").mkdir(parents=True)
        assert workspace_of(tmp_path, "data", Path("/a/data")).name == "data"

    def test_two_at_once(self, tmp_path: Path) -> None:
        """Both found the plain name free; the second is told to try again, and then has its own."""
        one, two = (workspace_of(tmp_path, "data", Path(f"/{letter}/data")) for letter in "ab")
        with locked(one.out):
            one.claim()
            one.claim()
            with pytest.raises(DataError, match=r"has just been taken by the data in /a/data\. Run the same"):
                two.claim()

    def test_clean_gives_the_name_back(self, tmp_path: Path) -> None:
        claimed(tmp_path, "data", Path("/a/data"))
        clean(tmp_path, ["data"], delete=True)
        assert workspace_of(tmp_path, "data", Path("/b/data")).name == "data"


class TestTwoShopsOfOneName:
    """The case that was found: tables of A, tables of B, and A's own list was checked against B's tables."""

    @pytest.fixture
    def shops(self, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "home"))
        a = Path(shutil.copytree(shop, tmp_path / "a" / "data"))
        b = Path(shutil.copytree(shop, tmp_path / "b" / "data"))
        for name in ("customers", "transactions_train", "sample_submission"):
            text = (b / f"{name}.csv").read_text(encoding="utf-8").splitlines()
            column = text[0].split(",").index("customer_id")
            rows = [line.split(",") for line in text[1:]]
            rows = [[*row[:column], row[column][::-1], *row[column + 1 :]] for row in rows]
            lines = [text[0], *(",".join(row) for row in rows)]
            (b / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [a, b]

    def test_neither_overwrites_the_other(self, shops: list[Path], capsys: Output) -> None:
        a, b = shops
        for folder in shops:
            assert main(["tables", *flags(folder)]) == 0
        assert "(another data set has that name too)" in capsys.readouterr().out
        for folder in shops:
            assert main(["tables", *flags(folder)]) == 0
            assert "tables     up to date, skipped" in capsys.readouterr().out
            assert main(["validate", str(folder / "sample_submission.csv"), *flags(folder)]) == 0
        assert main(["validate", str(b / "sample_submission.csv"), *flags(a)]) == 2

    def test_clean_one_of_them(self, shops: list[Path], capsys: Output) -> None:
        for folder in shops:
            assert main(["tables", *flags(folder)]) == 0
        assert main(["clean", "data", "--yes"]) == 0
        capsys.readouterr()
        assert main(["tables", *flags(shops[1])]) == 0
        assert "up to date, skipped" in capsys.readouterr().out


@pytest.fixture
def submitted(tmp_path: Path) -> list[Workspace]:
    """Two data sets with a submission each; the second was run last."""
    workspaces = [Workspace(tmp_path, name, (name,)) for name in ("one", "two")]
    with locked(tmp_path / "submissions"):
        for workspace in workspaces:
            write_text(f"the list of {workspace.name}", workspace.own_submission)
            give_fixed_name(workspace)
    return workspaces


class TestTheSharedSubmission:
    def test_is_that_of_the_last_run(self, submitted: list[Workspace]) -> None:
        one, two = submitted
        assert two.submission.read_text(encoding="utf-8") == "the list of two"
        assert owner_of(two.submission) == "two"
        assert give_fixed_name(one) == "two"
        assert give_fixed_name(one) == "one"
        assert owner_of(one.submission) == "one"
        assert two.own_submission.read_text(encoding="utf-8") == "the list of two"

    def test_an_edit_does_not_reach_the_data_sets_own(self, submitted: list[Workspace]) -> None:
        two = submitted[1]
        with two.submission.open("a", encoding="utf-8") as file:
            file.write(", edited")
        assert owner_of(two.submission) is None
        assert give_fixed_name(two) is None
        assert two.submission.read_text(encoding="utf-8") == "the list of two"

    def test_a_missing_one_is_made_again(self, submitted: list[Workspace]) -> None:
        submitted[0].submission.unlink()
        assert give_fixed_name(submitted[0]) is None
        assert owner_of(submitted[0].submission) == "one"

    def test_a_skipped_stage_says_whose_it_was(self, shop: Path, tmp_path: Path, capsys: Output) -> None:
        other = Path(shutil.copytree(shop, tmp_path / "other" / "tiny"))
        log = other / "transactions_train.csv"
        log.write_text("\n".join(log.read_text(encoding="utf-8").splitlines()[:-60]) + "\n", encoding="utf-8")
        homes = [run_to_submit(folder, tmp_path / "home") for folder in (shop, other)]
        own = [run.workspace.own_submission for run in homes]
        assert own[0] != own[1]
        assert "submissions/submission.csv (which was that of tiny)" in capsys.readouterr().out
        run_stage(homes[0], "submit")
        assert f"was that of {homes[1].workspace.name}; it is that of tiny again" in capsys.readouterr().out
        assert lists_in(homes[0].workspace.submission) == lists_in(own[0])
        run_stage(homes[0], "submit")
        assert "again" not in capsys.readouterr().out
        homes[0].workspace.submission.write_text("by hand", encoding="utf-8")
        run_stage(homes[0], "submit")
        assert "submission.csv is missing or was changed; it is made again" in capsys.readouterr().out


def run_to_submit(shop: Path, home: Path) -> Run:
    from forsys.opening import open_run
    from world import overrides

    run = open_run(shop, overrides=overrides(), home=home)
    for name in ("tables", "content", "tune", "retrieve", "rank", "submit"):
        run_stage(run, name)
    return run


def test_a_run_by_hand_has_its_workspace(tmp_path: Path) -> None:
    """As tests and scripts make it."""
    make_shop(tmp_path / "shop")
    run = Run(DataSet("mine", tmp_path / "shop", True, "by hand"), load_settings(), Workspace(tmp_path, "mine"))
    run_stage(run, "tables")
    run_stage(run, "tables")
    assert (run.workspace.tables / "tables.json").exists()
