"""The table of stages, and the one way in which each is run: skipped, refused or done, and stamped."""

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from forsys import fingerprints, stages
from forsys.candidates import SourceArtifacts
from forsys.errors import DataError
from forsys.fingerprints import imported_modules
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.stages import MEASUREMENTS, STAGES, output_files, require, run_stage, stage_fingerprint
from forsys.store import digest
from forsys.workspace import Workspace
from world import run_on

NAMES = ("tables", "content", "tune", "retrieve", "rank", "submit", "evaluate", "report")


@pytest.fixture(scope="module")
def finished(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_on(shop, tmp_path_factory.mktemp("sta[g]es"))  # no pattern, whatever reads a file there
    for name in NAMES[2:]:
        run_stage(run, name)
    return run


def test_stages_stand_in_order() -> None:
    assert tuple(STAGES) == NAMES
    for stage in STAGES.values():
        assert all(NAMES.index(earlier) < NAMES.index(stage.name) for earlier in stage.inputs)
        assert stage.module in imported_modules(stage.module)


def test_every_output_is_stamped_with_its_hash(finished: Run) -> None:
    for name, stage in STAGES.items():
        stamp = json.loads(finished.workspace.stamp(name).read_text(encoding="utf-8"))
        files = output_files(finished, stage)
        assert files
        assert stamp["outputs"] == {finished.workspace.shown(path): digest(path) for path in files}
        assert stamp["fingerprint"] == stage_fingerprint(finished, name) == finished.fingerprint_of(name)


def test_every_file_belongs_to_a_stage(finished: Run) -> None:
    """But stamps, the log by customer, what is kept of earlier weeks, and dated copies."""
    known = {path for stage in STAGES.values() for path in output_files(finished, stage)}
    weeks = {finished.workspace.candidates(getattr(finished.calendar, name)) for name in ("holdout", "submission")}
    others = [
        path
        for path in finished.workspace.out.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path not in known
        and path.parent.name not in ("stamps", "log")
        and not (path.parents[2].name == "folds" and path.parents[1] not in weeks)
    ]  # fmt: skip
    assert [path.name for path in others if not path.name.startswith("submission-2")] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_up_to_date_is_skipped(name: str, finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = finished.workspace.stamp(name).stat().st_mtime_ns
    run_stage(finished, name)
    assert f"{name:<10} up to date, skipped" in capsys.readouterr().out
    assert finished.workspace.stamp(name).stat().st_mtime_ns == before


@pytest.mark.parametrize(("lost", "stage"), [("tuned.json", "tune"), ("tables/articles.parquet", "tables")])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"half")], ids=["gone", "cut"])
def test_a_lost_output_is_named_and_made_again(
    lost: str, stage: str, damage: Callable[[Path], object], finished: Run
) -> None:
    path = finished.workspace.out / lost
    good = path.read_bytes()
    damage(path)
    with pytest.raises(DataError, match=f"Run the stage `{stage}` first"):
        require(finished, "rank")
    run_stage(finished, stage)
    assert path.read_bytes() == good
    require(finished, "report")


@pytest.mark.parametrize("way", ["relative", "link"])
def test_damage_is_mended_however_the_folder_is_named(
    way: str, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished.workspace.home, home)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(home)
    named = Path("home" if way == "relative" else "link")
    run = replace(finished, workspace=Workspace(named, finished.workspace.name, finished.workspace.places))
    path = run.workspace.out / "tuned.json"
    good = path.read_bytes()
    path.write_bytes(good + b" ")
    run_stage(run, "tune")
    assert path.read_bytes() == good


def test_another_encoder_at_the_same_place_is_noticed(finished: Run, tmp_path: Path) -> None:
    path = tmp_path / "encoder.keras"
    content = finished.settings.content.model_copy(update={"image_encoder": path})
    run = replace(finished, settings=finished.settings.model_copy(update={"content": content}))
    path.write_bytes(b"one")
    before = stage_fingerprint(run, "content")
    path.write_bytes(b"another")
    assert stage_fingerprint(run, "content") != before


