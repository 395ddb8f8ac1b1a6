"""Next-item events: purchases to predict from those before them."""

from dataclasses import replace

import numpy as np

from forsys.arrays import Ints
from forsys.calendar import Fold, day_number
from forsys.tables.history import History, Profiles

MAX_PURCHASES = 2_000  # before an event that are read, the newest; Kaggle's largest customer has fewer


def next_item_events(history: History, fold: Fold, max_events: int | None = None, seed: int = 0) -> Ints:
    """Rows of `history` to predict, sorted: purchases in the fold by customers with an earlier purchase.

    Units of one article on a day are one event (History merges them). At most `max_events`, sampled with `seed`.
    """
    in_fold = (history.day >= day_number(fold.as_of)) & (history.day < day_number(fold.until))
    has_earlier = np.arange(len(history)) > history.first[history.customer]
    events = np.flatnonzero(in_fold & has_earlier)
    if max_events is not None and len(events) > max_events:
        events = np.sort(np.random.default_rng(seed).choice(events, max_events, replace=False))
    return events


def profiles_of(history: History, events: Ints) -> Profiles:
    """What the buyer of each event had bought before it, of the newest MAX_PURCHASES.

    All events of a customer are in memory at once: 5,000 of one with 50,000 purchases would take some 10 GiB.
    """
    profiles = history.event_profiles(events)
    return replace(profiles, start=np.maximum(profiles.start, profiles.stop - MAX_PURCHASES))
