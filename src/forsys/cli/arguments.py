"""The words of the command line: commands and options, and what is said of mistyped ones."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forsys import __version__
from forsys.cli import commands, experiments
from forsys.errors import did_you_mean
from forsys.stages import STAGES

DEFAULTS: dict[str, Any] = {
    "input": None, "output": None, "holdout_days": None, "max_rejected": 0.01, "preset": "default", "set": [],
    "engine": "local", "scheduler": None,
}  # fmt: skip
OUTPUT = "folder for all that is made, also such as s3://bucket/shop (default: FORSYS_HOME, or this folder)"
RUN_SH = {"test": "lint, types and tests", "benchmark": "time the hot stages against alternatives"}
EXIT_CODES = {
    0: "done",
    1: "a bug: its traceback, with what `forsys doctor` prints, makes a bug report",
    2: "a fault of the command, the settings, the data or the machine; the message says what to do",
    130: "stopped by Ctrl-C; the same command goes on from there",
}
Command = Callable[[argparse.Namespace], int | None]


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options; those of data and settings may stand before the command too."""
    given, rest = _common().parse_known_args(arguments)
    every = parser()
    words = ["run"] if vars(given) and not rest else rest
    _refuse_unknown_command(every, words)
    options, unknown = every.parse_known_args(words)
    if unknown:
        known = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", _named(every, words).format_help())
        hint = did_you_mean(unknown[0].partition("=")[0], known)
        hint = hint or f" An id that begins with - comes after --, or as --basket={unknown[0]}."
        every.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
    foreign = [] if options.on_data else [name for name in vars(given) if name not in options.takes]
    if foreign:
        every.error(f"this command takes no --{foreign[0].replace('_', '-')}")
    return argparse.Namespace(**DEFAULTS | vars(given) | vars(options))


