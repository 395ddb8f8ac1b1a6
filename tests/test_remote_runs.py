"""The pipeline with data and output in an object store: the same bytes as on a disk, killed or not."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install '.[store]'")

import forsys
from forsys import lease
from forsys.cli import main
from forsys.opening import find_data
from forsys.workspace import workspace_of
from object_store import SECRET, machine, new_bucket, objects, put, store
from world import FEW, PROJECT, environment, overrides

STAGES = ("tables", "content", "tune", "retrieve", "rank", "submit")
SETTINGS = [word for setting in overrides(**FEW) for word in ("--set", setting)]
# What is not the same in every run: paths, times, and how long it took.
ELSEWHERE = ("stamps/", ".belongs-to", ".made", ".lock")
DRIVER = """
import os, signal, sys
from pathlib import Path
from forsys.cli import main
from forsys.opening import find_data

rename = Path.replace

def replace(self, target):
    if Path(target).match(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = replace
for stage in sys.argv[2].split(","):
    if code := main([stage, *sys.argv[3:]]):
        sys.exit(code)
"""
Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bucket(shop: Path) -> Iterator[str]:
    """With the tiny shop in tiny/."""
    with new_bucket() as url:
        put(shop, f"{url}/tiny")
        yield url


@pytest.fixture
def home(bucket: str) -> Iterator[str]:
    """A folder for output, in the end empty again."""
    yield f"{bucket}/home"
    if store().exists(f"{bucket}/home"):
        store().rm(f"{bucket}/home", recursive=True)


@pytest.fixture(scope="module")
def on_disk(bucket: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run makes that reads from the bucket and writes to a disk."""
    home = tmp_path_factory.mktemp("on_disk")
    with machine(home / "copies"):
        assert run(bucket, str(home)) == 0
    files = [path for folder in ("output", "submissions") for path in (home / folder).rglob("*") if path.is_file()]
    return same_everywhere({str(path.relative_to(home)): path.read_bytes() for path in files})


def arguments(bucket: str, home: str) -> list[str]:
    return ["--input", f"{bucket}/tiny", "--output", home, *SETTINGS]


def run(bucket: str, home: str, stages: tuple[str, ...] = STAGES) -> int:
    return next((code for stage in stages if (code := main([stage, *arguments(bucket, home)]))), 0)


def run_killed(bucket: str, home: str, copies: Path, pattern: str) -> None:
    """In a process that is killed when a file like the pattern is stored, and about to take its name."""
    command = [sys.executable, "-c", DRIVER, pattern, ",".join(STAGES), *arguments(bucket, home)]
    env = environment(FORSYS_CACHE=str(copies), PYTHONPATH=str(PROJECT / "src"))
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == -9, done.stderr


def same_everywhere(files: dict[str, bytes]) -> dict[str, bytes]:
    kept = {name: content for name, content in files.items() if not any(part in name for part in ELSEWHERE)}
    return {name: content for name, content in kept.items() if "submission-2" not in name}  # dated copies


def test_killed_and_gone_on_with_on_another_machine(
    bucket: str,
    home: str,
    on_disk: dict[str, bytes],
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.2)
    monkeypatch.setattr(lease, "DEAD", 1.0)
    run_killed(bucket, home, tmp_path / "lost", "ranked/*/part-00001.parquet")
    with machine(tmp_path / "other"):
        assert run(bucket, home, ("submit",)) == 2
        assert "the outputs of rank are not finished" in capsys.readouterr().err
        assert not [name for name in objects(home) if "submission" in name and "tables" not in name]
        half = objects(home)
        assert run(bucket, home) == 0
        printed = capsys.readouterr().out
    for stage in STAGES[:4]:
        assert f"{stage:<10} up to date, skipped" in printed
    stored = objects(home)
    assert same_everywhere(stored) == on_disk
    done = [name for name in half if "ranked" in name and name.endswith(".made-from")]
    assert done
    assert {name: stored[name] for name in done} == {name: half[name] for name in done}
    assert not any(SECRET.encode() in content for content in stored.values())
    assert SECRET not in printed


def test_a_run_that_finds_all_done_fetches_it_once(bucket: str, tmp_path: Path, capsys: Output) -> None:
    """The same shop at the same URL is up to date on every machine."""
    home = f"{bucket}/other"
    with machine(tmp_path / "one"):
        assert run(bucket, home, ("tables", "content")) == 0
    capsys.readouterr()
    with machine(tmp_path / "two"):
        assert run(bucket, home, ("tables", "content")) == 0
        assert capsys.readouterr().out.count("up to date, skipped") == 2
        assert main(["clean", "--output", home, "--yes"]) == 0
    assert "Deleted:" in capsys.readouterr().out
    assert [name for name in objects(home) if not name.startswith("output/tiny/.")] == []


def test_two_shops_of_one_name(bucket: str, shop: Path, tmp_path: Path) -> None:
    put(shop, f"{bucket}/second/tiny")
    with machine(tmp_path):
        places = [find_data(f"{bucket}/{name}", tmp_path) for name in ("tiny", "second/tiny")]
        first, second = (workspace_of(tmp_path, each.name, each.folder) for each in places)
        first.claim()
        assert workspace_of(tmp_path, "tiny", places[1].folder).name.startswith("tiny-")
    assert first.places == (f"{bucket}/tiny",)
    assert second.places == (f"{bucket}/second/tiny",)


def test_no_data(bucket: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORSYS_INPUT", raising=False)
    with machine(tmp_path):
        assert main(["tables", "--output", f"{bucket}/none"]) == 2
        assert "none has no input/ with tables, and no --input was given" in capsys.readouterr().err
        assert main(["tables", "--input", f"{bucket}/absent"]) == 2
        assert f"--input {bucket}/absent: no table in" in capsys.readouterr().err


def test_credentials_are_not_shown(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORSYS_INPUT", f"s3://tests:{SECRET}@bucket/shop?key={SECRET}")
    main(["doctor", "--output", str(tmp_path)])
    assert main(["tables", "--output", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "has no user, password or query" in printed.err
    assert SECRET not in printed.out + printed.err


def test_a_model_at_a_url(bucket: str, tmp_path: Path) -> None:
    settings = dict(setting.split("=", 1) for setting in overrides(**FEW))
    with machine(tmp_path / "one"):
        model = forsys.Shop(f"{bucket}/tiny").fit(f"{bucket}/model", settings={"k": 6} | read(settings))
    with machine(tmp_path / "two"):
        loaded = forsys.load(f"{bucket}/model")
    customer = model.customers[0]
    assert loaded.recommend(customer).equals(model.recommend(customer))


def read(settings: dict[str, str]) -> dict[str, object]:
    """The values of --set, as Python's."""
    return {key: tomllib.loads(f"value = {value}")["value"] for key, value in settings.items()}
