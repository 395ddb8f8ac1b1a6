"""Next item: the recurrent network's scores, plus those of an item kNN, its "memory".

TensorFlow takes seconds to import, so it is imported only where a network is trained or used.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Bools, Floats, Scores
from forsys.progress import progress
from forsys.recurrent.config import NetworkConfig
from forsys.retrieval.baskets import basket_weights
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.nearest_content import chance_on_sale
from forsys.retrieval.same_product import same_product_links
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

if TYPE_CHECKING:
    from forsys.recurrent.inference import ProfileEncoder


@dataclass(config=PARAMETERS)
class NextItem(Source, NetworkConfig):
    """Mean score of one or several recurrent networks, plus a memory of co-purchase and same product.

    The memory adds, for each purchase of the profile, `co_purchase_weight` times the item kNN's similarity, and
    `same_product_weight` for articles of the same product. What is in the basket already, bought on the profile's
    own day, is left out. With `new_article_bias`, articles that were never sold are scored too: by their content,
    plus the log of the probability that they are on sale (see nearest_content), plus that bias.
    """

    co_purchase_weight: NonNegativeFloat = 15.0
    """Factor on the item kNN's similarity in the memory."""
    same_product_weight: NonNegativeFloat = 2.5
    """Score in the memory of the article bought and of others of its product."""
    earlier_weight: NonNegativeFloat = 0.5
    """Weight in the memory of a purchase before the last day of shopping, then decayed."""
    memory_days: PositiveInt = 60
    """Days before the cut-off whose purchases the memory's item kNN learns from."""
    memory_half_life: PositiveFloat = 30.0
    """Days before the last day of shopping after which an earlier purchase counts half in the memory."""
    num_neighbours: PositiveInt = 1000
    """Most similar articles that the memory keeps per article."""
    new_article_bias: float | None = None
    """Added to the scores of articles that were never sold; None leaves these out."""
    catalogue_window: PositiveInt = 20
    """Articles with the nearest ids by which the probability that a new article is on sale is estimated."""
    min_on_sale: PositiveFloat = 0.1
    """Smallest such probability with which a new article is scored."""

    uses_content: ClassVar[bool] = True
    fits_slowly: ClassVar[bool] = True
    needs_part: ClassVar[str | None] = "recurrent"

    def fit(self, history: History, as_of: date) -> Self:
        """Train the networks and build the memory."""
        from forsys.recurrent.inference import article_vectors
        from forsys.recurrent.training import Trainer, encode_features, num_parameters

        features = encode_features(history, as_of, self)
        self._choose_catalogue(history, as_of, features.ids > 0)
        self.mean_log_price_, self.customer_codes_ = features.mean_log_price, features.customer_codes
        self.weights_, vectors, losses, trained = [], [], [], 0
        seeds = range(self.seed, self.seed + self.num_networks if len(features.sold) else self.seed)
        for seed in progress(seeds, self.cell, unit="network"):
            trainer = Trainer(history, as_of, features, self, seed)
            model = trainer.fit(self.epochs)
            losses.append(trainer.losses)
            vectors.append(article_vectors(model, features))
            self.weights_ += [weight.numpy() for weight in model.network.trainable_variables]
            trained += num_parameters(model, features)
        self.loss_ = np.array(losses, np.float32).reshape(-1, self.epochs)  # (networks, epochs), for the page
        self.num_parameters_ = np.array(trained)
        nothing = np.zeros((0, len(features.ids), self.embedding_dim + 1))
        self.vectors_ = np.stack(vectors) if vectors else nothing
        self.memory_ = self._memory(history, as_of)
        return self

    def _choose_catalogue(self, history: History, as_of: date, known: Bools) -> None:
        """The articles sold and, with `new_article_bias`, those likely to be on sale for the first time."""
        prior = np.where(known, 0, -np.inf)
        if self.new_article_bias is not None:
            on_sale = chance_on_sale(history, as_of, known, self.catalogue_window)
            never = ~history.sold_before(as_of)
            chosen = never & (on_sale >= self.min_on_sale)
            prior[chosen] = np.log(on_sale[chosen]) + self.new_article_bias
        self.catalogue_ = np.flatnonzero(np.isfinite(prior)).astype(np.int32)
        self.prior_ = prior[self.catalogue_].astype(np.float32)

    def _memory(self, history: History, as_of: date) -> sparse.csr_array:
        """What a purchase of each article adds to the scores, (articles, catalogue)."""
        knn = ItemKNN(
            days=self.memory_days, shrinkage_bought=10, shrinkage_candidate=3, num_neighbours=self.num_neighbours
        )
        similar = sparse.coo_array(knn.fit(history, as_of).similar_)
        row, column = knn.catalogue_[similar.coords[0]], self.columns(knn.catalogue_[similar.coords[1]])
        kept = column >= 0
        ones = np.ones(len(self.catalogue_), np.float32)
        sales = history.since(as_of, self.memory_days).sales()[self.catalogue_]
        same = sparse.coo_array(same_product_links(history, self.catalogue_, ones, sales))
        values = (self.co_purchase_weight * similar.data[kept], self.same_product_weight * same.data)
        coords = ((row[kept], same.coords[0]), (column[kept], same.coords[1]))
        value, (rows, columns) = np.concatenate(values), map(np.concatenate, coords)
        memory = sparse.coo_array((value.astype(np.float32), (rows, columns)), shape=same.shape).tocsr()
        memory.eliminate_zeros()
        return memory

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Scores of the whole catalogue, also for profiles without a purchase."""
        return self.add_memory(profiles, self.network_scores(self.encode(profiles)))

    def parts(self, profiles: Profiles) -> dict[str, Scores]:
        """With the memory, and the networks alone."""
        alone = self.network_scores(self.encode(profiles))
        return {"": self.add_memory(profiles, alone.copy()), "alone": alone}

    def in_blocks(self, profiles: Profiles) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """All profiles are encoded before the first block: many of one length together take 3/5 of the time."""
        encoded = self.encode(profiles)
        for rows in self.blocks(profiles):
            yield rows, self.add_memory(profiles[rows], self.network_scores(encoded[:, rows]))

    def encode(self, profiles: Profiles) -> Floats:
        """Each network's output after each profile: (networks, profiles, embedding_dim + 1), float32."""
        encoded = [encoder.encode(profiles) for encoder in self.encoders]
        return np.stack(encoded) if encoded else np.zeros((0, len(profiles), self.embedding_dim + 1), np.float32)

    def network_scores(self, encoded: Floats) -> npt.NDArray[np.float32]:
        """Scores without the memory, from what `encode` returned: (profiles, catalogue)."""
        scores = np.asarray(_side_by_side(encoded) @ self.mean_vectors.T, np.float32)
        if self.prior_.any():
            scores += self.prior_
        return scores

    def add_memory(self, profiles: Profiles, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Add the memory's scores in place, with -inf for what is in the basket; returns `scores`."""
        row, purchase = profiles.purchases()
        article, age = profiles.history.article[purchase], profiles.ages(row, purchase)
        weight = basket_weights(row, age, self.earlier_weight, self.memory_half_life)
        # Made dense first, which takes half of the time of adding the stored cells.
        scores += (profiles.matrix(row, article, weight, self.memory_.shape[0]) @ self.memory_).toarray()
        column = self.columns(article)
        basket = (age == 0) & (column >= 0)
        scores[row[basket], column[basket]] = -np.inf
        return scores

    @property
    def parameters(self) -> int:
        """Number of trained weights of the networks, with the article embeddings."""
        return int(self.num_parameters_)

    @property
    def mean_vectors(self) -> Floats:
        """(catalogue, networks * (embedding_dim + 1)): products with the encodings are the mean scores."""
        return self.kept("mean_vectors", self.vectors_, self._make_mean_vectors)

    def _make_mean_vectors(self) -> Floats:
        return _side_by_side(self.vectors_[:, self.catalogue_] / np.float32(max(len(self.vectors_), 1)))

    @property
    def encoders(self) -> "list[ProfileEncoder]":
        """One per network, from the fitted state."""
        return self.kept("encoders", self.vectors_, self._make_encoders)

    def _make_encoders(self) -> "list[ProfileEncoder]":
        from forsys.recurrent.inference import ProfileEncoder

        features = (self.mean_log_price_, self.customer_codes_)
        size = len(self.weights_) // max(len(self.vectors_), 1)
        weights = (self.weights_[i * size : (i + 1) * size] for i in range(len(self.vectors_)))
        return [ProfileEncoder(self, *each, *features) for each in zip(weights, self.vectors_, strict=True)]

    def restore(self, state: Mapping[str, Any]) -> Self:
        """As of every source."""
        self.weights_ = []  # a file without networks holds no such array
        return super().restore(state)


def _side_by_side(networks: Floats) -> Floats:
    """(networks, rows, width) as (rows, networks * width)."""
    return np.concatenate([*networks], axis=1) if len(networks) else np.zeros((networks.shape[1], 0), np.float32)
