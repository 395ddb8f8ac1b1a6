"""BPR: Bayesian personalised ranking."""

from typing import Any, ClassVar

from implicit.cpu.bpr import BayesianPersonalizedRanking
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from forsys.retrieval.factorization import Factorization
from forsys.retrieval.source import PARAMETERS


@dataclass(config=PARAMETERS)
class BPR(Factorization):
    """Bayesian personalised ranking (Rendle and others 2009), whose article vectors end with the article's bias.

    It learns from each pair of customer and article alike, as implicit does: `half_life` counts only where the
    vector of a profile is made from its purchases.
    """

    factors: PositiveInt = 128
    iterations: PositiveInt = 150
    regularization: NonNegativeFloat = 0.003
    max_purchases: PositiveInt = 500_000
    learning_rate: PositiveFloat = 0.02
    """Learning rate of stochastic gradient descent."""

    biases: ClassVar[tuple[int, ...]] = (1,)

    def model(self) -> Any:
        """As of Factorization. One thread, as only that is repeatable."""
        return BayesianPersonalizedRanking(learning_rate=self.learning_rate, num_threads=1, **self.options())
