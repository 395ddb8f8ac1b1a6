"""The command line: one command a stage, and what can be asked beside them."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forsys.errors import DataError

if TYPE_CHECKING:
    from forsys.run import Run

PROJECT = Path(__file__).parents[2]
STAGE_HELP = {
    "tables": "read the shop's files into checked tables",
    "content": "describe every article by its picture, its words and its attributes",
    "tune": "choose source parameters and fusion weights on the weeks before the holdout",
    "retrieve": "fit every source and make candidates",
    "rank": "train the ranker on earlier weeks and order the candidates",
    "submit": "write submissions/submission.csv",
    "evaluate": "score every source, simple baselines and the final list on the holdout",
    "report": "write the page that people look at",
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, 2 for a fault of the input, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    # Idle threads of one library otherwise spin while another works: small fits get 10 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow would greet every stage with ten lines
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except DataError as error:
        print(f"forsys: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nforsys: stopped. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="forsys", description="From a fashion shop's purchases to what each customer buys next."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    common = _common()
    run = commands.add_parser("run", parents=[common], help="every stage in order (what `bash run.sh` does)")
    run.set_defaults(command=_stages, stages=list(STAGE_HELP))
    for name, text in STAGE_HELP.items():
        stage = commands.add_parser(name, parents=[common], help=text, description=text)
        stage.set_defaults(command=_stages, stages=[name])
        if name == "content":
            _add_show(stage, common)
    backtest = commands.add_parser("backtest", parents=[common], help="score many weekly cut-offs, pooled")
    backtest.add_argument("--weeks", type=_positive, default=26, help="how many cut-offs (default: 26)")
    backtest.set_defaults(command=_backtest)
    ablate = commands.add_parser(
        "ablate", parents=[common], help="the ranker without each feature group and source"
    )
    ablate.add_argument("--weeks", type=_positive, default=1, help="weeks before the holdout to score (default: 1)")
    ablate.add_argument("names", nargs="*", metavar="NAME", help="feature groups and sources (default: all)")
    ablate.set_defaults(command=_ablate)
    explain = commands.add_parser("explain", parents=[common], help="why an article stands where it does")
    explain.add_argument("customer", metavar="CUSTOMER")
    explain.add_argument("article", metavar="ARTICLE")
    explain.set_defaults(command=_explain)
    compare = commands.add_parser("compare", parents=[common], help="the seed's systems side by side, next item")
    compare.add_argument("--ablation", action="store_true", help="also leave out each group of features")
    compare.set_defaults(command=_compare)
    validate = commands.add_parser("validate", parents=[common], help="check a submission file")
    validate.add_argument("file", type=Path, metavar="FILE")
    validate.set_defaults(command=_validate)
    sample = commands.add_parser("sample", help="generate a shop in the shape of Kaggle's files")
    sample.add_argument("folder", type=Path, metavar="FOLDER", help="where to write it")
    sample.add_argument("--customers", type=_positive, help="default: 6000")
    sample.add_argument("--articles", type=_positive, help="default: 3000")
    sample.add_argument("--weeks", type=_positive, help="default: 40")
    sample.add_argument("--seed", type=_whole, default=7)
    sample.add_argument(
        "--images", type=_whole, help="how many pictures (default: one an article; none with --full-size)"
    )
    either = sample.add_mutually_exclusive_group()
    either.add_argument(
        "--full-size",
        type=_share,
        nargs="?",
        const=1.0,
        metavar="SCALE",
        help="as large as Kaggle's H&M data and like them, or a part of that, such as 0.25",
    )
    either.add_argument("--check", action="store_true", help="compare the shop in FOLDER with Kaggle's H&M data")
    sample.set_defaults(command=_sample)
    return top


def _add_show(content: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    more = content.add_subparsers(metavar="show ARTICLE…")
    text = "draw articles: picture, garment, palette, keywords and the articles most like them"
    show = more.add_parser("show", parents=[common], help=text, description=text)
    show.add_argument("articles", nargs="+", metavar="ARTICLE", help="the shop's number, such as 0108775015")
    show.set_defaults(command=_show)


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    data = common.add_argument_group("data and settings")
    data.add_argument("--input", type=Path, metavar="DIR", help="folder with Kaggle's files (default: input/)")
    data.add_argument("--holdout-days", type=_positive, metavar="N", help="days scored offline (default: 7)")
    data.add_argument(
        "--max-rejected",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="unusable rows allowed (default: 0.01)",
    )
    data.add_argument("--preset", default="default", metavar="NAME|FILE", help="settings to start from")
    data.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting; repeatable"
    )
    return common


def _stages(options: argparse.Namespace) -> None:
    from forsys.pipeline import STAGES

    run = _run(options)
    for name in options.stages:
        STAGES[name](run)


def _show(options: argparse.Namespace) -> None:
    from forsys.progress import say
    from forsys.report.article_sheet import write_sheet

    run = _run(options)
    say(run.shown(write_sheet(run, options.articles)))


def _backtest(options: argparse.Namespace) -> None:
    from forsys.evaluation.backtest import backtest, backtest_text
    from forsys.pipeline import make_content, make_tables
    from forsys.progress import say, stage_line
    from forsys.store import whole

    run = _run(options)
    make_tables(run)
    make_content(run)
    with stage_line("backtest") as made:
        table = backtest(run, options.weeks)
        target = run.out / "evaluation" / "backtest.csv"
        with whole(target) as part:
            table.to_csv(part, index=False)
        say(backtest_text(run, table))
        made.append(run.shown(target))


def _ablate(options: argparse.Namespace) -> None:
    from forsys.evaluation.ablation import ablate, ablation_text
    from forsys.pipeline import make_content, make_tables
    from forsys.progress import say, stage_line
    from forsys.store import whole

    run = _run(options)
    make_tables(run)
    make_content(run)
    with stage_line("ablate") as made:
        found = ablate(run, options.weeks, options.names)
        for name, table in {"ablation": found.lists, "ablation_candidates": found.candidates}.items():
            with whole(run.out / "evaluation" / f"{name}.csv") as part:
                table.to_csv(part, index=False)
        say(ablation_text(run, found))
        made.append(f"{run.shown(run.out / 'evaluation')}: ablation.csv, ablation_candidates.csv")


def _explain(options: argparse.Namespace) -> None:
    from forsys.pipeline import ranked_by
    from forsys.ranking.explain import explain

    run = _run(options)
    print(explain(run, ranked_by(run), options.customer, options.article))


def _compare(options: argparse.Namespace) -> None:
    from forsys.evaluation.comparison import compare, mixing
    from forsys.evaluation.feature_ablation import feature_ablation
    from forsys.pipeline import make_content, make_tables
    from forsys.progress import say, stage_line
    from forsys.report.comparison import write_comparison

    run = _run(options)
    make_tables(run)
    make_content(run)
    with stage_line("compare") as made:
        ablation = feature_ablation(run) if options.ablation else None
        say(write_comparison(run, compare(run), mixing(run), ablation))
        made.append(f"{run.shown(run.out / 'comparison')}: tables and curve")


def _validate(options: argparse.Namespace) -> None:
    from forsys.submission import validate

    run = _run(options)
    rows = validate(options.file, run.tables) if run.facts else 0
    print(f"{options.file}: valid, {rows:,} customers with 12 articles each.")


def _sample(options: argparse.Namespace) -> None:
    from forsys.tables.sample import generate
    from forsys.tables.sample.full_size import generate_full_size

    if options.check:
        from forsys.evaluation.twin import check  # here, for it takes the sources

        return print(check(options.folder))
    if options.folder.is_file():
        raise DataError(f"{options.folder} is a file. Name a new folder for the generated shop.")
    if options.folder.exists() and any(options.folder.iterdir()):
        raise DataError(f"{options.folder} is not empty. Name a new folder for the generated shop.")
    names = ("customers", "articles", "weeks", "images")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.full_size is None:
        generate(options.folder, seed=options.seed, **given)
    elif given.keys() - {"images"}:
        raise DataError(f"--full-size sets the {' and '.join(given)} itself. Leave that out, or give it a scale.")
    else:
        generate_full_size(options.folder, options.full_size, seed=options.seed, **given)
    print(f"{options.folder}: a generated shop. Use it with --input {options.folder}.")


def _run(options: argparse.Namespace) -> "Run":
    from forsys.pipeline import find_data
    from forsys.run import Run
    from forsys.settings import load_settings

    days = [] if options.holdout_days is None else [f"holdout_days={options.holdout_days}"]
    settings = load_settings(options.preset, [*options.set, *days])
    project = Path(os.environ.get("FORSYS_HOME", PROJECT))
    return Run(find_data(options.input, project), settings, project, options.max_rejected)


def _whole(text: str) -> int:
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
