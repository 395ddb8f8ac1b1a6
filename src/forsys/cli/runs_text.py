"""Kept runs as text: the list of them, and one against another."""

import json
import textwrap
from typing import Any

import pandas as pd

from forsys.evaluation.kept_runs import KeptRun, damaged_runs, kept_runs
from forsys.evaluation.records import records
from forsys.evaluation.run_diff import RunDiff
from forsys.evaluation.text import shortened, table_text
from forsys.run import Run

ID_SHOWN = 8  # characters of a customer's id: `forsys explain` takes such a beginning


def runs_text(run: Run, width: int) -> str:
    """The table of kept runs, and what all of them have in common."""
    runs = kept_runs(run)
    lines = [runs_table(runs, width)] if runs else ["No run is kept yet: `forsys run` keeps one."]
    if common := _common(runs):
        lines.append(textwrap.fill(f"In all of them: {_settings(common)}.", width, break_long_words=False))
    if damaged := damaged_runs(run):
        names = ", ".join(run.workspace.shown(folder) for folder in damaged)
        lines.append(f"Left out, since run.json is missing or damaged: {names}.")
    return "\n".join(lines)


def runs_table(runs: list[KeptRun], width: int) -> str:
    """A line per run, cut to `width` columns; leaderboard and note only where a run has one."""
    common = _common(runs)
    table = pd.DataFrame([_row(each, common, _made_of(each, runs)) for each in runs])
    empty = [name for name in ("leaderboard", "note") if not table[name].map(bool).any()]
    return table_text(shortened(table.drop(columns=empty), {"what differs": 2, "note": 1}, width))


def _row(kept: KeptRun, common: dict[str, Any], made_of: str) -> dict[str, object]:
    own = kept.options | {key: value for key, value in kept.settings.items() if key not in common}
    score = kept.score
    return {
        "run": kept.number,
        "name": kept.name,
        "kind": kept.kind,
        "what differs": f"{_settings(own)} {made_of}".strip(),
        "metric": score.metric if score else "",
        "score": f"{score.mean:.4f}" if score else "",
        "95 % interval": f"{score.low:.4f} to {score.high:.4f}" if score and score.low is not None else "",
        "leaderboard": "" if kept.leaderboard is None else f"{kept.leaderboard:g}",
        "minutes": f"{kept.seconds / 60:.1f}",
        "note": kept.note,
    }


def _made_of(kept: KeptRun, runs: list[KeptRun]) -> str:
    """The fingerprints of data and code, where they are not the same in all runs."""
    several = [name for name in ("data", "code") if len({getattr(each, name) for each in runs}) > 1]
    return " ".join(f"[{name} {getattr(kept, name)[:4]}]" for name in several)


def _common(runs: list[KeptRun]) -> dict[str, Any]:
    """The settings that differ from the default in the same way in all of several runs."""
    if len(runs) < 2:
        return {}
    first, *others = (each.settings for each in runs)
    return {key: value for key, value in first.items() if all(each.get(key, ...) == value for each in others)}


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())


def diff_text(found: RunDiff, width: int) -> str:
    """What was changed, what it did, and to whom."""
    earlier, later = found.earlier, found.later
    metric = later.score.metric if later.score else "score"
    anew = [f"Made anew for the later one: {', '.join(found.made_anew)}."] if found.made_anew else []
    settings = [table_text(shortened(found.settings, dict.fromkeys(found.settings.columns[1:], 1), width))]
    parts = [
        f"{later.title} against {earlier.title}. The settings that are not the same:",
        *(settings if len(found.settings) else ["none"]),
        *anew,
        f"{metric}, and the difference, later minus earlier, paired, with a 95 % interval by customer:",
        table_text(found.scores, width),
        " ".join(found.notes),
    ]
    if len(found.changed):
        ids = found.changed["customer_id"].str.slice(0, ID_SHOWN)
        parts += ["Whose score changed most:", table_text(found.changed.assign(customer_id=ids), width)]
    return "\n\n".join(parts)


def diff_as_json(found: RunDiff) -> dict[str, Any]:
    """The tables as rows."""
    tables = {"settings": found.settings, "scores": found.scores, "changed": found.changed}
    return {
        "earlier": found.earlier.model_dump(mode="json"),
        "later": found.later.model_dump(mode="json"),
        "made_anew": found.made_anew,
        "notes": found.notes,
        **{name: records(table) for name, table in tables.items()},
    }
