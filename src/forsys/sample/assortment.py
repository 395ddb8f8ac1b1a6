"""The generated range of goods: product codes in colour variants, with attributes, prices and weeks on sale."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forsys.sample import reference_figures as figures
from forsys.sample import words
from forsys.sample.constants import ShopConstants
from forsys.sample.descriptions import descriptions, names
from forsys.sample.sampling import Bools, Floats, Floats32, Ints, sample_columns, sample_mask, within_groups

CLASS_OF_KIND = np.array([words.CLASSES.index(k.klass) for k in words.KINDS])
KIND_INDEX = {kind.name: index for index, kind in enumerate(words.KINDS)}
HIDDEN = 4  # dimensions of a design's look that no attribute expresses
VARIANTS_PER_CODE = 2.2  # mean colour variants of a design
MAX_VARIANTS = 9
WEEKS_ON_SALE_BEFORE = 12  # fashion is launched at most so long before the first week
FOREVER = 10_000  # weeks
WEEKS_PER_YEAR = 52.18


@dataclass(frozen=True)
class Catalogue:
    """Everything that purchases and pictures need to know of n articles, in the order of article_id.

    Arrays are (n,) unless noted; weeks count from the first generated week, negative before it.
    """

    frame: pl.DataFrame  # the columns of articles.csv
    shelf: Ints
    kind: Ints
    style: Ints
    colour: Ints
    pattern: Ints
    code: Ints  # 0, 1, 2... in the order of product_code
    first_variant: Ints  # index of the first article of its code
    variants: Ints  # how many articles its code has
    price: Floats  # full price in the unit of the files
    price_level: Floats32  # expensive (+) or cheap (-) for its kind, about standard normal
    hidden: Floats32  # (n, HIDDEN)
    quality: Floats  # attractiveness, with a long tail
    launch: Ints
    peak: Floats  # weeks from launch to the best week; 0 for basics
    length: Ints  # weeks on sale
    sale: Floats  # markdown factor near the end of that time; 1 = never marked down

    def __len__(self) -> int:
        return len(self.shelf)


@dataclass(frozen=True)
class Codes:
    """The designs (product codes) that articles are colour variants of; arrays are (codes,)."""

    number: Ints  # product_code
    size: Ints  # articles
    shelf: Ints
    kind: Ints
    style: Ints
    pattern: Ints
    euros: Floats
    launch: Ints
    basic: Bools


def make_catalogue(
    rng: np.random.Generator, count: int, weeks: int, first_week: int, constants: ShopConstants
) -> Catalogue:
    """Design `count` articles. `first_week` is the week of the year (0..52) that week 0 falls in."""
    codes = _codes(rng, count, weeks, first_week, constants)
    code = np.repeat(np.arange(len(codes.size)), codes.size)
    variant = within_groups(codes.size)
    colour = _colours(rng, codes)[code, variant % len(words.DENIM_COLOURS)]
    frame = _frame(rng, codes, code, variant, colour, constants.exact_counts)
    launch, peak, length = _lives(rng, codes, code, variant, constants)
    return Catalogue(
        frame=frame,
        shelf=codes.shelf[code],
        kind=codes.kind[code],
        style=codes.style[code],
        colour=colour,
        pattern=codes.pattern[code],
        code=code,
        first_variant=(np.cumsum(codes.size) - codes.size)[code],
        variants=codes.size[code],
        price=(codes.euros / words.PRICE_UNIT)[code],
        price_level=_price_levels(codes)[code],
        hidden=rng.normal(0, 1, (len(codes.size), HIDDEN)).astype(np.float32)[code],
        quality=_quality(rng, codes, code, colour, constants.quality_spread),
        launch=launch,
        peak=peak,
        length=length,
        sale=np.where(rng.random(count) < 0.55, rng.choice([0.8, 0.7, 0.6, 0.5], count), 1.0),
    )


def _codes(rng: np.random.Generator, count: int, weeks: int, first_week: int, constants: ShopConstants) -> Codes:
    """Designs with product codes that rise in the order of launch, as in the real shop."""
    share = constants.codes_an_article
    size = _sizes_of(rng, count, round(share * count)) if share else _sizes(rng, count)
    n = len(size)
    weights = np.array([s.share**0.8 for s in words.SHELVES])
    shelf = rng.choice(len(weights), n, p=weights / weights.sum())
    kinds = np.array([[s.kinds.get(k.name, 0.0) for k in words.KINDS] for s in words.SHELVES])
    kind = sample_columns(rng, kinds, shelf)
    style = sample_columns(rng, np.array([s.styles for s in words.SHELVES]), shelf)
    basic = rng.random(n) < constants.basics * np.array([s.all_year for s in words.STYLES])[style]
    launch = _launches(rng, kind, basic, weeks, first_week)
    order = np.argsort(launch, kind="stable")
    shelf, kind, style, basic, launch = shelf[order], kind[order], style[order], basic[order], launch[order]
    gaps = rng.integers(1, max(2, 800_000 // n), n)
    return Codes(
        number=110_000 + np.cumsum(gaps),
        size=size,
        shelf=shelf,
        kind=kind,
        style=style,
        pattern=_patterns(rng, kind, style),
        euros=_euros(rng, shelf, kind, style),
        launch=launch,
        basic=basic,
    )


def _sizes(rng: np.random.Generator, count: int) -> Ints:
    """Articles of each code, adding up to `count`."""
    sampled = np.minimum(rng.geometric(1 / VARIANTS_PER_CODE, count), MAX_VARIANTS)
    codes = int(np.searchsorted(np.cumsum(sampled), count)) + 1
    size: Ints = sampled[:codes].astype(np.int64)
    size[-1] -= size.sum() - count
    return size


def _sizes_of(rng: np.random.Generator, count: int, codes: int) -> Ints:
    """Articles of each of `codes` codes, adding up to `count`."""
    size: Ints = np.minimum(rng.geometric(codes / count, codes), MAX_VARIANTS).astype(np.int64)
    missing = count - int(size.sum())
    changeable = np.flatnonzero(size < MAX_VARIANTS if missing > 0 else size > 1)
    size[rng.choice(changeable, abs(missing), replace=False)] += np.sign(missing)
    return size


def season(kind: Ints, week_of_year: Floats | float) -> Floats:
    """Seasonal factor of the demand for kinds in a week of the year; its logarithm averages 0 over the year."""
    peak = np.array([k.peak for k in words.KINDS])[kind]
    strength = np.array([k.season for k in words.KINDS])[kind]
    factor: Floats = np.exp(strength * np.cos(2 * np.pi * (week_of_year - peak) / WEEKS_PER_YEAR))
    return factor


def _launches(rng: np.random.Generator, kind: Ints, basic: Bools, weeks: int, first_week: int) -> Ints:
    """Week of launch: basics mostly before the first week, fashion at any time, ahead of its season."""
    span = np.arange(-WEEKS_ON_SALE_BEFORE, weeks)
    ahead = 3  # weeks: a launch is timed for the demand so much later
    demand = np.stack([season(np.arange(len(words.KINDS)), float(first_week + w + ahead)) for w in span], axis=1)
    fashion = span[sample_columns(rng, demand, kind)]
    old = -1 - rng.integers(0, 100, len(kind))
    return np.where(basic & (rng.random(len(kind)) < 0.8), old, fashion)


def _patterns(rng: np.random.Generator, kind: Ints, style: Ints) -> Ints:
    """Graphical appearance by style; jeans are denim, small goods and shoes are mostly plain."""
    weights = np.array([p.styles for p in words.PATTERNS]).T
    pattern = sample_columns(rng, weights, style)
    klass = CLASS_OF_KIND[kind]
    plain = np.isin(klass, [words.CLASSES.index("small"), words.CLASSES.index("shoes")])
    pattern[plain & (rng.random(len(kind)) < 0.75)] = 0
    pattern[kind == KIND_INDEX["jeans"]] = [p.name for p in words.PATTERNS].index("Denim")
    return pattern


def _euros(rng: np.random.Generator, shelf: Ints, kind: Ints, style: Ints) -> Floats:
    """Price in the shop's currency, rounded to its ladder of prices."""
    usual = np.array([k.price for k in words.KINDS])[kind] * np.array([s.price for s in words.SHELVES])[shelf]
    wanted = usual * np.array([s.price for s in words.STYLES])[style] * rng.lognormal(0, 0.22, len(kind))
    ladder = np.array(words.PRICE_LADDER)
    middles = np.sqrt(ladder[1:] * ladder[:-1])
    price: Floats = ladder[np.searchsorted(middles, wanted)]
    return price