def _refuse_unknown_command(every: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """End with the command, or the option before it, that a mistyped one resembles most."""
    if not words or words[0] in ("-h", "--help", "--version") or words[0] in _commands_of(every):
        return
    if words[0].startswith("-"):
        hint = did_you_mean(words[0].partition("=")[0], re.findall(r"--[a-z-]+", _common().format_help()))
        every.error(f"no option {words[0]} before a command.{hint} Options of one command stand after it.")
    if words[0] in RUN_SH:
        every.error(f"{words[0]} is a command of run.sh alone: bash run.sh {words[0]}")
    hint = did_you_mean(words[0], [*_commands_of(every), *RUN_SH])
    every.error(f"there is no command {words[0]}.{hint} Commands: {', '.join(_commands_of(every))}.")


def _commands_of(every: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = (each for each in every._actions if isinstance(each, argparse._SubParsersAction))
    return {name: one for each in actions for name, one in each.choices.items()}


def _named(every: argparse.ArgumentParser, words: Sequence[str]) -> argparse.ArgumentParser:
    """The command that the words name, such as `runs` or, below it, `clean`."""
    command = _commands_of(every)[words[0]]
    below = _commands_of(command)
    return next((below[word] for word in words[1:] if word in below), command)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="forsys",
        description="From a fashion shop's purchases to what each customer buys next.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"forsys {__version__}")
    top.set_defaults(on_data=False, takes=())
    below = _Commands(top.add_subparsers(required=True, metavar="COMMAND"), _common())
    for add_command in (
        _add_run, _add_stages, _add_backtest, _add_ablate, _add_search, _add_explain, _add_recommend, _add_export,
        _add_compare, _add_runs, _add_validate, _add_map, _add_check, _add_settings, _add_doctor, _add_clean,
        _add_sample,
    ):  # fmt: skip
        add_command(below)
    return top


@dataclass(frozen=True)
class _Commands:
    """The commands below `forsys`, or below one of its commands; `data` has the options of data and settings."""

    made: Any
    data: argparse.ArgumentParser

    def add(self, name: str, command: Command, text: str, *, on_data: bool = True) -> argparse.ArgumentParser:
        """A new command, to add its options to; on_data: whether it takes those of `data`."""
        parents = [self.data] if on_data else []
        one: argparse.ArgumentParser = self.made.add_parser(
            name, parents=parents, help=text, description=text, allow_abbrev=False
        )
        one.set_defaults(command=command, on_data=on_data)
        return one

    def below(self, one: argparse.ArgumentParser, metavar: str) -> "_Commands":
        """Those below a command that was added."""
        return _Commands(one.add_subparsers(metavar=metavar), self.data)


def _epilog() -> str:
    run_sh = [f"  {name:<18}{text}" for name, text in RUN_SH.items()]
    codes = [f"  {code:<18}{text}" for code, text in EXIT_CODES.items()]
    heading = "commands of `bash run.sh` alone (without a command it does `run`):"
    return "\n".join([heading, *run_sh, "", "exit codes:", *codes])


def _add_run(below: _Commands) -> None:
    _add_words(below.add("run", commands.run_all, "every stage in order (what `bash run.sh` does)"))


def _add_stages(below: _Commands) -> None:
    for stage in STAGES.values():
        one = below.add(stage.name, commands.run_one_stage, stage.help)
        one.set_defaults(stage=stage.name)
        if stage.name == "content":
            _add_show(below.below(one, "show ARTICLE…"))
        if stage.name == "evaluate":
            _add_words(one)


def _add_show(below: _Commands) -> None:
    text = "draw articles: picture, garment, palette, keywords and the articles most similar to them"
    show = below.add("show", commands.show_articles, text)
    show.add_argument("articles", nargs="+", metavar="ARTICLE", help="the shop's id, such as 0108775015")


def _add_backtest(below: _Commands) -> None:
    backtest = below.add("backtest", commands.score_weeks, "score many weekly cut-offs, pooled")
    backtest.add_argument("--weeks", type=_positive, default=26, help="how many cut-offs (default: 26)")


def _add_ablate(below: _Commands) -> None:
    ablate = below.add("ablate", commands.leave_out, "the ranker without each feature group and source")
    ablate.add_argument("--weeks", type=_positive, default=1, help="weeks before the holdout to score (default: 1)")
    ablate.add_argument("names", nargs="*", metavar="NAME", help="feature groups and sources (default: all)")


def _add_search(below: _Commands) -> None:
    search = below.add("search", experiments.search_settings, "try other settings on the weeks before the holdout")
    space = "TOML file of the settings to try and their values (default: the ranker's trees)"
    search.add_argument("space", nargs="?", type=_path, metavar="SPACE", help=space)
    trials = "settings to try, with those that are finished already (default: 30)"
    search.add_argument("--trials", type=_positive, default=30, help=trials)
    search.add_argument("--weeks", type=_positive, default=4, help="weeks before the holdout to score (default: 4)")


def _add_explain(below: _Commands) -> None:
    text = "why articles stand where they do in a customer's list"
    explain = below.add("explain", commands.explain_rank, text)
    explain.add_argument("customer", metavar="CUSTOMER", help="a customer id, or a beginning of only one")
    articles = "article ids or their beginnings (default: the whole list)"
    explain.add_argument("articles", nargs="*", metavar="ARTICLE", help=articles)
    page = "write it as a page for a browser too, with pictures"
    explain.add_argument("--html", type=_path, metavar="FILE", help=page)
    _add_json(explain)


def _add_recommend(below: _Commands) -> None:
    text = "the lists of single customers, or of a basket"
    recommend = below.add("recommend", commands.recommend_lists, text)
    recommend.add_argument("customers", nargs="*", metavar="CUSTOMER", help="customer ids or their beginnings")
    basket = "instead: articles in the basket of a new customer"
    recommend.add_argument("--basket", nargs="+", action="extend", default=[], metavar="ARTICLE", help=basket)
    recommend.add_argument("-k", type=_positive, help="articles in a list (default: the setting k)")
    _add_json(recommend)


def _add_export(below: _Commands) -> None:
    export = below.add("export", commands.export_lists, "write everyone's list with its chances to one file")
    export.add_argument("file", type=_path, metavar="FILE", help="its ending says the form: .parquet or .csv")


def _add_compare(below: _Commands) -> None:
    text = "ALS, BPR, LMF and the recurrent cells side by side, next item"
    compare = below.add("compare", commands.compare_networks, text)
    ablation = "also leave out each group of features and each source of the mixture"
    compare.add_argument("--ablation", action="store_true", help=ablation)


def _add_runs(below: _Commands) -> None:
    """`forsys runs` and what can be done with the runs."""
    runs = below.add("runs", experiments.list_runs, "what was tried: kept runs, their settings and scores")
    _add_json(runs)
    of_runs = below.below(runs, "diff | score | clean")
    _add_runs_diff(of_runs)
    _add_runs_score(of_runs)
    _add_runs_clean(of_runs)


def _add_runs_diff(below: _Commands) -> None:
    diff = below.add("diff", experiments.diff_runs, "the second run against the first, customer by customer")
    diff.add_argument("numbers", nargs=2, type=_positive, metavar="NUMBER")
    _add_json(diff, default=argparse.SUPPRESS)  # it may stand before `diff` too


def _add_runs_score(below: _Commands) -> None:
    text = "note the score that a leaderboard gave to a run's submission"
    score = below.add("score", experiments.score_run, text)
    score.add_argument("number", type=_positive, metavar="NUMBER")
    score.add_argument("score", type=_share, metavar="SCORE")


def _add_runs_clean(below: _Commands) -> None:
    clean = below.add("clean", experiments.clean_kept_runs, "show what kept runs take up, and delete them")
    clean.add_argument("numbers", nargs="*", type=_positive, metavar="NUMBER", help="default: all")
    clean.add_argument("--yes", action="store_true", help="delete them")


def _add_validate(below: _Commands) -> None:
    validate = below.add("validate", commands.validate_file, "check a submission file")
    validate.add_argument("file", type=_path, metavar="FILE")
    _add_json(validate)


def _add_map(below: _Commands) -> None:
    text = "draft the shop file of another shop from its files"
    draft = below.add("map", commands.draft_shop_file, text, on_data=False)
    draft.add_argument("files", nargs="+", type=_path, metavar="FILE", help="files of the export, or their folders")
    draft.add_argument("--to", type=_path, metavar="FILE", help="a new file for the draft (default: print it)")


def _add_check(below: _Commands) -> None:
    text = "list everything that is wrong or doubtful in the data, in one go"
    _add_json(below.add("check", commands.check_data, text))


def _add_settings(below: _Commands) -> None:
    _add_json(below.add("settings", commands.print_settings, "print every setting with its value and meaning"))


def _add_doctor(below: _Commands) -> None:
    text = "print versions, machine and what was found where, for a bug report"
    _add_json(below.add("doctor", commands.diagnose, text))


def _add_clean(below: _Commands) -> None:
    text = "show what runs have left in output/, and delete it"
    clean = below.add("clean", commands.clean_output, text, on_data=False)
    names = "data sets, by the name of their folder in output/ (default: all)"
    clean.add_argument("names", nargs="*", metavar="NAME", help=names)
    clean.add_argument("--yes", action="store_true", help="delete it")
    clean.add_argument("--output", type=_place, metavar="DIR|URL", default=argparse.SUPPRESS, help=OUTPUT)
    clean.set_defaults(takes=("output",))


def _add_sample(below: _Commands) -> None:
    text = "generate a shop in the shape of Kaggle's files"
    sample = below.add("sample", commands.make_sample, text, on_data=False)
    sample.add_argument("folder", type=_path, metavar="FOLDER", help="where to write it")
    sample.add_argument("--customers", type=_positive, help="default: 6000")
    sample.add_argument("--articles", type=_positive, help="default: 3000")
    sample.add_argument("--weeks", type=_positive, help="default: 40")
    sample.add_argument("--seed", type=_natural, default=7)
    images = "how many pictures (default: one per article; none with --full-size)"
    sample.add_argument("--images", type=_natural, help=images)
    either = sample.add_mutually_exclusive_group()
    scale = "as large as Kaggle's H&M data and similar to them, or a part of that, such as 0.25"
    either.add_argument("--full-size", type=_share, nargs="?", const=1.0, metavar="SCALE", help=scale)
    either.add_argument("--fidelity", action="store_true", help="compare the shop in FOLDER with Kaggle's H&M data")


def _add_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("--name", default="", help="of the kept run (default: run); see `forsys runs`")
    one.add_argument("--note", default="", metavar="TEXT", help="what is tried, for `forsys runs`")


def _add_json(one: argparse.ArgumentParser, default: Any = False) -> None:
    one.add_argument("--json", action="store_true", default=default, help="answer in JSON, for a script")


def _common() -> argparse.ArgumentParser:
    """The options of data and settings; those not given leave no trace."""
    usage, absent = "forsys COMMAND [options]", argparse.SUPPRESS
    common = argparse.ArgumentParser(usage=usage, add_help=False, argument_default=absent, allow_abbrev=False)
    data = common.add_argument_group("data and settings")
    text = "folder with a shop's files, or its shop file (default: input/)"
    data.add_argument("--input", type=_place, metavar="DIR|URL", help=text)
    data.add_argument("--holdout-days", type=_positive, metavar="N", help="days scored offline (default: 7)")
    text = "largest share of a table's rows that may be unusable (default: 0.01)"
    data.add_argument("--max-rejected", type=_share, metavar="SHARE", help=text)
    data.add_argument("--preset", metavar="NAME|FILE", help="settings to start from")
    data.add_argument("--set", action="append", metavar="KEY=VALUE", help="override one setting; repeatable")
    where = common.add_argument_group("where it runs").add_mutually_exclusive_group()
    data.add_argument("--output", type=_place, metavar="DIR|URL", help=OUTPUT)
    text = "this process (the default), or a Dask cluster of this machine's cores"
    where.add_argument("--engine", choices=("local", "dask"), help=text)
    text = "a Dask cluster that is there, such as tcp://192.168.0.7:8786 (see docs/cluster.md)"
    where.add_argument("--scheduler", type=_place, metavar="ADDRESS", help=text)
    return common


def _place(text: str) -> str:
    if not text.strip():  # `--input "$SHOP"` where SHOP is not set: another place would be taken without a word
        raise argparse.ArgumentTypeError("the value is empty. Name a place, or leave the option out")
    return text


def _path(text: str) -> Path:
    if not text.strip():  # Path("") is the working directory
        raise argparse.ArgumentTypeError("the value is empty. Name a file or folder; a dot is this folder")
    return Path(text)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number, 0 or above")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1")
    return value


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return value
