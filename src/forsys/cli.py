"""The command line: one command per stage, and what can be asked beside them."""

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from forsys import __version__
from forsys.errors import DataError
from forsys.locking import locked
from forsys.machine import machine_fault
from forsys.opening import home_folder, open_run
from forsys.progress import say, stage_line
from forsys.run import Run
from forsys.stages import STAGES, require, run_stage
from forsys.store import atomic_write

INTERRUPTED = 130
DEFAULTS: dict[str, Any] = {
    "input": None, "holdout_days": None, "max_rejected": 0.01, "preset": "default", "set": []
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, 2 for a fault of the input, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console of ASCII alone shows \\xd7 for a × instead of failing
            stream.reconfigure(errors="backslashreplace")
    options = parsed(sys.argv[1:] if arguments is None else list(arguments))
    # Idle threads of one library otherwise spin while another works: small fits get 10 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow would greet every stage with ten lines
    os.umask(0o077)  # what is made of customers' purchases is for the user alone
    command: Callable[[argparse.Namespace], int | None] = options.command
    try:
        code = command(options) or 0
        sys.stdout.flush()
        return code
    except DataError as error:
        print(f"forsys: {error}", file=sys.stderr)
    except BrokenPipeError:  # nobody reads on, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        print("\nforsys: stopped. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        fault = machine_fault(error, str(home_folder()) if _output_is_well() else "standard output")
        if fault is None:
            raise
        print(f"forsys: {fault}", file=sys.stderr)
    return 2


def _output_is_well() -> bool:
    """Whether what was printed can be written; if not, it is given up, so that Python can end without it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options; those of data and settings may stand before the command too."""
    given, rest = _common().parse_known_args(arguments)
    commands = parser()
    options = commands.parse_args(["run"] if vars(given) and not rest else rest)
    if not options.on_data and vars(given):
        commands.error(f"this command takes no --{next(iter(vars(given))).replace('_', '-')}")
    return argparse.Namespace(**DEFAULTS | vars(given) | vars(options))


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="forsys", description="From a fashion shop's purchases to what each customer buys next."
    )
    top.add_argument("--version", action="version", version=f"forsys {__version__}")
    top.set_defaults(on_data=False)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    common = _common()

    def add(name: str, command: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[common], help=text, description=text)
        made.set_defaults(command=command, on_data=True)
        return made

    add("run", _run_all, "every stage in order (what `bash run.sh` does)")
    for stage in STAGES.values():
        made = add(stage.name, _run_stage, stage.help)
        made.set_defaults(stage=stage.name)
        if stage.name == "content":
            _add_show(made, common)
    backtest = add("backtest", _backtest, "score many weekly cut-offs, pooled")
    backtest.add_argument("--weeks", type=_positive, default=26, help="how many cut-offs (default: 26)")
    ablate = add("ablate", _ablate, "the ranker without each feature group and source")
    ablate.add_argument("--weeks", type=_positive, default=1, help="weeks before the holdout to score (default: 1)")
    ablate.add_argument("names", nargs="*", metavar="NAME", help="feature groups and sources (default: all)")
    explain = add("explain", _explain, "why an article stands where it does in a customer's list")
    explain.add_argument("customer", metavar="CUSTOMER")
    explain.add_argument("article", metavar="ARTICLE")
    compare = add("compare", _compare, "ALS, BPR, LMF and the recurrent cells side by side, next item")
    compare.add_argument("--ablation", action="store_true", help="also leave out each group of features")
    validate = add("validate", _validate, "check a submission file")
    validate.add_argument("file", type=Path, metavar="FILE")
    add("settings", _settings, "print every setting with its value and meaning")
    clean = commands.add_parser("clean", help="show what runs have left in output/, and delete it")
    clean.add_argument(
        "names", nargs="*", metavar="NAME", help="data sets, by the name of their folder (default: all)"
    )
    clean.add_argument("--yes", action="store_true", help="delete it")
    clean.set_defaults(command=_clean)
    _add_sample(commands.add_parser("sample", help="generate a shop in the shape of Kaggle's files"))
    return top


