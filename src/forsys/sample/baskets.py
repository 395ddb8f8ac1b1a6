"""What goes into the baskets: articles by shelf, popularity, taste and mood.

Each line of a basket looks at a few articles of a shelf, sampled by the week's popularity, and takes the one that
the customer likes best, with noise. No table of customers by articles is ever built. Some lines are then moved: to
something bought before, to another colour of it, or to what goes well with the basket's first article.
"""

from dataclasses import dataclass

import numpy as np

from forsys.sample import words
from forsys.sample.assortment import CLASS_OF_KIND, Catalogue, season
from forsys.sample.constants import ShopConstants
from forsys.sample.population import COLUMNS, SLOT_WEIGHTS, Customers, deviations, shelves
from forsys.sample.sampling import Bools, Floats, Floats32, Ints, Ints32, within_groups
from forsys.sample.visits import Visits

BLOCK_OF_LINES = 65_536
ROAMS = 0.2  # chance that a line is from another shelf than the customer's own
MOOD_STYLE, MOOD_COLOUR = 1.6, 1.3  # added to the liking of what matches the mood of the basket
PARTNERS = 5  # articles kept per article that go well with it
NEVER = -1_000  # the week of the last visit of a customer who has not come yet
SATED = 9.0  # subtracted from the liking of a design that the customer bought lately
DRIFT_WEEKS = 30.0  # weeks in which a customer's deviation from the lifestyle's taste falls to 1/e
SLOT_WEEKS = 45.0  # mean weeks until a customer replaces one of their shelves


@dataclass(frozen=True)
class Traits:
    """The tastes that each article appeals to; arrays are (n,)."""

    columns: tuple[Ints, ...]  # one array per block: the column of `Customers.taste`
    family: Ints  # of the colour


@dataclass
class Memory:
    """What each customer bought lately: a ring buffer of article indices per customer."""

    ring: Ints32  # (n, size), -1 where empty
    count: Ints32  # (n,) purchases stored so far
    last: Ints32  # (n,) week of the last visit

    @classmethod
    def blank(cls, customers: int, size: int) -> "Memory":
        """Nobody has bought anything yet. `size`: how many purchases are remembered per customer."""
        empty = np.full((customers, size), -1, dtype=np.int32)
        return cls(empty, np.zeros(customers, dtype=np.int32), np.full(customers, NEVER, dtype=np.int32))

    def recall(self, rng: np.random.Generator, customer: Ints) -> Ints:
        """A random recent purchase of each customer, the latest most likely; -1 where there is none."""
        size = self.ring.shape[1]
        back = rng.geometric(0.4, len(customer)) - 1
        stored = np.minimum(self.count[customer], size)
        slot = (self.count[customer] - 1 - np.where(back < stored, back, 0)) % size
        recalled: Ints = self.ring[customer, slot].astype(np.int64)
        return recalled

    def has_design(self, customer: Ints, article: Ints, code: Ints) -> Bools:
        """Whether customers (m,) lately bought the design of articles (m, k) -> (m, k). code: (n,), of all."""
        bought = code[self.ring[customer]]
        bought[self.ring[customer] < 0] = -1  # an empty slot, -1, has read the last article's code
        wanted = code[article]
        found = np.zeros(article.shape, dtype=np.bool_)
        for slot in bought.T:
            found |= wanted == slot[:, None]
        return found

    def store(self, customer: Ints, article: Ints, week: int) -> None:
        """Remember purchases, with those of one customer next to each other."""
        _, counts = np.unique(customer, return_counts=True)
        rank = within_groups(counts)
        size = self.ring.shape[1]
        late = np.repeat(counts, counts) - rank <= size  # so that no slot is written twice
        slot = (self.count[customer] + rank) % size
        self.ring[customer[late], slot[late]] = article[late]
        self.last[customer] = week
        self.count += np.bincount(customer, minlength=len(self.count)).astype(np.int32)


