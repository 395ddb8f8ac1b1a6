"""Damaged artifacts: what does not match its stamp is said and made again, and the end is the same to the byte."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trust.bench import STAGES, Bench, together
from trust.damage import DAMAGES, EARLIER_WEEK, KINDS, cut, empty, find, flip, overwrite, remove, results
from trust.spoiled import Answer, Case
from trust.spoiled import judge as judged
from world import flags

AREA = "artifacts"
Damage = Callable[[Path], None]
HIDDEN = ("stamps/", ".made-from")  # whose loss is not said: they only vouch for others

# In the quick part, what is made again within a second, and the model whose half once aborted the process.
QUICK: list[tuple[str, Damage]] = [
    ("tables/articles.parquet", flip),
    ("tables/transactions.parquet", cut),
    ("tables/customers.parquet", remove),
    ("tables/tables.json", empty),
    ("tables/submission_customers.parquet", overwrite),
    ("stamps/tables.json", cut),
    ("content/features.arrow", flip),
    ("content/words.npz", cut),
    ("content/attributes.json", overwrite),
    ("content/.descriptions.parquet.made-from", empty),
    ("tuned.json", flip),
    ("tuned.json", overwrite),
    ("folds/2024-07-01/als-*/model.npz", flip),
    ("folds/2024-07-01/bpr-*/part-00001.parquet", cut),
    ("folds/2024-07-01/als-*/.part-00000.parquet.made-from", overwrite),
    ("rankers/2024-06-24/model-0.txt", cut),
    ("../../submissions/submission.csv", cut),
    ("../../submissions/submission.csv", flip),
    ("holdout/submission.csv", empty),
    ("evaluation/scores.json", flip),
    ("evaluation/scores.csv", cut),
]
ALL = [(name, damage) for names in KINDS.values() for name in names for damage in DAMAGES]


def heals(name: str, damage: Damage, bench: Bench, more: tuple[str, ...] = ()) -> None:
    """Damage an artifact (and remove `more`), run all stages, and compare with the undisturbed run."""
    expected = results(bench.home)
    path = find(bench.home, name)
    damage(path)
    for other in more:
        find(bench.home, other).unlink()
    shown = str(path.relative_to(bench.home))
    words = () if any(word in name for word in HIDDEN) or more else (f"{shown} is missing or was changed",)
    if name == "folds/2024-07-01/als-*/model.npz" or damage is remove:
        words = words and (shown,)
    case = Case(f"{damage.__name__} {name}", lambda _: None, 0, words)
    answers: list[Answer] = []
    for stage in STAGES:
        answers.append(bench.answer([stage, *flags(bench.shop)]))
        if answers[-1].code or answers[-1].error:
            break
    said = together(answers)
    found = results(bench.home) if said.code == 0 else expected
    judged(AREA, case, said, [f"{file} differs" for file in expected if found[file] != expected[file]])


def named(value: object) -> str:
    return str(getattr(value, "__name__", value))


@pytest.mark.parametrize(("name", "damage"), QUICK, ids=named)
def test_damage_is_healed(name: str, damage: Damage, ready: Bench) -> None:
    heals(name, damage, ready)


@pytest.mark.long
@pytest.mark.parametrize(("name", "damage"), ALL, ids=named)
def test_all_damage_is_healed(name: str, damage: Damage, ready: Bench) -> None:
    heals(name, damage, ready)


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES, ids=named)
@pytest.mark.parametrize("name", EARLIER_WEEK)
def test_damage_to_an_earlier_week_is_healed(name: str, damage: Damage, ready: Bench) -> None:
    """`tune` reads it once its own output is lost."""
    heals(name, damage, ready, more=("tuned.json",))


def test_a_damaged_artifact_stops_a_command_that_reads_it(ready: Bench) -> None:
    cut(find(ready.home, "tables/customers.parquet"))
    for command in ("validate x", "explain x y", "submit", "evaluate"):
        case = Case(
            command, lambda _: None, 2, ("customers.parquet is missing or was changed", "Run the stage `tables`")
        )
        judged(AREA, case, ready.answer([*command.split(), *flags(ready.shop)]))


@pytest.mark.parametrize("where", ["/etc/hostname", "../../../../victim/thesis/chapter.txt", "{victim}"])
def test_a_stamp_that_names_other_files_deletes_nothing(where: str, ready: Bench) -> None:
    """Whatever a stamp says, only outputs are checked, and made again."""
    path = find(ready.home, "stamps/tables.json")
    name = where.format(victim=ready.root / "victim" / "thesis" / "chapter.txt")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("output/tiny/tables/tables.json", name), encoding="utf-8")
    before = ready.users_files()
    answer = ready.answer(["tables", *flags(ready.shop)])
    wrong = [] if ready.users_files() == before else ["files of the user's have changed"]
    judged(AREA, Case(where, lambda _: None, 0, ("tables",)), answer, wrong)


def test_an_output_without_stamps_is_made_anew(ready: Bench) -> None:
    expected = results(ready.home)
    shutil.rmtree(ready.home / "output" / "tiny" / "stamps")
    for stage in STAGES[:4]:
        judged(AREA, Case(stage, lambda _: None, 0, (stage,)), ready.answer([stage, *flags(ready.shop)]))
    found = results(ready.home)
    assert [file for file in expected if found[file] != expected[file]] == []


def test_what_is_made_is_for_its_owner_alone(finished: Path) -> None:
    """Files 600 and folders 700, whatever the umask was."""
    made = [path for name in ("output", "submissions") for path in (finished / name).rglob("*")]
    assert len(made) > 100
    assert [path for path in made if path.stat().st_mode & 0o077] == []