def _add_show(content: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    more = content.add_subparsers(metavar="show ARTICLE…")
    text = "draw articles: picture, garment, palette, keywords and the articles most similar to them"
    show = more.add_parser("show", parents=[common], help=text, description=text)
    show.add_argument("articles", nargs="+", metavar="ARTICLE", help="the shop's id, such as 0108775015")
    show.set_defaults(command=_show)


def _add_sample(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("folder", type=Path, metavar="FOLDER", help="where to write it")
    sample.add_argument("--customers", type=_positive, help="default: 6000")
    sample.add_argument("--articles", type=_positive, help="default: 3000")
    sample.add_argument("--weeks", type=_positive, help="default: 40")
    sample.add_argument("--seed", type=_natural, default=7)
    sample.add_argument(
        "--images", type=_natural, help="how many pictures (default: one per article; none with --full-size)"
    )
    either = sample.add_mutually_exclusive_group()
    either.add_argument(
        "--full-size",
        type=_share,
        nargs="?",
        const=1.0,
        metavar="SCALE",
        help="as large as Kaggle's H&M data and similar to them, or a part of that, such as 0.25",
    )
    either.add_argument("--fidelity", action="store_true", help="compare the shop in FOLDER with Kaggle's H&M data")
    sample.set_defaults(command=_sample)


def _common() -> argparse.ArgumentParser:
    """The options of data and settings; those not given leave no trace."""
    usage, absent = "forsys COMMAND [options]", argparse.SUPPRESS
    common = argparse.ArgumentParser(usage=usage, add_help=False, argument_default=absent, allow_abbrev=False)
    data = common.add_argument_group("data and settings")
    data.add_argument("--input", type=Path, metavar="DIR", help="folder with Kaggle's files (default: input/)")
    data.add_argument("--holdout-days", type=_positive, metavar="N", help="days scored offline (default: 7)")
    text = "unusable rows allowed (default: 0.01)"
    data.add_argument("--max-rejected", type=_share, metavar="SHARE", help=text)
    data.add_argument("--preset", metavar="NAME|FILE", help="settings to start from")
    data.add_argument("--set", action="append", metavar="KEY=VALUE", help="override one setting; repeatable")
    return common


def _run_all(options: argparse.Namespace) -> int:
    """Every stage in a process of its own, so that the memory of one is free for the next."""
    given = ["--max-rejected", str(options.max_rejected), "--preset", options.preset]
    given += [word for setting in _overrides(options) for word in ("--set", setting)]
    given += ["--input", str(options.input)] if options.input else []
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    for name in STAGES:
        command = [sys.executable, "-m", "forsys", name, *given]
        code = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
        if code:
            return code
    return 0


def _run_stage(options: argparse.Namespace) -> None:
    run_stage(_open(options), options.stage)


def _show(options: argparse.Namespace) -> None:
    from forsys.report.article_sheet import write_sheet

    run = _open(options)
    require(run, "content")
    say(run.workspace.shown(write_sheet(run, options.articles)))


def _backtest(options: argparse.Namespace) -> None:
    from forsys.evaluation.backtest import backtest, backtest_text

    run = _described(options)
    with locked(run.workspace.out), stage_line("backtest") as made:
        table = backtest(run, options.weeks)
        target = run.workspace.evaluation / "backtest.csv"
        with atomic_write(target) as part:
            table.to_csv(part, index=False)
        say(backtest_text(run, table))
        made.append(run.workspace.shown(target))


def _ablate(options: argparse.Namespace) -> None:
    from forsys.evaluation.ablation import ablate, ablation_text

    run = _described(options)
    with locked(run.workspace.out), stage_line("ablate") as made:
        found = ablate(run, options.weeks, options.names)
        for name, table in {"ablation": found.lists, "ablation_candidates": found.candidates}.items():
            with atomic_write(run.workspace.evaluation / f"{name}.csv") as part:
                table.to_csv(part, index=False)
        say(ablation_text(run, found))
        made.append(f"{run.workspace.shown(run.workspace.evaluation)}: ablation.csv, ablation_candidates.csv")


def _explain(options: argparse.Namespace) -> None:
    from forsys.serving.commands import explain_text

    run = _open(options)
    require(run, "rank")
    print(explain_text(run, options.customer, [options.article], as_json=False))


def _compare(options: argparse.Namespace) -> None:
    from forsys.evaluation.comparison import bias_sweep, compare
    from forsys.evaluation.network_ablation import network_ablation
    from forsys.report.comparison_tables import write_comparison

    run = _described(options)
    with locked(run.workspace.out), stage_line("compare") as made:
        ablation = network_ablation(run) if options.ablation else None
        say(write_comparison(run, compare(run), bias_sweep(run), ablation))
        made.append(f"{run.workspace.shown(run.workspace.comparison)}: tables and curve")


def _validate(options: argparse.Namespace) -> None:
    from forsys.submission import validate

    run = _open(options)
    require(run, "tables")
    rows = validate(options.file, run.workspace.tables, run.settings.k)
    print(f"{options.file}: valid, {rows:,} customers with {run.settings.k} articles each.")


def _clean(options: argparse.Namespace) -> None:
    from forsys.cleaning import clean

    print(clean(home_folder(), options.names, delete=options.yes))


def _settings(options: argparse.Namespace) -> None:
    from forsys.retrieval.registry import check_sources
    from forsys.settings import load_settings
    from forsys.settings_text import settings_text

    settings = load_settings(options.preset, _overrides(options))
    check_sources(settings)
    print(settings_text(settings))


def _sample(options: argparse.Namespace) -> None:
    from forsys.sample.full_size import generate_full_size
    from forsys.sample.shop import generate

    if options.fidelity:
        from forsys.evaluation.sample_fidelity import check

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


def _overrides(options: argparse.Namespace) -> list[str]:
    days = [] if options.holdout_days is None else [f"holdout_days={options.holdout_days}"]
    return [*options.set, *days]


def _open(options: argparse.Namespace) -> Run:
    return open_run(
        options.input, preset=options.preset, overrides=_overrides(options), max_rejected=options.max_rejected
    )


def _described(options: argparse.Namespace) -> Run:
    """A run whose tables and content are up to date."""
    run = _open(options)
    for name in ("tables", "content"):
        run_stage(run, name)
    return run


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