class Shop:
    """The range of goods as the customers see it, week by week."""

    def __init__(
        self, rng: np.random.Generator, catalogue: Catalogue, first_week: int, constants: ShopConstants
    ) -> None:
        self.catalogue = catalogue
        self.constants = constants
        self.first_week = first_week
        self.order = np.argsort(catalogue.shelf, kind="stable")  # articles, shelf by shelf
        self.starts = np.searchsorted(catalogue.shelf[self.order], np.arange(len(words.SHELVES) + 1))
        self.traits = _traits(catalogue)
        self.partners = _partners(rng, catalogue, self.traits)
        self.trends = np.zeros(len(words.STYLES) + len(words.COLOUR_FAMILIES))
        self.weight: Floats = np.zeros(len(catalogue))
        self.edges: Floats = np.zeros(len(catalogue) + 1)
        self.price: Floats = catalogue.price

    def open_week(self, rng: np.random.Generator, week: int) -> None:
        """Set the week's popularity and prices."""
        goods = self.catalogue
        self.trends += self.constants.trend * rng.standard_normal(len(self.trends))
        trend = self.trends[goods.style] + self.trends[len(words.STYLES) + self.traits.family]
        seasons = season(np.arange(len(words.KINDS)), self.first_week + week)
        self.weight = goods.quality * _life(goods, week, self.constants.head_start) * seasons[goods.kind]
        self.weight *= np.exp(trend)
        if self.constants.crowd:
            self.weight /= 1 + self.weight / (self.constants.crowd * self.weight.sum())
        self.edges = np.concatenate([[0.0], np.cumsum(self.weight[self.order])])
        marked = week - goods.launch >= 0.6 * goods.length
        self.price = goods.price * np.where(marked, goods.sale, 1.0)

    def looked_at(self, rng: np.random.Generator, shelf: Ints) -> Ints:
        """Articles on sale at each shelf, sampled by popularity -> (lines, looks)."""
        low, high = self.edges[self.starts[shelf]], self.edges[self.starts[shelf + 1]]
        empty = high - low <= 1e-9 * self.edges[-1]  # nothing is on sale there: look anywhere
        low, high = np.where(empty, 0.0, low), np.where(empty, self.edges[-1], high)
        point = low[:, None] + rng.random((len(shelf), self.constants.looks)) * (high - low)[:, None]
        position = np.searchsorted(self.edges, point, side="right") - 1
        return self.order[np.minimum(position, len(self.order) - 1)]

    def on_sale(self, article: Ints) -> Bools:
        """Whether each article (-1 = none) is sold this week."""
        return (article >= 0) & (self.weight[article] > 0)

    def variant_of(self, rng: np.random.Generator, article: Ints) -> Ints:
        """Another colour of each article; -1 where there is none, or for article -1."""
        goods = self.catalogue
        size = goods.variants[article]
        step = 1 + rng.integers(0, np.maximum(size - 1, 1))
        first = goods.first_variant[article]
        return np.where((article < 0) | (size < 2), -1, first + (article - first + step) % size)

    def partner_of(self, rng: np.random.Generator, article: Ints) -> Ints:
        """Something on sale that goes well with each article; -1 where there is nothing."""
        slot = np.minimum(rng.geometric(0.45, len(article)) - 1, PARTNERS - 1)
        found = np.full(len(article), -1, dtype=np.int64)
        for step in range(PARTNERS):
            offered = self.partners[article, (slot + step) % PARTNERS]
            found = np.where((found < 0) & self.on_sale(offered), offered, found)
        return found


def fill(
    rng: np.random.Generator, shop: Shop, customers: Customers, memory: Memory, visits: Visits, week: int
) -> tuple[Ints, Ints]:
    """Fill the baskets -> visit index and article index of each line, visit by visit."""
    visit = np.repeat(np.arange(len(visits.customer)), visits.size)
    rank = within_groups(visits.size)
    shelf = _shelves(rng, customers, visits, visit, rank, shop.constants)
    style, family = _moods(rng, customers, visits)
    article = np.empty(len(visit), dtype=np.int64)
    for start in range(0, len(visit), BLOCK_OF_LINES):
        part = slice(start, start + BLOCK_OF_LINES)
        own = visit[part]
        seen = shop.looked_at(rng, shelf[part])
        liking = likings(shop, customers, visits.customer[own], seen)
        liking += np.float32(MOOD_STYLE) * (shop.catalogue.style[seen] == style[own, None])
        liking += np.float32(MOOD_COLOUR) * (shop.traits.family[seen] == family[own, None])
        liking -= np.float32(SATED) * memory.has_design(visits.customer[own], seen, shop.catalogue.code)
        best = np.argmax(liking + _gumbel(rng, liking.shape), axis=1)
        article[part] = seen[np.arange(len(own)), best]
    customer = visits.customer[visit]
    matched = _match(rng, shop, article, rank)
    had = memory.has_design(customer, matched[:, None], shop.catalogue.code)[:, 0]
    return visit, _come_back(rng, shop, memory, customer, visits.size[visit], np.where(had, article, matched), week)


