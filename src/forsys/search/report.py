"""What a search has found, as text, as JSON and as settings to start from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forsys.evaluation.changed_settings import changed_settings
from forsys.evaluation.text import generated_label, table_text
from forsys.progress import terminal_width
from forsys.run import Run
from forsys.search.study import STOPPED, Found
from forsys.store import atomic_write, write_json, write_text
from forsys.toml_text import toml_value

SHOWN = 10  # trials
BEST = "best.toml"


def write_found(run: Run, found: Found) -> list[Path]:
    """Write trials.csv, search.json and best.toml, a preset, into the folder of the search."""
    folder = run.workspace.search
    with atomic_write(folder / "trials.csv") as part:
        found.trials.to_csv(part, index=False)
    write_text(_preset(changed_settings(found.best)), folder / BEST)
    write_json(as_json(run, found), folder / "search.json")
    return [folder / name for name in ("trials.csv", "search.json", BEST)]


def as_json(run: Run, found: Found) -> dict[str, Any]:
    """Every number of the result but those of trials.csv."""
    (ours, theirs), holdout = found.holdout_scores, found.holdout
    return {
        "metric": f"MAP@{run.settings.k}",
        "weeks": [str(fold.as_of) for fold in found.folds],
        "customer_weeks": found.customer_weeks,
        "trials": len(found.trials),
        "given_up": int((found.trials["state"] == STOPPED).sum()),
        "default": {"mean": found.default.mean, "low": found.default.low, "high": found.default.high},
        "best": {"mean": found.best_score.mean, "low": found.best_score.low, "high": found.best_score.high},
        "difference": {"mean": found.gain.mean, "low": found.gain.low, "high": found.gain.high},
        "ahead_by_chance": found.by_chance,
        "clear": found.is_clear,
        "settings": changed_settings(found.best),
        "holdout": {
            "best": ours,
            "default": theirs,
            "difference": {"mean": holdout.mean, "low": holdout.low, "high": holdout.high},
        },
    }


def found_text(run: Run, found: Found, width: int | None = None) -> str:
    """The best trials, whether the first is more than noise, and what it does on the holdout."""
    metric, count = f"MAP@{run.settings.k}", len(found.trials)
    stopped = int((found.trials["state"] == STOPPED).sum())
    (ours, theirs), preset = found.holdout_scores, run.workspace.shown(run.workspace.search / BEST)
    advice = "Keep the default." if not found.is_clear else f"Its settings: --preset {preset}"
    return "\n\n".join(
        [
            f"{generated_label(run)}Search: {count} trials, {stopped} of them given up early, on "
            f"{len(found.folds)} week(s) before the holdout, {found.customer_weeks:,} customer-weeks. The default "
            f"has {metric} {found.default}; differences are to it, paired, with a 95 % interval by customer.",
            table_text(found.trials.head(SHOWN), width or terminal_width()),
            f"{_verdict(found, count - stopped)} {advice}",
            f"On the holdout, which was not searched on: {metric} {ours:.4f} against {theirs:.4f} of the default, "
            f"difference {found.holdout}.",
        ]
    )


def _verdict(found: Found, complete: int) -> str:
    chance = (
        f"Of {complete} settings that are no better than the default, the best would be ahead by up to "
        f"{found.by_chance:+.4f} by chance (95 %)."
    )
    if found.is_clear:
        return f"The best trial is better than the default by {found.gain}, which is more than noise. {chance}"
    if found.gain.is_clear and found.gain.mean < 0:
        return f"NONE IS BETTER: the best trial is worse than the default, by {found.gain}. {chance}"
    return f"WITHIN THE NOISE: the best trial differs from the default by {found.gain}. {chance}"


def _preset(settings: Mapping[str, Any]) -> str:
    """As TOML."""
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in settings.items())
