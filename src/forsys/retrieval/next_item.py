"""Next item: what the recurrent network expects after a customer's purchases, and a memory of what goes along.

TensorFlow takes seconds to import, so it is imported only where a network is trained or asked.
"""

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.recurrent.recipe import Recipe
from forsys.retrieval.co_purchase import CoPurchase, basket_weights
from forsys.retrieval.look_alikes import nearby_share
from forsys.retrieval.source import STRICT, Source
from forsys.retrieval.variants import same_code
from forsys.tables.history import Floats, History, Profiles

if TYPE_CHECKING:
    from forsys.recurrent.inference import Reader


@dataclass(config=STRICT)
class NextItem(Source, Recipe):
    """Scores of one or several networks, averaged, plus what the memory says of the basket.

    Articles that were never sold are scored too where `arrivals` is given, by what their attributes, words and
    picture say, plus the logarithm of how likely they are on sale (see look_alikes), plus `arrivals`, which decides
    how many of them come between the others.

    The memory adds `together` times the damped cosine of co-purchase, and `variant` for an article of the same
    product code, for each purchase of the profile: in full on its last day of shopping, `earlier` before. What
    is in the basket of the day already is left out: it is not bought again on that day.
    """

    together: NonNegativeFloat = 15.0
    variant: NonNegativeFloat = 2.5
    earlier: NonNegativeFloat = 0.5
    memory_days: int = 60
    memory_half_life: float = 30.0
    neighbours: int = 1000
    arrivals: float | None = None
    window: PositiveInt = 20
    plausible: PositiveFloat = 0.1

    builds_on: ClassVar[tuple[str, ...]] = (
        "recurrent",
        "retrieval/co_purchase.py",
        "retrieval/look_alikes.py",
        "retrieval/variants.py",
    )
    uses_content: ClassVar[bool] = True

    def fit(self, history: History, as_of: date) -> Self:
        """Train the networks and remember co-purchase."""
        from forsys.recurrent.inference import article_vectors
        from forsys.recurrent.training import Trainer, knowledge, parameters

        facts = knowledge(history, as_of, self)
        self._choose_catalogue(history, as_of, facts.number > 0)
        self.price_level_, self.people_ = facts.price_level, facts.people
        self.weights_, vectors, learned = [], [], 0
        for seed in range(self.seed, self.seed + self.networks if len(facts.sold) else self.seed):
            model = Trainer(history, as_of, facts, self, seed).fit(self.epochs)
            vectors.append(article_vectors(model, facts))
            self.weights_ += [weight.numpy() for weight in model.network.trainable_variables]
            learned += parameters(model, facts)
        self.learned_ = np.array(learned)
        self.vectors_ = np.stack(vectors) if vectors else np.zeros((0, len(facts.number), self.dimension + 1))
        self.memory_ = self._memory(history, as_of)
        self._forget()
        return self

    def _choose_catalogue(self, history: History, as_of: date, known: npt.NDArray[np.bool_]) -> None:
        """The articles sold and, with `arrivals`, those that may be on sale for the first time."""
        prior = np.where(known, 0, -np.inf)
        if self.arrivals is not None:
            number = history.articles["article_id"].cast(int).to_numpy()
            on_sale = nearby_share(number, known, self.window)
            never = np.bincount(history.before(as_of).article, minlength=len(known)) == 0
            chosen = never & (on_sale >= self.plausible)
            prior[chosen] = np.log(on_sale[chosen]) + self.arrivals
        self.catalogue_ = np.flatnonzero(np.isfinite(prior)).astype(np.int32)
        self.prior_ = prior[self.catalogue_].astype(np.float32)

    def _memory(self, history: History, as_of: date) -> sparse.csr_array:
        """What a purchase of each article says for each of the catalogue, (articles, catalogue)."""
        pairs = CoPurchase(days=self.memory_days, damp_bought=10, damp_candidate=3, neighbours=self.neighbours)
        found = sparse.coo_array(pairs.fit(history, as_of).similar_)
        row, column = pairs.catalogue_[found.coords[0]], self.columns(pairs.catalogue_[found.coords[1]])
        kept = column >= 0
        variants = sparse.coo_array(same_code(history, self.catalogue_, np.ones(len(self.catalogue_), np.float32)))
        value = np.concatenate([self.together * found.data[kept], self.variant * variants.data])
        place = (
            np.concatenate([row[kept], variants.coords[0]]),
            np.concatenate([column[kept], variants.coords[1]]),
        )
        memory = sparse.coo_array((value.astype(np.float32), place), shape=variants.shape).tocsr()
        memory.eliminate_zeros()
        return memory

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Every article of the catalogue, for every profile, also one that bought nothing yet."""
        return self._scored(profiles, self.read(profiles))

    def in_blocks(self, profiles: Profiles) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """All are read before the first block: many of one length together take 3/5 of the time."""
        read = self.read(profiles)
        for rows in self.blocks(profiles):
            yield rows, self._scored(profiles[rows], read[:, rows])

    def _scored(self, profiles: Profiles, read: Floats) -> npt.NDArray[np.float32]:
        expected = self.expected(read)
        return self.remembered(profiles, expected) if self.memory_.nnz else expected

    def read(self, profiles: Profiles) -> Floats:
        """What each network expects after each profile: (networks, profiles, dimension + 1), float32."""
        read = [reader.expect(profiles) for reader in self.readers]
        return np.stack(read) if read else np.zeros((0, len(profiles), self.dimension + 1), np.float32)

    def expected(self, read: Floats) -> npt.NDArray[np.float32]:
        """The scores of the networks alone, of what `read` returned."""
        scores = np.asarray(_side_by_side(read) @ self.vectors_of_all.T, np.float32)
        if self.prior_.any():
            scores += self.prior_
        return scores

    def remembered(self, profiles: Profiles, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """`scores`, changed: with what the memory adds."""
        row, purchase = profiles.purchases()
        article, age = profiles.history.article[purchase], profiles.ages(row, purchase)
        weight = basket_weights(row, age, self.earlier, self.memory_half_life)
        # As a dense array, which is added in half of the time of the stored cells alone.
        scores += (profiles.matrix(row, article, weight, self.memory_.shape[0]) @ self.memory_).toarray()
        column = self.columns(article)
        basket = (age == 0) & (column >= 0)
        scores[row[basket], column[basket]] = -np.inf
        return scores

    @property
    def parameters(self) -> int:
        """Weights of the networks, those of the articles among them."""
        return int(self.learned_)

    @cached_property
    def vectors_of_all(self) -> Floats:
        """(catalogue, networks * (dimension + 1)): their products with what was read are the mean scores."""
        return _side_by_side(self.vectors_[:, self.catalogue_] / np.float32(max(len(self.vectors_), 1)))

    def _forget(self) -> None:
        """What was made from an earlier fitted state."""
        for name in ("readers", "vectors_of_all"):
            self.__dict__.pop(name, None)

    @cached_property
    def readers(self) -> "list[Reader]":
        """One a network, made from the fitted state."""
        from forsys.recurrent.inference import Reader

        each = len(self.weights_) // max(len(self.vectors_), 1)
        return [
            Reader(self, self.weights_[i * each : (i + 1) * each], vectors, self.price_level_, self.people_)
            for i, vectors in enumerate(self.vectors_)
        ]

    def load(self, path: Any) -> Self:
        """As for every source; the networks are made anew."""
        self._forget()
        self.weights_ = []  # no array stands for no network
        return super().load(path)


def _side_by_side(networks: Floats) -> Floats:
    """(networks, rows, width) as (rows, networks * width)."""
    return np.concatenate([*networks], axis=1) if len(networks) else np.zeros((networks.shape[1], 0), np.float32)
