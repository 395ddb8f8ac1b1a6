"""Every command of the README runs, on a tiny shop with settings that make it quick, and so does its Python."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from forsys import settings
from forsys.cli import main
from world import PROJECT, SMALL, forsys, lists_in, make_shop

README = (PROJECT / "README.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line.partition(" #")[0].strip() for line in LINES]
QUICKER = {
    "--customers 2000": "--customers 150 --weeks 9 --images 20",
    "--full-size 0.1": "--full-size 0.001",
    "ablate --weeks 4": "ablate --weeks 1 lists als",
    "backtest --weeks 26": "backtest --weeks 3",
}
ONE_NETWORK = {"num_networks": "1", "epochs": "1", "embedding_dim": "8"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny shop in input/, and the default settings made quick."""
    home = tmp_path_factory.mktemp("readme")
    make_shop(home / "input")
    default = settings._read_toml(settings.PRESETS / "default.toml")
    quick = SMALL | {f"compare.network.{key}": value for key, value in ONE_NETWORK.items()}
    for key, value in (quick | {"compare.ids_only": "{}"}).items():
        default = settings._merged(default, settings._parse_override(f"{key}={value}"))
    (home / "presets").mkdir()
    (home / "presets" / "default.toml").write_text(as_toml(default), encoding="utf-8")
    return home


def as_toml(tree: dict[str, object]) -> str:
    """A tree as TOML: JSON is TOML but for its colons and `null`."""
    lines = [f"{json.dumps(key)} = {inline(value)}" for key, value in tree.items()]
    assert tomllib.loads("\n".join(lines)) == tree
    return "\n".join(lines)


def inline(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {inline(each)}' for key, each in value.items())} }}"
    return json.dumps(value)


@pytest.mark.parametrize("command", COMMANDS)
def test_command(
    command: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the README: some go on where an earlier one has been."""
    words = shlex.split(command)
    assert words[:2] == ["bash", "run.sh"]
    if words[2:] == ["test"]:
        pytest.skip("that is what runs here")
    monkeypatch.chdir(home)
    monkeypatch.setenv("FORSYS_HOME", str(home))
    monkeypatch.setattr(settings, "PRESETS", home / "presets")
    for slow, quick in QUICKER.items():
        command = command.replace(slow, quick)
    command, _, target = command.partition(" > ")
    arguments = [named(word, home) for word in shlex.split(command)[2:]]
    if not arguments or arguments[0].startswith("--"):
        run_all(arguments)
    else:
        if arguments[0] == "recommend":  # of the default settings, which an earlier command has overridden
            run_all([])
        assert main(arguments) == 0
    if target:
        Path(target).write_text(capsys.readouterr().out, encoding="utf-8")


def named(word: str, home: Path) -> str:
    """An id in the place of CUSTOMER or ARTICLE."""
    if word not in ("CUSTOMER", "ARTICLE"):
        return word
    customer, articles = next(iter(lists_in(home / "submissions" / "submission.csv").items()))
    return customer if word == "CUSTOMER" else articles[0]


def run_all(arguments: list[str]) -> None:
    """What `run` does, in this process, which knows the quick settings."""
    from forsys.stages import STAGES

    for stage in STAGES:
        assert main([stage, *arguments]) == 0


def test_python(home: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    presets = f"Path({str(home / 'presets')!r})"
    quick = f"from pathlib import Path\nfrom forsys import settings\nsettings.PRESETS = {presets}\n"
    make_shop(tmp_path / "input")
    done = forsys(tmp_path, [], script=["-c", quick + example])
    assert done.returncode == 0, done.stderr
    assert "reason" in done.stdout and (tmp_path / "my-model").is_dir()


def test_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.encode()) <= 8_000
    for page in [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"
