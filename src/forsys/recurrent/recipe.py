"""Everything that decides how a network is made."""

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from forsys.recurrent.articles import GROUPS
from forsys.recurrent.windows import Layout

Cell = Literal["simple_rnn", "lstm", "gru"]
Share = Annotated[float, Field(ge=0, lt=1)]
Group = Literal["attributes", "colour", "shape", "words", "selling", "moment", "customer"]
ALL_GROUPS: tuple[Group, ...] = (*GROUPS, "moment", "customer")  # type: ignore[assignment]


@dataclass(config=ConfigDict(extra="forbid", validate_default=True), unsafe_hash=True)
class Recipe:
    """How a network is made and trained. The defaults are those that measured best. No field changes once set."""

    cell: Cell = "gru"
    groups: tuple[Group, ...] = ALL_GROUPS
    """What is known beside the articles' numbers; () for a network of numbers alone."""
    dimension: PositiveInt = 128
    """Of the article vectors and of the state."""
    days: PositiveInt = 365
    """Learn from the purchases of so many days before the cut-off."""
    purchases: PositiveInt = 1_000_000
    """But fewer days, so that these hold no more than so many."""
    half_life: PositiveFloat = 60.0
    """Days after which a purchase weighs half in the loss."""

    layout: Layout = "session_parallel"
    """How customers are laid out in batches (see windows.py)."""
    rows: PositiveInt = 96
    """Customers, or windows, in a batch."""
    length: PositiveInt = 8
    """Steps in a batch: the window size."""
    shuffle: bool = True
    """Customers, and purchases within a day, in a new random order each epoch."""

    epochs: PositiveInt = 5
    learning_rate: PositiveFloat = 0.003
    warm_up: PositiveInt = 100
    """Steps until the learning rate is reached; it then falls as a cosine does."""
    clip: PositiveFloat = 5.0
    """Largest norm of a gradient."""
    weight_decay: NonNegativeFloat = 0.0
    """Of what articles, products and names have for themselves (see optimizer.py).

    On hm-week 3.0 moved a GRU with features from .1409 to .1343 at 10 and from .3701 to .3676 at 100, and with
    memory from .1868 to .1870 and from .3950 to .3976. On the H&M cohort and the sample it changed nothing.
    """
    dropout: Share = 0.25
    drop_id: Share = 0.0
    """How often an article goes without its number in training."""
    loss: Literal["softmax", "bpr_max"] = "softmax"
    negatives: PositiveInt = 2048
    """Articles that each step is told from, shared by a batch; all of a catalogue of up to twice as many."""
    alpha: NonNegativeFloat = 0.75
    """They are drawn by popularity to this power."""
    networks: PositiveInt = 1
    """Networks with different seeds whose scores are averaged."""
    seed: int = 7

    @classmethod
    def of(cls, more: "Recipe") -> "Recipe":
        """Nothing but these fields, of what has others too."""
        return Recipe(**{field.name: getattr(more, field.name) for field in fields(Recipe)})
