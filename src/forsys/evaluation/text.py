"""Tables and sentences as they are printed."""

import pandas as pd

from forsys.metrics.bootstrap import FEW_BUYERS
from forsys.run import Run


def table_text(table: pd.DataFrame) -> str:
    """A table for a terminal: four decimals, blanks where there is no value."""
    return table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4f}")


def generated_label(run: Run) -> str:
    """What a heading starts with where the data are generated; empty where they are not."""
    return "GENERATED DATA. " if run.dataset.generated else ""


def few_buyers_text(buyers: int) -> str:
    """A warning where fewer than FEW_BUYERS customers bought in the holdout; otherwise empty."""
    if buyers >= FEW_BUYERS:
        return ""
    customers = "customer" if buyers == 1 else "customers"
    return f"Only {buyers} {customers} bought in the holdout: these scores say little."


def ceiling_text(final: float, oracle: float, k: int) -> str:
    """The MAP@k of the oracle order of the candidates, and the share of it that the final list reaches."""
    share = f", of which the final list reaches {final / oracle:.0%}" if oracle else ""
    return f"An oracle order of the candidates (hits first) would give MAP@{k} {oracle:.4f}{share}."
