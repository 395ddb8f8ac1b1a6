"""src/kaggle.ipynb from top to bottom in one fresh Python, under a folder that looks like Kaggle's /kaggle.

Nothing is fetched: git clones from this disk, and pip is a stub that keeps what it was asked for.
"""

import csv
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from forsys.errors import DataError
from forsys.report.snapshot import write_customers
from forsys.run import Run
from forsys.sample.shop import generate
from forsys.settings import load_settings
from forsys.stages import STAGES
from forsys.tables.dataset import DataSet
from forsys.workspace import BELONGS_TO, Workspace
from world import ARTICLES, CUSTOMERS, LAST_DAY, PROJECT, SMALL, WEEKS, environment, lists_in, snapshot

NOTEBOOK = PROJECT / "src" / "kaggle.ipynb"
COMPETITION = "h-and-m-personalized-fashion-recommendations"
NOWHERE = "file:///nowhere/FOR-system"
LEFT = ["customers.png", "report.html", "scores.csv", "submission.csv"]
MOST_BYTES = 3_000_000  # of all that stays in /kaggle/working, for the tiny shop

# The code cells one after the other, as a notebook runs them, with a stand-in for IPython and the number of each.
RUN_CELLS = """
import json, sys, types
def display(shown):
    print(f"<{type(shown).__name__}>", shown.to_string() if hasattr(shown, "to_string") else shown)
class HTML(str):
    pass
sys.modules["IPython"] = ipython = types.ModuleType("IPython")
ipython.version_info, ipython.get_ipython = (9, 0), lambda: None  # which Matplotlib looks at
sys.modules["IPython.display"] = module = types.ModuleType("IPython.display")
module.display, module.HTML = display, HTML
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
scope = {"__name__": "__main__"}
for number, cell in enumerate(cells, 1):
    if cell["cell_type"] == "code":
        print(f"[cell {number}]", flush=True)
        exec(compile("".join(cell["source"]), f"<cell {number}>", "exec"), scope)
"""


@dataclass(frozen=True)
class Kaggle:
    """A folder in place of /kaggle, and what the notebook's first run in it said."""

    root: Path
    done: "subprocess.CompletedProcess[str]"

    @property
    def working(self) -> Path:
        return self.root / "working"

    @property
    def pip_calls(self) -> str:
        return (self.root / "pip-calls").read_text(encoding="utf-8")