def likings(shop: Shop, customers: Customers, customer: Ints, articles: Ints) -> Floats32:
    """How much customers (m,) like articles (m, k), apart from popularity and mood -> (m, k)."""
    taste = customers.taste[customer]
    row = np.arange(len(customer))[:, None]
    liking = np.zeros(articles.shape, dtype=np.float32)
    for column in shop.traits.columns:
        liking += taste[row, column[articles]]
    liking += taste[:, COLUMNS["price_level"]] * shop.catalogue.price_level[articles]
    hidden = shop.catalogue.hidden
    for dimension, own in enumerate(taste[:, COLUMNS["hidden"]].T):
        liking += own[:, None] * hidden[articles, dimension]
    return liking


def drift(rng: np.random.Generator, customers: Customers, buyers: Ints, week: int) -> None:
    """Let the tastes of this week's buyers drift, for as many weeks as have passed since they were last seen."""
    weeks = (week - customers.seen[buyers]).astype(np.float32)
    kept = np.exp(-weeks / np.float32(DRIFT_WEEKS))[:, None]
    centre = customers.centre[customers.prototype[buyers]]
    noise = rng.standard_normal(centre.shape, dtype=np.float32) * deviations()
    customers.taste[buyers] = centre + kept * (customers.taste[buyers] - centre) + np.sqrt(1 - kept**2) * noise
    for slot in range(customers.slots.shape[1]):
        moved = buyers[rng.random(len(buyers)) < -np.expm1(-weeks / SLOT_WEEKS)]
        customers.slots[moved, slot] = shelves(rng, customers.persona[moved])
    customers.seen[buyers] = week


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats32:
    """Gumbel noise: the largest of score + noise is sampled in proportion to exp(score)."""
    noise: Floats32 = -np.log(rng.standard_exponential(shape, dtype=np.float32) + np.float32(1e-30))
    return noise


def _shelves(
    rng: np.random.Generator,
    customers: Customers,
    visits: Visits,
    visit: Ints,
    rank: Ints,
    constants: ShopConstants,
) -> Ints:
    """The shelf of each line: mostly that of the basket's first line, otherwise another of the customer's."""
    who = visits.customer[visit]
    shelf = customers.slots[who, rng.choice(len(SLOT_WEIGHTS), len(who), p=SLOT_WEIGHTS)].astype(np.int64)
    roams = rng.random(len(who)) < ROAMS
    shelf[roams] = shelves(rng, customers.persona[who[roams]])
    if constants.strays:
        strays = rng.random(len(who)) < constants.strays
        shares = np.array([s.share for s in words.SHELVES])
        shelf[strays] = rng.choice(len(shares), int(strays.sum()), p=shares / shares.sum())
    first = np.arange(len(rank)) - rank
    stays = (rank > 0) & (rng.random(len(who)) < constants.stays)
    return np.where(stays, shelf[first], shelf)


def _moods(rng: np.random.Generator, customers: Customers, visits: Visits) -> tuple[Ints, Ints]:
    """The style and the colour family that each basket is about, sampled by the customer's tastes."""
    taste = customers.taste[visits.customer]
    style, colour = taste[:, COLUMNS["style"]], taste[:, COLUMNS["colour"]]
    return np.argmax(style + _gumbel(rng, style.shape), axis=1), np.argmax(
        colour + _gumbel(rng, colour.shape), axis=1
    )


def _come_back(
    rng: np.random.Generator, shop: Shop, memory: Memory, customer: Ints, size: Ints, article: Ints, week: int
) -> Ints:
    """Move some lines to what the customer bought before, or to another colour of it."""
    constants = shop.constants
    chance = rng.random(len(article))
    again = constants.again + constants.again_soon * np.exp((memory.last[customer] - week) / constants.soon_weeks)
    again = again * size**-constants.errands
    old = memory.recall(rng, customer)
    old = np.where(chance < again, old, shop.variant_of(rng, old))
    return np.where((chance < again + constants.other_colour) & shop.on_sale(old), old, article)


