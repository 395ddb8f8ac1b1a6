"""From the purchases before a cut-off to a trained network."""

from dataclasses import dataclass
from datetime import date
from itertools import chain, repeat

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.calendar import day_number
from forsys.progress import progress
from forsys.recurrent.article_inputs import ArticleValues, article_inputs, mean_log_price
from forsys.recurrent.backend import Tensors, tf
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.context import context, customer_codes
from forsys.recurrent.learner import BatchTensors, cached_learner
from forsys.recurrent.losses import accidental_hits
from forsys.recurrent.minibatches import Batch, batches
from forsys.recurrent.model import Model, Shapes, vocabulary_sizes
from forsys.tables.history import History

FINAL_RATE = 0.03  # of the learning rate, at the end of training


@dataclass(frozen=True, eq=False)
class EncodedFeatures:
    """What a network looks up, as known at the cut-off: the same in training and inference."""

    ids: Ints  # (articles,): row of the embedding table, 0 for all articles without sales before the cut-off
    article_codes: Ints  # (articles, attributes)
    article_values: ArticleValues
    mean_log_price: Floats  # (articles,), see article_inputs.mean_log_price
    customer_codes: Ints  # (customers, attributes)

    @property
    def shapes(self) -> Shapes:
        """The shapes of a model for these features."""
        articles, customers = vocabulary_sizes(self.article_codes), vocabulary_sizes(self.customer_codes)
        return Shapes(len(self.ids), articles, self.article_values.width, customers)

    @property
    def sold(self) -> Ints:
        """The articles with sales before the cut-off, sorted."""
        return np.flatnonzero(self.ids)

    def tensors(self, articles: Ints | slice) -> Tensors:
        """Ids, codes and values of articles, for ArticleVectors."""
        return tuple(tf.constant(array[articles]) for array in (self.ids, self.article_codes, self.article_values))


def encode_features(history: History, as_of: date, config: NetworkConfig) -> EncodedFeatures:
    """Encode the features of all articles and customers of the shop."""
    log = history.since(as_of, config.days, config.max_purchases)
    count = len(history.articles)
    sales = np.bincount(log.article, minlength=count)
    ids = np.where(sales > 0, np.arange(1, count + 1, dtype=np.int32), 0)
    no_codes = np.zeros((len(history.customers), 0), np.int32)
    codes = customer_codes(history) if "customer" in config.features else no_codes
    # Of all purchases, not of the window alone: a profile may hold articles that sold before it only.
    price = mean_log_price(history, as_of).astype(np.float32)
    return EncodedFeatures(ids, *article_inputs(history, as_of, config.features), price, codes)


class Trainer:
    """Trains one model on the purchases of the last `config.days` before the cut-off."""

    def __init__(
        self, history: History, as_of: date, features: EncodedFeatures, config: NetworkConfig, seed: int
    ) -> None:
        self.log = history.since(as_of, config.days, config.max_purchases)
        self.features, self.config = features, config
        self.sold = features.tensors(features.sold)
        self.learner = cached_learner(features.shapes, NetworkConfig.of(config), seed)
        self.learner.restart()
        self.model = self.learner.model
        self.rng = np.random.default_rng(seed)
        self.weights = np.exp2((self.log.day - day_number(as_of) + 1) / config.half_life).astype(np.float32)
        sales = np.bincount(self.log.article, self.weights, len(features.ids))
        popularity = np.log(np.append(0.5, sales + 1))  # by id; what scores start from
        self.model.articles.popularity.assign((popularity - popularity.max()).astype(np.float32))
        share = (sales[features.sold] + 1) ** config.negative_sampling_power
        self.share = share / share.sum()  # of the negatives, by article sold
        self.cumulative_share = np.cumsum(self.share)
        self.losses: list[float] = []  # the mean over the batches of each epoch

    def fit(self, epochs: int) -> Model:
        """Train for all epochs of the learning rate's schedule."""
        rng = self.rng if self.config.shuffle else None
        layout = (self.config.batching, self.config.batch_size, self.config.window_size, rng)
        first_epoch = list(batches(self.log, *layout))
        # A shuffled epoch may have a few more batches than the first.
        final_rate = np.float32(FINAL_RATE * self.config.learning_rate)
        rates = chain(learning_rates(epochs * len(first_epoch), self.config), repeat(final_rate))
        for epoch in progress(range(epochs), "train", unit="epoch"):
            state, losses = self.model.network.zero_state(self.config.batch_size), []
            for batch in first_epoch if epoch == 0 or rng is None else batches(self.log, *layout):
                step = (self._tensors(batch), state, tf.constant(next(rates)))
                loss, state = self.learner.train_step(self.sold, *step)
                losses.append(loss)
            self.losses.append(float(np.mean([loss.numpy() for loss in losses])) if losses else 0.0)
        return self.model

    def _tensors(self, batch: Batch) -> BatchTensors:
        """A batch as the learner takes it."""
        empty, predict = batch.predict < 0, np.maximum(batch.predict, 0)
        read = np.where(batch.read < 0, -1, self.log.article[batch.read])  # (rows, steps)
        bought = self.log.article[predict]
        negatives, log_expected_count = self._sample_negatives()
        index = np.zeros(len(self.features.ids) + 1, np.int32)  # of each article among those that are needed
        for articles in (read, bought, negatives):
            index[articles] = 1
        index[-1] = 0  # where nothing is read
        needed = np.flatnonzero(index)
        index[needed] = np.arange(len(needed), dtype=np.int32)
        index[-1] = -1
        weights = np.where(empty, 0, self.weights[predict]).astype(np.float32)
        codes, residual = context(self.log, batch, self.features.mean_log_price)
        customer = self.features.customer_codes[self.log.customer[predict]]
        sample = (index[negatives], log_expected_count, accidental_hits(negatives, bought.ravel()))
        arrays = (index[read], index[bought], *sample, weights, batch.reset, codes, residual, customer)
        rows = np.searchsorted(self.features.sold, needed).astype(np.int32)
        return BatchTensors(*map(tf.constant, (rows, *arrays)))

    def _sample_negatives(self) -> tuple[Ints, Floats]:
        """Distinct articles, sorted; log of the expected over the actual count of each in the sample."""
        sold, count = self.features.sold, self.config.num_negatives
        if len(sold) <= 2 * count:
            return sold, np.zeros(len(sold), np.float32)
        indices = np.searchsorted(self.cumulative_share, self.rng.random(count))
        sampled, times = np.unique(np.minimum(indices, len(sold) - 1), return_counts=True)
        return sold[sampled], np.log(count * self.share[sampled] / times).astype(np.float32)


def learning_rates(steps: int, config: NetworkConfig) -> Floats:
    """The learning rate of each step, (steps,) float32: a linear warm-up, then a cosine down to FINAL_RATE."""
    warmup = min(config.warmup_steps, steps // 2)
    step = np.arange(steps)
    cosine = (1 + np.cos(np.pi * (step - warmup) / max(steps - warmup, 1))) / 2
    share = np.where(step < warmup, step / max(warmup, 1), FINAL_RATE + (1 - FINAL_RATE) * cosine)
    return (config.learning_rate * share).astype(np.float32)


def num_parameters(model: Model, features: EncodedFeatures) -> int:
    """Number of trained weights, without the unused embeddings and biases of articles that were not sold."""
    unused = len(features.ids) - len(features.sold)
    per_article = model.articles.embedding.shape[1] + 1  # and the popularity
    return int(sum(np.prod(weight.shape) for weight in model.weights) - unused * per_article)