@pytest.mark.parametrize("module", ["forsys.retrieval.pair_memory", "forsys.retrieval.user_knn"])
def test_what_only_compare_names_makes_its_result_stale(
    module: str, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = {name: stages.measured_from(finished, name) for name in MEASUREMENTS}
    with changed_source(module, finished, monkeypatch):
        now = {name: stages.measured_from(finished, name) for name in MEASUREMENTS}
    assert {name for name in now if now[name] != results[name]} == {"compare"}


@contextmanager
def changed_source(module: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As after an edit of one module; no stage is called stale for it."""
    real = fingerprints._source_file

    def changed(name: str) -> Path:
        if name != module:
            return real(name)
        copy = run.workspace.home / "changed.py"
        copy.write_text(real(name).read_text(encoding="utf-8") + "\nCHANGED = True\n", encoding="utf-8")
        return copy

    monkeypatch.setattr(fingerprints, "_source_file", changed)
    fingerprints.code_fingerprint.cache_clear()
    monkeypatch.setattr(stages, "_refuse_stale", lambda *_: None)
    yield
    monkeypatch.undo()
    fingerprints.code_fingerprint.cache_clear()


def stale_after(module: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The stages that are made again, and the sources that are fitted again, after a change of one module."""
    folders = {name: folder_of(run, name) for name in run.settings.retrieval.sources}
    with changed_source(module, run, monkeypatch):
        found = {name for name in STAGES if stage_fingerprint(run, name) != run.fingerprint_of(name)}
        return found | {name for name, folder in folders.items() if folder_of(run, name) != folder}


def folder_of(run: Run, name: str) -> Path:
    config = run.settings.retrieval.sources[name]
    return SourceArtifacts.of(run, run.calendar.holdout, name, config).folder


@pytest.mark.parametrize(
    ("module", "stale"),
    [
        ("forsys.report.charts", {"report"}),
        ("forsys.ranking.features.group", {"rank", "submit", "evaluate", "report"}),
        ("forsys.retrieval.same_product", {"same_product", "nearest_content", *NAMES[2:]}),
        ("forsys.retrieval.factorization", {"als", "bpr", "lmf", *NAMES[2:]}),
        ("forsys.content.silhouette", {*NAMES[1:]}),
        ("forsys.tables.csv_faults", {*NAMES}),
    ],
)
def test_a_change_of_code_makes_stale_what_depends_on_it(
    module: str, stale: set[str], finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages, and sources that would be fitted again. What reads new tables or content follows once made."""
    assert stale_after(module, finished, monkeypatch) == stale


def test_the_recurrent_model_is_part_of_what_tune_and_rank_depend_on(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once was left out of a list kept by hand, and `tune` and `rank` called themselves up to date."""
    on = '{ class = "forsys.retrieval.next_item:NextItem" }'
    run = run_on(shop, tmp_path, retrieval__sources__next_item=on)
    monkeypatch.setattr(stages, "_refuse_stale", lambda *_: None)
    before = {name: stage_fingerprint(run, name) for name in NAMES}
    real = fingerprints.imported_modules
    monkeypatch.setattr(fingerprints, "imported_modules", lambda name: real(name) - {"forsys.recurrent.losses"})
    fingerprints.code_fingerprint.cache_clear()
    after = {name: stage_fingerprint(run, name) for name in NAMES}
    fingerprints.code_fingerprint.cache_clear()
    assert {name for name in NAMES if after[name] != before[name]} == set(NAMES[2:])


def test_what_a_worker_needs_is_small(finished: Run) -> None:
    """The log is not sent along: it is read again where a task arrives, and once for all tasks."""
    assert len(finished.history) > 0
    name, config = next(iter(Tuned.read(finished.workspace.tuned).sources.items()))
    fit, part, *_ = SourceArtifacts.of(finished, finished.calendar.holdout, name, config).tasks()
    sent = pickle.dumps(part)
    assert len(sent) < 20_000
    before = part.files[0].read_bytes()
    part.files[0].unlink()
    arrived = pickle.loads(sent)
    arrived.do()
    assert part.is_done()
    assert part.files[0].read_bytes() == before
    other = pickle.loads(pickle.dumps(fit))
    assert other.function.__self__.run is arrived.function.__self__.run is not finished


def test_reading_a_property_writes_nothing(finished: Run) -> None:
    files = {path: path.stat().st_mtime_ns for path in finished.workspace.home.rglob("*") if path.is_file()}
    again = pickle.loads(pickle.dumps(finished))
    for owner in (again, again.workspace):
        for name in dir(type(owner)):
            if isinstance(getattr(type(owner), name), property) or name in ("history", "calendar"):
                getattr(owner, name)
    assert {p: p.stat().st_mtime_ns for p in finished.workspace.home.rglob("*") if p.is_file()} == files