def _price_levels(codes: Codes) -> Floats32:
    """How expensive each design is for its kind: the log of the price ratio, about standard normal."""
    usual = np.array([k.price for k in words.KINDS])[codes.kind]
    levels: Floats32 = np.clip(np.log(codes.euros / usual) / 0.35, -2.5, 2.5).astype(np.float32)
    return levels


def _colours(rng: np.random.Generator, codes: Codes) -> Ints:
    """Five different colours per code, sampled by weight with Gumbel keys -> (codes, 5)."""
    families = [words.COLOUR_FAMILIES.index(c.family) for c in words.COLOURS]
    factor = np.array([s.colours for s in words.STYLES])[:, families]
    weights = (factor * np.array([c.share for c in words.COLOURS]))[codes.style]
    names = np.array([c.name for c in words.COLOURS])
    jewels = np.isin(codes.kind, [KIND_INDEX["earring"], KIND_INDEX["necklace"]])
    weights[jewels] *= np.where(np.isin(names, words.METALS), 1.0, 0.02)
    jeans = codes.kind == KIND_INDEX["jeans"]
    weights[jeans] *= np.where(np.isin(names, words.DENIM_COLOURS), 1.0, 1e-6)
    keys = np.log(weights) + rng.gumbel(size=weights.shape)
    return np.argsort(-keys, axis=1)[:, : len(words.DENIM_COLOURS)]


