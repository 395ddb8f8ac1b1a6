"""The parameters of a recurrent network and of its training."""

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from forsys.recurrent.article_inputs import ARTICLE_FEATURES
from forsys.recurrent.cells import CELLS
from forsys.recurrent.minibatches import Batching


def _known_cell(name: str) -> str:
    if name not in CELLS:
        raise PydanticCustomError("cell", "Input should be one of {cells}", {"cells": ", ".join(CELLS)})
    return name


CellName = Annotated[str, AfterValidator(_known_cell)]
Share = Annotated[float, Field(ge=0, lt=1)]
Feature = Literal["attributes", "colour", "shape", "words", "encoding", "sales", "context", "customer"]
ALL_FEATURES: tuple[Feature, ...] = (*ARTICLE_FEATURES, "context", "customer")  # type: ignore[assignment]
CONFIG = ConfigDict(extra="forbid", validate_default=True, use_attribute_docstrings=True)


@dataclass(config=CONFIG, unsafe_hash=True)
class NetworkConfig:
    """How a network is built and trained. Hashed to find networks again, so no field may change once set."""

    cell: CellName = "gru"
    """The recurrent cell: "simple_rnn", "lstm" or "gru"."""
    features: tuple[Feature, ...] = ALL_FEATURES
    """Feature groups that the network reads besides the article embeddings; () for none."""
    embedding_dim: PositiveInt = 64
    """Length of the article vectors and of the recurrent state."""
    days: PositiveInt = 365
    """Days before the cut-off whose purchases are learned from."""
    max_purchases: PositiveInt = 500_000
    """Most purchases to learn from; where the days hold more, only the newest days are used."""
    half_life: PositiveFloat = 30.0
    """Days after which a purchase counts half in the loss."""

    batching: Batching = "session_parallel"
    """How customers are arranged in batches: "session_parallel" or "sliding" (see minibatches.py)."""
    batch_size: PositiveInt = 96
    """Rows of a batch: customers side by side, or windows."""
    window_size: PositiveInt = 8
    """Steps of a batch, each of which predicts one purchase."""
    shuffle: bool = True
    """Whether each epoch has a new random order of customers, and of the purchases within a day."""

    epochs: PositiveInt = 4
    """Passes over the purchases."""
    learning_rate: PositiveFloat = 0.003
    """Adam's learning rate at the end of the warm-up, from which it falls along a cosine."""
    warmup_steps: PositiveInt = 100
    """Batches over which the learning rate rises."""
    global_clipnorm: PositiveFloat = 5.0
    """Largest norm of all gradients together."""
    # On hm-week 3.0 moved a GRU with features from .1409 to .1343 at 10 and from .3701 to .3676 at 100, and with
    # memory from .1868 to .1870 and from .3950 to .3976. On the H&M cohort and the sample it changed nothing.
    weight_decay: NonNegativeFloat = 0.0
    """Decay of the embeddings of articles, products and product names (see optimizer.py)."""
    dropout: Share = 0.25
    """Share of the network's inputs and outputs that is set to 0 in training."""
    id_dropout: Share = 0.0
    """Share of the articles that go without their own embedding in training, as new articles do."""
    loss: Literal["softmax", "bpr_max"] = "softmax"
    """The loss (see losses.py)."""
    num_negatives: PositiveInt = 1024
    """Articles sampled as negatives and shared by a batch; catalogues of up to twice as many are used whole."""
    negative_sampling_power: NonNegativeFloat = 0.75
    """Negatives are sampled by popularity to this power."""
    num_networks: PositiveInt = 1
    """Networks with different seeds whose scores are averaged."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Seed of the first network; the others count up from it."""

    @classmethod
    def of(cls, config: "NetworkConfig") -> "NetworkConfig":
        """The fields of this class, from a config that may have others too."""
        return NetworkConfig(**{field.name: getattr(config, field.name) for field in fields(NetworkConfig)})
