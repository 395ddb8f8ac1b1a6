"""LMF: logistic matrix factorisation."""

from typing import Any, ClassVar

from implicit.cpu.lmf import LogisticMatrixFactorization
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats
from forsys.retrieval.factorization import Factorization
from forsys.retrieval.source import PARAMETERS


@dataclass(config=PARAMETERS)
class LMF(Factorization):
    """Logistic matrix factorisation (Johnson 2014), whose article vectors end with the article's bias and a 1."""

    factors: PositiveInt = 64
    iterations: PositiveInt = 60
    regularization: NonNegativeFloat = 2.0
    max_purchases: PositiveInt = 500_000
    learning_rate: PositiveFloat = 1.0
    """Learning rate of AdaGrad."""
    neg_prop: PositiveInt = 30
    """Negatives sampled for each article bought."""
    alpha: PositiveFloat = 1.0
    """Weight of a purchase of today, where that of a negative is 1."""

    biases: ClassVar[tuple[int, ...]] = (1, 0)  # the profile's own bias is unknown and changes no order

    def learn(self, confidence: sparse.csr_array) -> Floats:
        """As of Factorization, with confidence times `alpha`."""
        return super().learn(confidence * self.alpha)

    def model(self) -> Any:
        """As of Factorization. One thread, as only that is repeatable."""
        options = {"learning_rate": self.learning_rate, "neg_prop": self.neg_prop, "num_threads": 1}
        return LogisticMatrixFactorization(**options, **self.options())