def _lives(
    rng: np.random.Generator, codes: Codes, code: Ints, variant: Ints, constants: ShopConstants
) -> tuple[Ints, Floats, Ints]:
    """Launch, weeks to the peak and weeks on sale of each article; some colours are launched later."""
    n = len(code)
    later = (variant > 0) & (rng.random(n) < 0.25)
    launch = codes.launch[code] + np.where(later, rng.integers(1, 9, n), 0)  # beyond the last week: never sold
    basic = codes.basic[code]
    peak = np.where(basic, 0.0, rng.uniform(1.5, 5.0, n))
    weeks = np.full(n, constants.fashion_weeks)
    if constants.basic_weeks:
        weeks[basic] = constants.basic_weeks
    lasts = np.maximum(5 + rng.geometric(1 / weeks), 2 - launch)  # none is gone before the first week
    length = lasts if constants.basic_weeks else np.where(basic, FOREVER, lasts)
    return launch, peak, length


def _quality(rng: np.random.Generator, codes: Codes, code: Ints, colour: Ints, spread: float) -> Floats:
    """Attractiveness: a log-normal factor of the design, one of the variant, and one by the colour's share."""
    share = np.array([c.share for c in words.COLOURS])
    design = rng.normal(0, spread, len(codes.size))[code] + 0.5 * codes.basic[code]
    variant = rng.normal(0, spread, len(code))
    quality: Floats = np.exp(design + variant) * np.sqrt(share / share.mean())[colour]
    return quality


def _frame(
    rng: np.random.Generator, codes: Codes, code: Ints, variant: Ints, colour: Ints, exact: bool
) -> pl.DataFrame:
    """articles.csv: Kaggle's 25 columns."""
    spellings = names(rng, codes.kind, codes.style)
    texts = descriptions(rng, codes.kind, codes.style, codes.pattern)
    missing = sample_mask(rng, np.ones(len(code), dtype=np.bool_), figures.NOT_DESCRIBED / figures.ARTICLES, exact)
    kinds = [words.KINDS[k] for k in codes.kind[code]]
    patterns = [words.PATTERNS[p] for p in codes.pattern[code]]
    steps = np.cumsum(rng.integers(1, 5, len(code)))  # variant numbers rise, with gaps
    first_step = steps[np.flatnonzero(variant == 0)][code]
    number = codes.number[code]
    types = [k.product_type for k in words.KINDS]
    return pl.DataFrame(
        {
            "article_id": [f"{c:07d}{v:03d}" for c, v in zip(number, 1 + steps - first_step, strict=True)],
            "product_code": number,
            "prod_name": [spellings[c] for c in code],
            "product_type_no": [50 + types.index(k.product_type) for k in kinds],
            "product_type_name": [k.product_type for k in kinds],
            "product_group_name": [k.group for k in kinds],
            "graphical_appearance_no": 1_010_001 + codes.pattern[code],
            "graphical_appearance_name": [p.name for p in patterns],
            **_colour_columns(colour),
            **_shelf_columns(kinds, codes.shelf[code]),
            "detail_desc": [None if m else texts[c] for c, m in zip(code, missing, strict=True)],
        }
    )


def _colour_columns(colour: Ints) -> dict[str, list[str] | list[int] | Ints]:
    """The six colour columns."""
    colours = [words.COLOURS[c] for c in colour]
    values = list(dict.fromkeys(c.value for c in words.COLOURS))
    masters = list(dict.fromkeys(c.master for c in words.COLOURS))
    return {
        "colour_group_code": 1 + colour,
        "colour_group_name": [c.name for c in colours],
        "perceived_colour_value_id": [1 + values.index(c.value) for c in colours],
        "perceived_colour_value_name": [c.value for c in colours],
        "perceived_colour_master_id": [1 + masters.index(c.master) for c in colours],
        "perceived_colour_master_name": [c.master for c in colours],
    }


def _shelf_columns(kinds: list[words.Kind], shelf: Ints) -> dict[str, list[str] | list[int]]:
    """The ten columns that say where in the shop an article is sold."""
    shelves = [words.SHELVES[s] for s in shelf]
    garments = list(dict.fromkeys(k.garment_group for k in words.KINDS))
    garment = [garments.index(k.garment_group) for k in kinds]
    return {
        "department_no": [1000 + 40 * int(s) + g for s, g in zip(shelf, garment, strict=True)],
        "department_name": [
            f"{k.garment_group} {s.section.split()[0]}" for k, s in zip(kinds, shelves, strict=True)
        ],
        "index_code": [s.index_code for s in shelves],
        "index_name": [s.index for s in shelves],
        "index_group_no": [1 + words.INDEX_GROUPS.index(s.index_group) for s in shelves],
        "index_group_name": [s.index_group for s in shelves],
        "section_no": [1 + int(s) for s in shelf],
        "section_name": [s.section for s in shelves],
        "garment_group_no": [1001 + g for g in garment],
        "garment_group_name": [k.garment_group for k in kinds],
    }
