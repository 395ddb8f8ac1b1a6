"""The run that a command's options name."""

import argparse

from forsys.opening import open_run
from forsys.run import Run
from forsys.stages import run_stage


def overrides(options: argparse.Namespace) -> list[str]:
    """The settings given with --set and --holdout-days, as key=value."""
    days = [] if options.holdout_days is None else [f"holdout_days={options.holdout_days}"]
    return [*options.set, *days]


def opened(options: argparse.Namespace, *, make_sample: bool) -> Run:
    """The run that the options name. Only what makes the tables may generate a shop where there are no data."""
    return open_run(
        options.input,
        preset=options.preset,
        overrides=overrides(options),
        max_rejected=options.max_rejected,
        home=options.output,
        make_sample=make_sample,
    )


def described(options: argparse.Namespace) -> Run:
    """A run whose tables and content are up to date."""
    run = opened(options, make_sample=True)
    for name in ("tables", "content"):
        run_stage(run, name)
    return run
