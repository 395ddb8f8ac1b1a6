"""The comparison as people read it: text, Markdown, CSV, JSON, a curve and a page."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from forsys.evaluation.comparison import FEATURES, MEMORY, PRIORS, Comparison
from forsys.evaluation.list_names import GENERATED
from forsys.evaluation.records import records
from forsys.evaluation.text import table_text
from forsys.recurrent.cells import CELLS
from forsys.report.charts import next_item_chart
from forsys.report.colours import Palette
from forsys.report.drawing import ACCENT, BASELINE_GREY, LINES, house_style, label_line_ends
from forsys.report.templates import write_page
from forsys.run import Run
from forsys.store import atomic_write, write_json

MAX_K = 100  # of the curve
CELL_COLOURS = (LINES[0], LINES[1], ACCENT, *LINES[2:])  # from the start again where there are more cells
STYLES = {"": ":", FEATURES: "--", FEATURES + MEMORY: "-"}  # of the variants of a cell that are drawn
TITLES = {
    "accuracy": "Next-item accuracy at k, parameters, seconds of training, purchases learned per second",
    "gains": "What the features add, and the mixture: paired differences with 95 % intervals by customer",
    "candidates": "The mixture's candidates: share of the events' articles that they hold, by who proposes them",
    "never_sold": "On the events whose article was never sold before the cut-off",
    "by_length": "Accuracy at 10 by the number of earlier purchases",
    "bias_sweep": "New articles among the others: accuracy at 100 by their bias, on the period before the holdout",
    "ablation": "GRU without memory, feature groups left out and alone, on the period before the holdout",
    "mixture_ablation": "The mixture without each source and feature group, on the period before the holdout",
}


def write_comparison(
    run: Run, found: Comparison, sweep: pd.DataFrame, ablations: tuple[pd.DataFrame, pd.DataFrame] | None = None
) -> str:
    """Write every table as CSV, all as Markdown, JSON and a page, and the curve as PNG; return the text."""
    folder = run.workspace.comparison
    tables = {
        "accuracy": found.accuracy(),
        "gains": found.gains(),
        "candidates": found.candidates(),
        "never_sold": found.never_sold(),
        "by_length": found.by_length(),
        "bias_sweep": sweep,
        **dict(zip(("ablation", "mixture_ablation"), ablations or (), strict=False)),
    }
    heading = (
        f"{len(found.events):,} purchases from {found.fold.as_of} up to {found.fold.until} (not included), each "
        "predicted from those before it by models fixed at the first day; ties count against the model."
    )
    write_comparison_page(run, tables, heading)
    heading = f"{GENERATED}\n{heading}" if run.dataset.generated else heading
    for name, table in tables.items():
        with atomic_write(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with atomic_write(folder / "comparison.md") as part:
        part.write_text("\n\n".join([heading, *_markdown(tables)]) + "\n", encoding="utf-8")
    about = {"data": run.dataset.name, "generated": run.dataset.generated}
    write_json(about | {name: records(table) for name, table in tables.items()}, folder / "comparison.json")
    draw_curve(found, folder / "accuracy.png")
    texts = [f"{TITLES[name]}:\n{table_text(table)}" for name, table in tables.items() if len(table)]
    return "\n\n".join([heading, *texts])


def write_comparison_page(run: Run, tables: dict[str, pd.DataFrame], heading: str) -> None:
    """Write the curve and the tables that have rows; heading: what was measured."""
    rows = {name: records(table) for name, table in tables.items() if len(table)}
    palette = Palette.of(list(run.settings.retrieval.sources), [row["system"] for row in rows["accuracy"]])
    write_page(
        "comparison.html",
        run.workspace.comparison / "comparison.html",
        run=run,
        heading=heading,
        chart=next_item_chart(rows["accuracy"], "system", palette),
        tables=[(name, TITLES[name], found) for name, found in rows.items()],
    )


def _markdown(tables: dict[str, pd.DataFrame]) -> list[str]:
    parts = []
    for name, table in tables.items():
        rows = [["" if pd.isna(cell) else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
                for row in table.itertuples(index=False)]  # fmt: skip
        lines = [list(map(str, table.columns)), ["---"] * len(table.columns), *rows]
        parts += [f"{TITLES[name]}:", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return parts


def draw_curve(found: Comparison, path: Path) -> None:
    """Accuracy over k, 1 to MAX_K: a colour per cell, a line style per variant, the prior models in grey."""
    ks = np.arange(1, MAX_K + 1)
    looks, ends = _network_looks(), {}
    with house_style():
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        ax = figure.add_subplot()
        for name, measured in found.measured.items():
            accuracy = [float((measured.ranks <= k).mean()) for k in ks]
            if name in PRIORS.values():
                ax.plot(ks, accuracy, color=BASELINE_GREY, linewidth=1.0)
                ends[name] = accuracy[-1]
            elif name in looks:
                colour, style = looks[name]
                width = 1.8 if style == "-" else 1.1
                ax.plot(ks, accuracy, color=colour, linestyle=style, linewidth=width, label=name)
        label_line_ends(ax, ends)
        ax.set_xscale("log")
        ax.set_xticks([1, 5, 10, 50, 100], labels=["1", "5", "10", "50", "100"])
        ax.set_xlim(1, MAX_K)
        ax.set_xlabel("articles shown (k)")
        ax.set_title("Is the next article among the k best?")
        ax.grid(axis="y")
        ax.legend(frameon=False, fontsize=7)
        with atomic_write(path) as part:
            figure.savefig(part, format="png", dpi=150)


def _network_looks() -> dict[str, tuple[str, str]]:
    """System -> colour and style of its line, for the networks that are drawn."""
    return {
        cell.title + variant: (CELL_COLOURS[i % len(CELL_COLOURS)], style)
        for i, cell in enumerate(CELLS.values())
        for variant, style in STYLES.items()
    }
