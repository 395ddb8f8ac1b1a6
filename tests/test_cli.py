"""The command line in this process: what it answers, and how it refuses."""

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest

from forsys import opening
from forsys.cli import commands, main, parsed
from forsys.progress import stage_line
from forsys.retrieval import registry
from forsys.sample.shop import generate
from forsys.tables.dataset import locate
from world import CUSTOMERS, flags, snapshot

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outputs go to a folder of the test."""
    monkeypatch.delenv("FORSYS_INPUT", raising=False)
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def submitted(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything up to `submit` is done."""
    home = tmp_path_factory.mktemp("submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        for stage in ("tables", "content", "tune", "retrieve", "rank", "submit"):
            assert main([stage, *flags(shop)]) == 0
    return home


def refused(arguments: list[str], capsys: Output) -> str:
    """The message of a command that ends with 2, and no traceback: an exception would fail the test."""
    capsys.readouterr()
    assert main(arguments) == 2
    found = capsys.readouterr()
    assert found.err.startswith("forsys: ")
    assert "Traceback" not in found.err
    return found.err


class TestSettings:
    @pytest.mark.parametrize(
        ("faulty", "words"),
        [
            (["--set", "retrieval.nonsense=3"], ["retrieval.nonsense", "forsys settings"]),
            (["--set", "retrieval.candidate=3"], ["Do you mean retrieval.candidates_per_source?"]),
            (["--set", "shard_size=0"], ["shard_size", "greater than 0", "found 0"]),
            (["--set", "shard_size"], ["--set shard_size", "key=value"]),
            (["--set", "ranking.leaves=7"], ["ranking.leaves is called ranking.num_leaves now"]),
            (["--set", "retrieval.sources.taste=false"], ["is called retrieval.sources.same_attributes now"]),
            (["--set", "=3"], ["key=value"]),
            (["--set", "a b=3"], ["--set a b=3"]),
            (["--preset", "nonsense"], ["nonsense", "Presets: default"]),
            (["--preset", "/"], ["is a folder", "Presets: default"]),
            (["--input", "/no/such/folder"], ["/no/such/folder does not exist"]),
        ],
    )
    def test_faults_are_named(self, faulty: list[str], words: list[str], shop: Path, capsys: Output) -> None:
        message = refused(["tables", "--input", str(shop), *faulty], capsys)
        assert [word for word in words if word not in message] == []

    @pytest.mark.parametrize(
        "line",
        [
            '{ class = "nonsense:Nonsense" }',
            '{ class = "forsys.retrieval.repurchase:Nonsense" }',
            '{ class = "forsys.retrieval.repurchase" }',
            '{ class = "forsys.retrieval.factorization:np" }',
            '{ class = "forsys.retrieval.factorization:Factorization" }',
            '{ class = "forsys.retrieval.factorization:decay" }',
            "{ days = 3 }",
            "{ class = 3 }",
        ],
    )
    def test_a_source_that_is_none(self, line: str, shop: Path, submitted: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            message = refused(["tune", *flags(shop, retrieval__sources__mine=line)], capsys)
        assert "is not a source" in message
        assert '"package.module:Class"' in message

    def test_a_parameter_that_a_source_lacks(self, shop: Path, submitted: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            message = refused(["tune", *flags(shop, retrieval__sources__als__nonsense="3")], capsys)
        assert "retrieval.sources.als: nonsense" in message
        assert "ALS takes: factors" in message

    def test_a_grid_for_a_source_that_is_not_there(self, shop: Path, submitted: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            message = refused(["tune", *flags(shop, tuning__grid='{ "nobody.days" = [1] }')], capsys)
        assert "nobody.days names no source" in message

    @pytest.mark.parametrize("wrong", ["0", "-1", "x", "1.5", ""])
    @pytest.mark.parametrize("option", [["tables", "--holdout-days"], ["backtest", "--weeks"]])
    def test_numbers_are_whole_and_above_0(self, option: list[str], wrong: str, capsys: Output) -> None:
        with pytest.raises(SystemExit) as ended:
            main([*option[:-1], f"{option[-1]}={wrong}"])
        assert ended.value.code == 2
        assert f"{wrong} is not a whole number above 0" in capsys.readouterr().err


class TestSteps:
    @pytest.mark.parametrize(
        ("done", "asked", "missing"),
        [
            ([], "tune", "tables"),
            ([], "validate", "tables"),
            ([], "content", "tables"),
            ([], "submit", "tables"),
            (["tables"], "tune", "content"),
            (["tables"], "retrieve", "content"),
            (["tables"], "submit", "content"),
            (["tables", "content"], "evaluate", "tune"),
            (["tables", "content", "tune"], "report", "retrieve"),
            (["tables", "content", "tune"], "rank", "retrieve"),
            (["tables", "content", "tune"], "submit", "retrieve"),
            (["tables", "content", "tune", "retrieve"], "evaluate", "rank"),
            (["tables", "content", "tune", "retrieve"], "explain", "rank"),
        ],
    )
    def test_out_of_order(self, done: list[str], asked: str, missing: str, shop: Path, capsys: Output) -> None:
        for stage in done:
            assert main([stage, *flags(shop)]) == 0
        more = {"validate": [str(shop / "sample_submission.csv")], "explain": ["someone", "something"]}
        message = refused([asked, *more.get(asked, []), *flags(shop)], capsys)
        assert f"Run the stage `{missing}` first" in message

    @pytest.mark.parametrize("asked", ["content", "tune", "retrieve", "submit"])
    def test_unfinished_tables(self, asked: str, shop: Path, submitted: Path, home: Path, capsys: Output) -> None:
        """As a kill between tables.json and the stage's stamp leaves them."""
        shutil.copytree(submitted, home)
        (home / "output" / "tiny" / "stamps" / "tables.json").unlink()
        assert "Run the stage `tables` first" in refused([asked, *flags(shop)], capsys)

    def test_candidates_of_other_settings_do_not_serve(
        self, shop: Path, submitted: Path, home: Path, capsys: Output
    ) -> None:
        shutil.copytree(submitted, home)
        other = flags(shop, retrieval__candidates_per_source="13")
        message = refused(["submit", *other], capsys)
        assert "made from other data, settings or code" in message
        assert "Run the stage `tune` first" in message
        assert main(["tune", *other]) == 0
        message = refused(["rank", *other], capsys)
        assert "Run the stage `retrieve` first" in message

    def test_a_log_that_is_too_short(self, shop: Path, capsys: Output) -> None:
        assert main(["tables", *flags(shop)]) == 0
        assert main(["content", *flags(shop)]) == 0
        message = refused(["tune", *flags(shop), "--holdout-days", "29"], capsys)
        assert "84 days" in message
        assert "Use a holdout of at most 28 days (holdout_days), or a longer log" in message

    def test_too_few_articles_for_a_list(self, shop: Path, tmp_path: Path, capsys: Output) -> None:
        few = shutil.copytree(shop, tmp_path / "few")
        log = few / "transactions_train.csv"
        header, *rows = log.read_text(encoding="utf-8").splitlines()
        known = sorted({row.split(",")[2] for row in rows})[:11]
        kept = [row for row in rows if row.split(",")[2] in known]
        log.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
        for stage in ("tables", "content"):
            assert main([stage, *flags(few)]) == 0
        assert "different articles were sold before" in refused(["tune", *flags(few)], capsys)


class TestEndings:
    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
        def interrupted(_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(commands, "run_one_stage", interrupted)
        assert main(["tables"]) == 130
        assert "goes on from here" in capsys.readouterr().err

    def test_a_bug_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only a DataError is the user's fault; anything else keeps its traceback."""

        def broken(_: object) -> None:
            raise ValueError("a bug")

        monkeypatch.setattr(commands, "run_one_stage", broken)
        with pytest.raises(ValueError, match="a bug"):
            main(["tables"])

    def test_a_failed_stage_does_not_say_that_it_made_something(self, capsys: Output) -> None:
        with pytest.raises(ValueError, match="a bug"), stage_line("tables") as made:
            made.append("everything")
            raise ValueError("a bug")
        assert capsys.readouterr().out == ""

    def test_a_command_is_needed(self, capsys: Output) -> None:
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("usage: forsys")


class TestValidate:
    def test_a_good_file(self, shop: Path, submitted: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            file = submitted / "submissions" / "submission.csv"
            assert main(["validate", str(file), "--input", str(shop)]) == 0
        found = capsys.readouterr()
        assert found.out == f"{file}: valid, {CUSTOMERS} customers with 12 articles each.\n"
        assert found.err == ""

    @pytest.mark.parametrize("fault", ["cut off", "short list", "unknown article", "missing", "twice"])
    def test_a_bad_file(self, fault: str, shop: Path, submitted: Path, tmp_path: Path, capsys: Output) -> None:
        good = (submitted / "submissions" / "submission.csv").read_text(encoding="utf-8")
        lines = good.splitlines()
        bad = {
            "cut off": good[:-30],
            "short list": good.replace(lines[5], lines[5].rpartition(" ")[0]),
            "unknown article": good.replace(lines[5], lines[5][:-10] + "9999999999"),
            "missing": good.replace(f"{lines[5]}\n", ""),
            "twice": good + f"{lines[5]}\n",
        }
        file = tmp_path / "bad.csv"
        file.write_text(bad[fault], encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            assert str(file) in refused(["validate", str(file), "--input", str(shop)], capsys)

    def test_no_file(self, shop: Path, submitted: Path, tmp_path: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            for path in (tmp_path / "none.csv", tmp_path):
                assert str(path) in refused(["validate", str(path), "--input", str(shop)], capsys)


class TestSample:
    small = ("--customers", "30", "--articles", "24", "--weeks", "4", "--images", "1")

    def test_generates_a_shop_that_the_tables_stage_reads(self, tmp_path: Path, capsys: Output) -> None:
        folder = tmp_path / "new" / "shop"
        assert main(["sample", str(folder), *self.small]) == 0
        assert f"--input {folder}" in capsys.readouterr().out
        assert main(["tables", "--input", str(folder)]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"Data: {folder} (--input {folder}; generated data")
        assert "30 customers and 24 articles" in out

    def test_the_seed_makes_the_shop(self, tmp_path: Path) -> None:
        for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
            assert main(["sample", str(tmp_path / name), *self.small, "--seed", seed]) == 0
        a, b, c = ((tmp_path / name / "transactions_train.csv").read_bytes() for name in "abc")
        assert a == b
        assert a != c

    def test_overwrites_nothing(self, tmp_path: Path, capsys: Output) -> None:
        (tmp_path / "mine").mkdir()
        file = tmp_path / "mine" / "articles.csv"
        file.write_text("precious", encoding="utf-8")
        assert "is not empty" in refused(["sample", str(file.parent), *self.small], capsys)
        assert "is a file" in refused(["sample", str(file), *self.small], capsys)
        assert [path.name for path in file.parent.iterdir()] == ["articles.csv"]
        assert file.read_text(encoding="utf-8") == "precious"

    def test_goes_on_where_it_was_stopped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "new"
        with monkeypatch.context() as patch:
            patch.setattr("forsys.sample.shop.draw_pictures", Mock(side_effect=KeyboardInterrupt))
            assert main(["sample", str(folder), *self.small]) == 130
        assert main(["tables", "--input", str(folder)]) == 2  # no shop yet, that would pass for a real one
        assert main(["sample", str(folder), *self.small]) == 0
        assert main(["tables", "--input", str(folder)]) == 0

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--customers", "3"),
            ("--customers", "9" * 20),
            ("--articles", "3"),
            ("--weeks", "1000000"),
            ("--images", "25"),
        ],
    )
    def test_says_what_is_too_few_or_too_many(self, wrong: tuple[str, str], tmp_path: Path, capsys: Output) -> None:
        assert wrong[0][2:] in refused(["sample", str(tmp_path / "new"), *self.small, *wrong], capsys)


class TestWithoutData:
    """An empty input/ folder: the sample is generated, once, and labelled."""

    @pytest.fixture(autouse=True)
    def small_sample(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
        made = []

        def small(folder: Path) -> None:
            made.append(folder)
            generate(folder, customers=30, articles=24, weeks=4, images=0)

        monkeypatch.setattr("forsys.sample.shop.generate", small)
        monkeypatch.setattr(opening, "locate", partial(locate, kaggle=(tmp_path / "no kaggle here",)))
        return made

    def test_the_sample_is_made_once(self, small_sample: list[Path], home: Path, capsys: Output) -> None:
        (home / "input").mkdir(parents=True)
        (home / "input" / ".gitkeep").touch()
        assert main(["tables"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("No data found: making a sample of generated data")
        folder = home / "output" / "sample" / "input"
        assert lines[2].startswith(f"Data: {folder} (generated sample; generated data")
        assert (home / "output" / "sample" / "tables" / "tables.json").exists()
        before = snapshot(folder)

        assert main(["tables"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("Data: ")
        assert "up to date, skipped" in out
        assert small_sample == [folder]
        assert snapshot(folder) == before

    def test_a_sample_that_was_cut_off_is_made_again(self, small_sample: list[Path], home: Path) -> None:
        folder = home / "output" / "sample" / "input"
        generate(folder, customers=30, articles=24, weeks=4, images=0)
        (folder / "transactions_train.csv").write_text("t_dat,customer_id\n", encoding="utf-8")
        assert main(["tables"]) == 0
        assert small_sample == [folder]

    def test_a_shop_in_input_comes_first(
        self, small_sample: list[Path], shop: Path, home: Path, capsys: Output
    ) -> None:
        shutil.copytree(shop, home / "input")
        (home / "input" / "GENERATED.json").unlink()
        assert main(["tables"]) == 0
        first = capsys.readouterr().out.splitlines()[0]
        assert first == f"Data: {home / 'input'} (the project's input/ folder; shop data)"
        assert small_sample == []
        assert (home / "output" / "input" / "tables" / "tables.json").exists()

    def test_the_variable_comes_before_input(
        self, small_sample: list[Path], shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
    ) -> None:
        (home / "input").mkdir(parents=True)
        (home / "input" / "articles.csv").touch()
        monkeypatch.setenv("FORSYS_INPUT", str(shop))
        assert main(["tables"]) == 0
        assert capsys.readouterr().out.startswith(f"Data: {shop} (FORSYS_INPUT={shop}; generated")
        assert small_sample == []


def test_backtest_writes_its_table(shop: Path, home: Path, capsys: Output) -> None:
    assert main(["backtest", "--weeks", "1", *flags(shop, tuning__max_weeks="1")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Data: ")  # the tables are made where they are missing
    assert "GENERATED DATA. Backtest of tiny: 1 cut-offs, 2024-06-24 up to 2024-07-01" in out
    rows = (home / "output" / "tiny" / "evaluation" / "backtest.csv").read_text(encoding="utf-8").splitlines()
    header = "list,customer-weeks,MAP@12,low,high,difference,difference low,difference high,ranker's gain,"
    assert rows[0].startswith(header)
    assert len(rows) == 1 + 3 + 9 + 2  # three baselines, nine sources, the fusion, the ranker


@pytest.mark.parametrize("share", ["-0.1", "1.5", "many", "nan"])
def test_a_share_that_is_none(share: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["tables", f"--max-rejected={share}"])
    assert stopped.value.code == 2
    assert f"{share} is not a share between 0 and 1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--input", "--output", "--scheduler"])
@pytest.mark.parametrize("command", [[], ["run"], ["tables"], ["settings"]])
def test_an_empty_value_is_refused(command: list[str], option: str, capsys: Output) -> None:
    """As of a variable that is not set: the default would be other data."""
    with pytest.raises(SystemExit) as stopped:
        main([*command, option, ""])
    assert stopped.value.code == 2
    assert f"argument {option}: the value is empty. Name a place, or leave" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["clean", "--output", ""],
        ["sample", " "],
        ["map", ""],
        ["map", "shop", "--to", ""],
        ["export", ""],
        ["validate", ""],
        ["search", ""],
        ["explain", "CUSTOMER", "--html", ""],
    ],
)
def test_an_empty_path_is_refused(words: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "the value is empty. Name a " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tables --set k=5", {"stage": "tables", "set": ["k=5"]}),
        ("--set k=5 tables", {"stage": "tables", "set": ["k=5"]}),
        ("--set k=5 tables --set seed=3", {"set": ["k=5", "seed=3"]}),
        ("content --set k=5 show 01 --set seed=3", {"articles": ["01"], "set": ["k=5", "seed=3"]}),
        ("--input shop content show 01 02", {"articles": ["01", "02"], "input": "shop"}),
        (
            "explain --input shop CUSTOMER ARTICLE",
            {"customer": "CUSTOMER", "articles": ["ARTICLE"], "input": "shop"},
        ),
        ("recommend --basket A B -k 3 --input shop", {"basket": ["A", "B"], "customers": [], "k": 3}),
        ("recommend A --json", {"customers": ["A"], "basket": [], "k": None, "json": True}),
        ("export lists.csv", {"file": Path("lists.csv")}),
        ("--holdout-days 2 backtest --weeks 3", {"weeks": 3, "holdout_days": 2}),
    ],
)
def test_options_of_data_may_stand_anywhere(line: str, expected: dict[str, object]) -> None:
    options = vars(parsed(line.split()))
    assert {name: options[name] for name in expected} == expected


@pytest.mark.parametrize("line", ["clean --input x", "--set k=5 clean", "sample --preset fast x"])
def test_options_that_a_command_does_not_take(line: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line.split())
    assert stopped.value.code == 2
    assert "this command takes no --" in capsys.readouterr().err


def test_options_alone_run_everything() -> None:
    assert parsed(["--input", "shop"]).command is parsed(["run"]).command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tabels", "there is no command tabels. Do you mean tables?"),
        ("raport", "Do you mean report?"),
        ("validat x.csv", "Do you mean validate?"),
        ("--set k=5 evalute", "Do you mean evaluate?"),
        ("nonsense", "there is no command nonsense. Commands: run, tables,"),
        ("test", "test is a command of run.sh alone: bash run.sh test"),
        ("benchmark scoring", "bash run.sh benchmark"),
        ("tables --holdout-day 2", "unrecognized arguments: --holdout-day 2. Do you mean --holdout-days?"),
        ("--inputs shop tables", "no option --inputs before a command. Do you mean --input?"),
        ("--weeks 3 backtest", "no option --weeks before a command. Options of one command stand after it."),
        ("tables --inp shop", "Do you mean --input?"),
        ("backtest --week 3", "Do you mean --weeks?"),
        ("sample x --customer 30", "Do you mean --customers?"),
        ("recommend x --k 3", "unrecognized arguments: --k 3. Do you mean -k?"),
        ("clean --yess", "Do you mean --yes?"),
        ("runs clean --yess", "Do you mean --yes?"),
        ("tables extra", "unrecognized arguments: extra"),
    ],
)
def test_mistyped_words(line: str, words: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line.split())
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_version_and_help(capsys: Output) -> None:
    for words in (["--version"], ["--help"]):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("forsys 0.")
    for line in ("  test  ", "  benchmark  ", "  0  ", "  1  ", "  2  ", "  130  "):
        assert f"\n{line}" in said


@pytest.mark.parametrize("line", ["validate x.csv", "tune", "report", "explain a b", "content show 01", "submit"])
def test_a_command_that_reads_generates_no_shop(
    line: str, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Output
) -> None:
    monkeypatch.setattr(opening, "locate", partial(locate, kaggle=(tmp_path / "no kaggle here",)))
    assert "No data found: " in refused(line.split(), capsys)
    assert not home.exists()


class TestForScripts:
    def test_settings(self, capsys: Output) -> None:
        assert main(["settings", "--json", "--set", "k=5"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["k"] == 5
        assert found["retrieval"]["sources"]["als"]["factors"] > 0

    @pytest.mark.parametrize("encoder", ["C:\\net.keras", 'the "new" net'])
    def test_settings_with_any_characters(self, encoder: str, capsys: Output) -> None:
        assert main(["settings", "--json", "--set", f"content.image_encoder={json.dumps(encoder)}"]) == 0
        assert json.loads(capsys.readouterr().out)["content"]["image_encoder"] == encoder

    def test_settings_are_of_every_machine(self, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
        """A preset that was printed where a library is missing switches nothing off where it is there."""
        monkeypatch.setattr(registry, "missing_modules", lambda part: [part])
        assert main(["settings", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["retrieval"]["sources"]["next_item"]["class"]

    def test_validate(self, shop: Path, submitted: Path, tmp_path: Path, capsys: Output) -> None:
        bad = tmp_path / "bad.csv"
        bad.write_text("customer_id,prediction\n", encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            good = str(submitted / "submissions" / "submission.csv")
            assert main(["validate", good, "--json", "--input", str(shop)]) == 0
            found = json.loads(capsys.readouterr().out)
            assert found == {"file": good, "valid": True, "customers": CUSTOMERS, "articles_each": 12}
            assert main(["validate", str(bad), "--json", "--input", str(shop)]) == 2
            found = json.loads(capsys.readouterr().out)
        assert (found["valid"], "no row" in found["fault"]) == (False, True)

    def test_doctor(self, shop: Path, submitted: Path, capsys: Output) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORSYS_HOME", str(submitted))
            before = snapshot(submitted)
            assert main(["doctor", "--json", "--input", str(shop)]) == 0
            found = json.loads(capsys.readouterr().out)
            assert main(["doctor", "--input", str(shop)]) == 0
            assert snapshot(submitted) == before
        assert found["machine"]["cores"] > 0
        assert found["packages"]["polars"][0].isdigit()
        assert found["data"]["folder"] == str(shop)
        assert "customers.csv" in found["data"]
        assert found["output"]["tiny"] == f"{shop}; finished: content, rank, retrieve, submit, tables, tune"
        assert found["output"]["submission.csv"] == "tiny"
        assert found["environment"]["FORSYS_HOME"] == str(submitted)
        text = capsys.readouterr().out
        assert f"  folder            {shop}" in text

    def test_doctor_where_everything_is_wrong(self, home: Path, capsys: Output) -> None:
        """It names the faults and goes on: that is what it is for."""
        assert main(["doctor", "--json", "--input", "/no/such/folder", "--set", "k=x"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert "does not exist" in found["data"]["fault"]
        assert "can't be used" in found["settings"]["fault"]
        assert not home.exists()

    @pytest.mark.parametrize("name", ["shop.toml", "other.toml"])
    def test_doctor_where_the_shop_file_is_broken(self, name: str, tmp_path: Path, capsys: Output) -> None:
        (tmp_path / name).write_text("[orders", encoding="utf-8")
        place = tmp_path if name == "shop.toml" else tmp_path / name
        assert main(["doctor", "--json", "--input", str(place)]) == 0
        found = json.loads(capsys.readouterr().out)["data"]
        assert found["folder"] == str(tmp_path) and f"{name} is not a TOML file" in found["fault"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "tables was ended by SIGKILL: most likely since the memory is used up"),
        (-11, "tables was ended by SIGSEGV: The same command goes on"),
    ],
)
def test_a_stage_that_is_killed_is_said(
    code: int, words: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], code)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert main(["run", "--input", str(shop)]) == 2
    fault = capsys.readouterr().err
    assert words in fault and fault.count("\n") == 1