def copy_project(to: Path) -> Path:
    """What a run needs of the project."""
    shutil.copytree(PROJECT / "src", to / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run.sh", "requirements.txt"):
        shutil.copy(PROJECT / name, to / name)
    return to


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def make_kaggle(root: Path) -> Path:
    """An empty session: folders, cheap settings, and a `python3` whose pip only keeps its call."""
    for name in ("input", "working", "bin"):
        (root / name).mkdir(parents=True)
    settings = "\n".join(f"{key} = {value}" for key, value in SMALL.items())
    (root / "small.toml").write_text(settings, encoding="utf-8")
    python = root / "bin" / "python3"
    record = f'printf "%s\\n" "$* links=${{PIP_FIND_LINKS:-}} index=${{PIP_NO_INDEX:-yes}}" >>{root}/pip-calls'
    lines = [
        "#!/usr/bin/env bash",
        f'if [ "$2" = pip ]; then {record}; exit; fi',
        f'exec {shlex.quote(sys.executable)} "$@"',
    ]
    python.write_text("\n".join(lines) + "\n", encoding="utf-8")
    python.chmod(0o755)
    return root


def run_notebook(root: Path, notebook: Path = NOTEBOOK, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run all cells in a fresh Python, in the session's working folder and with no way to the network."""
    kaggle = {
        "KAGGLE_KERNEL_RUN_TYPE": "Batch",
        "KAGGLE_ROOT": str(root),
        "FORSYS_GIT": NOWHERE,
        "FORSYS_PRESET": str(root / "small.toml"),
        "PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",  # input is read only on Kaggle
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "PIP_FIND_LINKS": "",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-c", RUN_CELLS, str(notebook)]
    env = environment(**kaggle | variables)
    return subprocess.run(
        command, env=env, cwd=root / "working", capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def with_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with the competition's data (a tiny shop) where Kaggle mounted it until 2025."""
    root = make_kaggle(tmp_path_factory.mktemp("kaggle") / "kaggle")
    shop = root / "input" / COMPETITION
    generate(
        shop,
        customers=CUSTOMERS,
        articles=ARTICLES,
        weeks=WEEKS,
        images=30,
        last_day=LAST_DAY,
        weekly_buyers=0.25,
    )
    return root


@pytest.fixture(scope="module")
def attached(with_data: Path) -> Kaggle:
    """No internet: the project is attached as a data set, one level down, and packages with it."""
    project = copy_project(with_data / "input" / "for-system" / "FOR-system-main")
    (project / "wheels").mkdir()
    before = snapshot(with_data / "input")
    done = run_notebook(with_data)
    assert snapshot(with_data / "input") == before
    return Kaggle(with_data, done)


@pytest.fixture(scope="module")
def cloned(attached: Kaggle, tmp_path_factory: pytest.TempPathFactory) -> Kaggle:
    """The project is cloned, and the competition is mounted where Kaggle mounts it of late.

    The cloned run.sh only keeps its call, and the scratch disk holds what the other session's run.sh made.
    """
    folder = tmp_path_factory.mktemp("cloned")
    repository = copy_project(folder / "repository")
    call = 'printf "%s\\n" "home=$FORSYS_HOME links=$PIP_FIND_LINKS $*" >>"$KAGGLE_ROOT/calls"\n'
    (repository / "run.sh").write_text(call, encoding="utf-8")
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "The project")

    root = make_kaggle(folder / "kaggle")
    shutil.copytree(attached.root / "input" / COMPETITION, root / "input" / "competitions" / COMPETITION)
    shutil.copytree(attached.root / "temp", root / "temp")
    (root / "temp" / "forsys" / "output" / COMPETITION / BELONGS_TO).unlink()  # the data lie elsewhere here
    return Kaggle(root, run_notebook(root, FORSYS_GIT=f"file://{repository}"))


class TestAttached:
    def test_runs_to_the_end(self, attached: Kaggle) -> None:
        assert (attached.done.returncode, attached.done.stderr) == (0, "")
        assert f"Project: {attached.root}/input/for-system/FOR-system-main" in attached.done.stdout
        assert f"Data: {attached.root}/input/{COMPETITION}" in attached.done.stdout

    def test_each_stage_has_a_cell_with_its_output(self, attached: Kaggle) -> None:
        outputs = attached.done.stdout.split("[cell ")
        for stage in STAGES:
            (own,) = [output for output in outputs if f"\n{stage:<10} " in output and "peak" in output]
            assert [other for other in STAGES if f"\n{other:<10} " in own] == [stage]

    def test_shows_the_report_in_a_frame(self, attached: Kaggle) -> None:
        _, _, shown = attached.done.stdout.partition('<HTML> <iframe srcdoc="')
        frame, _, _ = shown.partition('" style=')
        assert unescape(frame) == (attached.working / "report.html").read_text(encoding="utf-8")

    def test_leaves_a_valid_submission(self, attached: Kaggle) -> None:
        file = attached.working / "submission.csv"
        assert f"{file}: valid, {CUSTOMERS} customers with 12 articles each." in attached.done.stdout
        lists = lists_in(file)
        assert list(lists) == list(lists_in(attached.root / "input" / COMPETITION / "sample_submission.csv"))
        assert {len(set(articles)) for articles in lists.values()} == {12}
        assert len({tuple(articles) for articles in lists.values()}) > CUSTOMERS / 4  # personal, not one for all

    def test_shows_the_scores(self, attached: Kaggle) -> None:
        """All of scores.csv, best first."""
        _, _, shown = attached.done.stdout.partition("<DataFrame>")
        with (attached.working / "scores.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {"final list (ranker)", "repurchase"} <= {row["list"] for row in rows}
        scored = sorted((row for row in rows if row["MAP@12"]), key=lambda row: -float(row["MAP@12"]))
        places = [shown.index(f"\n{row['list']} ") for row in (scored[0], scored[-1])]
        assert places == sorted(places)
        assert f"{float(scored[0]['MAP@12']):.4f}".rstrip("0") in shown

    def test_shows_customers_with_pictures(self, attached: Kaggle) -> None:
        assert "<PngImageFile>" in attached.done.stdout
        with Image.open(attached.working / "customers.png") as picture:
            assert picture.width == 1200
            assert len(picture.convert("RGB").getcolors(picture.width * picture.height) or []) > 1_000

    def test_leaves_only_results_in_working(self, attached: Kaggle) -> None:
        assert sorted(path.name for path in attached.working.iterdir()) == LEFT
        assert sum(path.stat().st_size for path in attached.working.iterdir()) < MOST_BYTES
        assert (attached.root / "temp" / "forsys" / "output" / COMPETITION / "folds").is_dir()

    def test_installs_from_what_is_attached(self, attached: Kaggle) -> None:
        project = attached.root / "input" / "for-system" / "FOR-system-main"
        wanted = f"install --quiet --disable-pip-version-check -r {project}/requirements.txt"
        assert attached.pip_calls == f"-m pip {wanted} links={project}/wheels index=1\n"


class TestCloned:
    def test_leaves_the_same(self, cloned: Kaggle, attached: Kaggle) -> None:
        assert (cloned.done.returncode, cloned.done.stderr) == (0, "")
        assert f"Project: {cloned.root}/temp/FOR-system" in cloned.done.stdout
        assert sorted(path.name for path in cloned.working.iterdir()) == LEFT
        for name in set(LEFT) - {"report.html"}:  # which says how long the stages took
            assert (cloned.working / name).read_bytes() == (attached.working / name).read_bytes(), name

    def test_runs_on_the_competition(self, cloned: Kaggle) -> None:
        """All stages, then the check of what is submitted, with packages from pip's own index."""
        root, data = cloned.root, cloned.root / "input" / "competitions" / COMPETITION
        start, end = f"home={root}/temp/forsys links= ", f"--input {data} --preset {root}/small.toml"
        words = [*STAGES]
        words.insert(words.index("submit") + 1, f"validate {root}/working/submission.csv")
        expected = [f"{start}{each} {end}" for each in words]
        assert (root / "calls").read_text(encoding="utf-8").splitlines() == expected


class TestFaults:
    def test_without_the_competition(self, tmp_path: Path) -> None:
        done = run_notebook(make_kaggle(tmp_path / "kaggle"))
        assert done.returncode == 1
        assert f"holds no {COMPETITION}. Add the competition with Add Input." in done.stderr

    def test_without_the_project(self, tmp_path: Path) -> None:
        root = make_kaggle(tmp_path / "kaggle")
        (root / "input" / COMPETITION).mkdir()
        done = run_notebook(root)
        assert done.returncode == 1
        assert f"{NOWHERE} could not be cloned" in done.stderr
        assert "attach a data set that holds the project" in done.stderr

    def test_a_failing_stage_stops_it(self, tmp_path: Path) -> None:
        root = make_kaggle(tmp_path / "kaggle")
        (root / "input" / COMPETITION).mkdir()  # and no table in it
        copy_project(root / "input" / "datasets" / "somebody" / "for-system")
        done = run_notebook(root)
        assert done.returncode == 1
        assert "forsys: " in done.stdout  # run.sh's own message is among the notebook's output
        assert "run.sh stopped with status 2" in done.stderr
        assert list((root / "working").iterdir()) == []

    def test_time_runs_out(self, tmp_path: Path) -> None:
        """What was finished is used: the pipeline stops, and a submission that is there is taken."""
        root = make_kaggle(tmp_path / "kaggle")
        (root / "input" / COMPETITION).mkdir()
        project = root / "input" / "for-system"
        project.mkdir()
        (project / "src" / "forsys").mkdir(parents=True)
        run_sh = '[ "$1" = validate ] && exit\nmkdir -p "$FORSYS_HOME/submissions"\n'
        run_sh += 'echo list >"$FORSYS_HOME/submissions/submission.csv"\nsleep 60\necho late\n'
        (project / "run.sh").write_text(run_sh, encoding="utf-8")
        text = NOTEBOOK.read_text(encoding="utf-8")
        assert "LIMIT = 11 * 3600" in text
        shorter = tmp_path / "shorter.ipynb"
        shorter.write_text(text.replace("LIMIT = 11 * 3600", "LIMIT = 1"), encoding="utf-8")
        done = run_notebook(root, shorter)
        assert (done.returncode, done.stderr) == (0, "")
        assert "tables: the 1 seconds for all stages are used up." in done.stdout
        assert "report: the 1 seconds" in done.stdout  # and all between them are passed over
        assert "This submission is of an earlier run" in done.stdout
        assert "late" not in done.stdout
        assert [path.name for path in (root / "working").iterdir()] == ["submission.csv"]


def test_no_customer_to_draw(tmp_path: Path) -> None:
    run = Run(DataSet("empty", tmp_path, True, "a test"), load_settings(), Workspace(tmp_path, "empty"))
    with pytest.raises(DataError, match="Run the stage `report` first"):
        write_customers(run, tmp_path / "customers.png")
    assert list(tmp_path.iterdir()) == []


class TestTheFile:
    def test_holds_no_outputs(self) -> None:
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert len(code) > 3
        assert [cell["outputs"] for cell in code] == [[]] * len(code)
        assert {cell["execution_count"] for cell in code} == {None}

    def test_is_plain_python(self) -> None:
        """No `!command` and no `%magic`, so that these tests run what a notebook runs."""
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        lines = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
        assert [line for line in lines if line.lstrip().startswith(("!", "%"))] == []

    def test_the_metadata_fit(self) -> None:
        """For `kaggle kernels push -p src`."""
        metadata = json.loads((NOTEBOOK.parent / "kernel-metadata.json").read_text(encoding="utf-8"))
        assert (NOTEBOOK.parent / metadata["code_file"]) == NOTEBOOK
        assert metadata["competition_sources"] == [COMPETITION]
        owner, _, name = metadata["id"].partition("/")
        assert owner == "OWNER"  # a placeholder, as in the notebook
        assert name == metadata["title"].lower()

    def test_has_a_cell_per_stage_and_says_how_to_submit(self) -> None:
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
        assert [source for source in sources if source.startswith("run_stage(")] == [
            f'run_stage("{stage}")' for stage in STAGES
        ]
        assert any("**Submit to Competition**" in source for source in sources)

    def test_the_address_is_one_constant(self) -> None:
        assert NOTEBOOK.read_text(encoding="utf-8").count("https://github.com/") == 1
