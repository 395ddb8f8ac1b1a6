"""A copy of the shop to spoil, a home for what is made of it, and files of the user's beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from forsys.cli import main
from trust.spoiled import Answer, Case, judge, wrong_tables
from world import snapshot

STAGES = ("tables", "content", "tune", "retrieve", "rank", "submit", "evaluate", "report")
Output = pytest.CaptureFixture[str]


class Bench:
    """A copy of the shop, a home beside it, and files of the user's that no command may touch."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, output: Output, good: Mapping[str, pl.DataFrame]):
        self.root, self.shop, self.home = folder, folder / "tiny", folder / "home"
        self.patch, self.output, self.good = patch, output, good
        self.home.mkdir(exist_ok=True)
        victim = folder / "victim" / "thesis"
        victim.mkdir(parents=True)
        (victim / "chapter.txt").write_text("precious", encoding="utf-8")
        (folder / "victim" / "empty").mkdir()

    def answer(self, arguments: list[str]) -> Answer:
        """Run a command in this process."""
        self.output.readouterr()
        code, error = 1, None
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException as caught:
            error = caught
        said = self.output.readouterr()
        return Answer(code, said.out, said.err, error)

    def given(self) -> list[str]:
        """The options that name the shop."""
        return ["--input", str(self.shop)]

    def run(self, case: Case) -> Answer:
        """Run the commands of a case on the shop up to the first that fails; what they said together."""
        answers = []
        for command in case.commands:
            options = [option.replace("{root}", str(self.root)) for option in case.options]
            answers.append(self.answer([*command.split("+"), *self.given(), *options]))
            if answers[-1].code:
                break
        return together(answers)

    def judge(self, area: str, case: Case) -> None:
        """Spoil the shop as the case says, run it and judge what came of it."""
        for name, value in (case.spoil(self.shop) or {}).items():
            self.patch.setenv(name, value)
        before = self.users_files()
        answer = self.run(case)
        wrong = [] if self.users_files() == before else ["files of the user's have changed"]
        tables = self.home / "output" / "tiny" / "tables"
        if answer.code == 0 and case.commands[0] == "tables" and "up to date" not in answer.out:
            wrong += wrong_tables(self.shop, tables, answer.out, self.good if case.is_same else None)
        judge(area, case, answer, wrong)

    def users_files(self) -> object:
        """Everything but what is made in the home: files with their bytes, and folders."""
        made = ("home/output", "home/submissions")
        files = {name: file for name, file in snapshot(self.root).items() if not name.startswith(made)}
        folders = sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_dir())
        return files, [name for name in folders if not name.startswith(made)]


def together(answers: Sequence[Answer]) -> Answer:
    """What several commands have said, and how the last one ended."""
    out, err = ("".join(said) for said in zip(*((a.out, a.err) for a in answers), strict=True))
    return Answer(answers[-1].code, out, err, answers[-1].error)