def _match(rng: np.random.Generator, shop: Shop, article: Ints, rank: Ints) -> Ints:
    """Move some lines after a basket's first to what goes well with the first article, or to its other colours."""
    chance = rng.random(len(article))
    lead = article[np.arange(len(rank)) - rank]
    partnered, sibling = shop.constants.partnered, shop.constants.sibling
    other = np.where(chance < partnered, shop.partner_of(rng, lead), shop.variant_of(rng, lead))
    moved = (rank > 0) & (chance < partnered + sibling) & shop.on_sale(other)
    return np.where(moved, other, article)


def _life(goods: Catalogue, week: int, head_start: float) -> Floats:
    """Popularity of each article by its age: fashion peaks and decays, basics are flat; 0 when not on sale."""
    age = week - goods.launch
    ratio = (age + head_start) / np.maximum(goods.peak, 0.5)
    fashion = np.clip(ratio, 0, None) * np.exp(1 - ratio)
    alive = (age >= 0) & (age < goods.length)
    return np.where(alive, np.where(goods.peak > 0, 0.02 + fashion, 0.35), 0.0)


def _traits(goods: Catalogue) -> Traits:
    """The columns of the taste table that each article appeals to."""
    family_of = np.array([words.COLOUR_FAMILIES.index(c.family) for c in words.COLOURS])
    pattern_of = np.array([words.PATTERN_CLASSES.index(p.klass) for p in words.PATTERNS])
    family, klass, pattern = family_of[goods.colour], CLASS_OF_KIND[goods.kind], pattern_of[goods.pattern]
    named = {"style": goods.style, "colour": family, "klass": klass, "pattern": pattern}
    shifted = tuple(COLUMNS[name].start + values for name, values in named.items())
    return Traits(columns=shifted, family=family)


def _partners(rng: np.random.Generator, goods: Catalogue, traits: Traits) -> Ints32:
    """For each article, those that go well with it, best first -> (n, PARTNERS).

    Of articles sampled from its shelf and its index group: those of similar style, colour and hidden look, of
    another kind, and sold at the same time.
    """
    group = np.array([words.INDEX_GROUPS.index(s.index_group) for s in words.SHELVES])[goods.shelf]
    best = np.empty((len(goods), PARTNERS), dtype=np.int32)
    for start in range(0, len(goods), BLOCK_OF_LINES // 4):
        own = np.arange(start, min(start + BLOCK_OF_LINES // 4, len(goods)))
        sampled = [_neighbours(rng, label, own, 24) for label in (goods.shelf, group)]
        others = np.concatenate(sampled, axis=1)
        score = _harmony(goods, traits, own[:, None], others) + 0.3 * _gumbel(rng, others.shape)
        top = np.argsort(-score, axis=1, kind="stable")[:, :PARTNERS]
        best[own] = np.take_along_axis(others, top, axis=1)
    return best


def _neighbours(rng: np.random.Generator, label: Ints, own: Ints, count: int) -> Ints:
    """Random articles with the same label as each of `own` -> (len(own), count)."""
    order = np.argsort(label, kind="stable")
    low = np.searchsorted(label[order], label[own], side="left")
    high = np.searchsorted(label[order], label[own], side="right")
    return order[rng.integers(low[:, None], high[:, None], (len(own), count))]


def _harmony(goods: Catalogue, traits: Traits, own: Ints, others: Ints) -> Floats:
    """How well articles (m, 1) and (m, k) go together -> (m, k)."""
    looks = np.einsum("mod,mkd->mk", goods.hidden[own], goods.hidden[others])
    apart = np.abs(goods.launch[own] - goods.launch[others])
    lasting = goods.peak[others] == 0
    score = 1.6 * (goods.style[own] == goods.style[others]) + (traits.family[own] == traits.family[others])
    score = score + 0.25 * looks + np.log(goods.quality[others]) - np.where(lasting, 0.5, np.minimum(apart, 20) / 5)
    score += 1.2 * (goods.kind[own] != goods.kind[others])
    return np.where(goods.code[own] == goods.code[others], -99.0, score)
