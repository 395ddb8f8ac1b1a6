"""The comparison as people read it: text, Markdown, CSV, JSON and a curve."""

from pathlib import Path

import numpy as np
import pandas as pd

from forsys.evaluation.comparison import ARRIVALS, MEMORY, Comparison
from forsys.evaluation.evaluate import GENERATED, show
from forsys.report.drawing import ACCENT, BASELINE_GREY, LINES, house_style, new_axes
from forsys.run import Run
from forsys.store import whole, write_json

TITLES = {
    "accuracy": "Next-item accuracy at k, parameters, seconds of training, purchases learned a second:",
    "gains": "What the features add, paired, with 95 % intervals by customer:",
    "never_sold": "On the events whose article was never sold before the cut-off:",
    "by_length": "Accuracy at 10 by the number of purchases before:",
    "mixing": "New arrivals between the others, accuracy at 100 by offset, on the period before the holdout:",
    "ablation": "GRU without memory, groups of features left out and alone, on the period before the holdout:",
}


def write_comparison(run: Run, found: Comparison, mixed: pd.DataFrame, ablation: pd.DataFrame | None = None) -> str:
    """Write every table as CSV, all of them as Markdown and JSON, and the curve as PNG; return the text."""
    folder = run.out / "comparison"
    tables = {
        "accuracy": found.accuracy(),
        "gains": found.gains(),
        "never_sold": found.never_sold(),
        "by_length": found.by_length(),
        "mixing": mixed,
        **({} if ablation is None else {"ablation": ablation}),
    }
    heading = (
        f"{len(found.events):,} purchases from {found.fold.as_of} up to {found.fold.until} (not included), each "
        "predicted from those before it by models fixed at the first day; ties count against the model."
    )
    heading = f"{GENERATED}\n{heading}" if run.dataset.generated else heading
    for name, table in tables.items():
        with whole(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with whole(folder / "comparison.md") as part:
        part.write_text("\n\n".join([heading, *_markdown(tables)]) + "\n", encoding="utf-8")
    records = {name: table.to_dict(orient="records") for name, table in tables.items()}
    write_json(
        {"data": run.dataset.name, "generated": run.dataset.generated, **records}, folder / "comparison.json"
    )
    draw_curve(found, folder / "accuracy.png")
    return "\n\n".join(
        [heading, *(f"{TITLES[name]}\n{show(table)}" for name, table in tables.items() if len(table))]
    )


def _markdown(tables: dict[str, pd.DataFrame]) -> list[str]:
    parts = []
    for name, table in tables.items():
        rows = [["" if pd.isna(cell) else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
                for row in table.itertuples(index=False)]  # fmt: skip
        lines = [list(map(str, table.columns)), ["---"] * len(table.columns), *rows]
        parts += [TITLES[name], "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return parts


def draw_curve(found: Comparison, path: Path) -> None:
    """Accuracy over k, 1 to 100: the networks with features and memory in colour, the others behind them."""
    ks = np.arange(1, 101)
    colours = iter((ACCENT, *LINES))
    with house_style():
        figure, ax = new_axes(7.2, 4.6)
        for name, measured in found.measured.items():
            if name == ARRIVALS:
                continue
            accuracy = [(measured.ranks <= k).mean() for k in ks]
            best = name.endswith(MEMORY)
            colour = next(colours) if best else BASELINE_GREY
            ax.plot(ks, accuracy, color=colour, linewidth=1.6 if best else 1.0, label=name if best else None)
            if not best:
                ax.annotate(name, (ks[-1], accuracy[-1]), xytext=(3, 0), textcoords="offset points", fontsize=6)
        ax.set_xscale("log")
        ax.set_xticks([1, 5, 10, 50, 100], labels=["1", "5", "10", "50", "100"])
        ax.set_xlabel("articles shown (k)")
        ax.set_title("Is the next article among the k best?")
        ax.grid(axis="y")
        ax.legend(frameon=False, fontsize=7)
        with whole(path) as part:
            figure.savefig(part, format="png", dpi=150)
