"""One colour per list everywhere on the page, readable in light and dark, and the swatches of articles."""

import colorsys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_hex, to_rgb

from forsys.evaluation.comparison import PRIORS
from forsys.evaluation.list_names import FINAL, FUSION, UNION
from forsys.retrieval.baselines import BASELINES

# On white and on nearly black: neighbours differ in hue and lightness; contrast at least 3.7.
SOURCES = (
    ("#2171cc", "#7eb6ff"), ("#00976d", "#6fd1a9"), ("#8951bf", "#c99afd"), ("#90790a", "#ccb769"),
    ("#c3457f", "#ff8ebc"), ("#0f8fa7", "#6dcae0"), ("#8d5406", "#d6a06c"), ("#413c9b", "#9297ef"),
    ("#297613", "#7fc071"), ("#772473", "#ce83c7"), ("#035959", "#6cafae"), ("#474d01", "#9da46d"),
    ("#7b252b", "#d78484"),
)  # fmt: skip
OTHERS = {
    "final": ("#c2410c", "#ff8a5c"),
    "fusion": ("#1d2129", "#e8eaef"),
    "union": ("#596070", "#a3abba"),
    "baseline0": ("#7d8491", "#8d95a3"),
    "baseline1": ("#6b7280", "#a7aebb"),
    "baseline2": ("#4b5261", "#c3c9d4"),
}
NAMED = {FINAL: "final", FUSION: "fusion", UNION: "union"}


@dataclass(frozen=True)
class Palette:
    """Colours by the names of the sources; past the last colour they begin again, as rings."""

    sources: tuple[str, ...]

    @classmethod
    def of(cls, sources: Sequence[str], systems: Sequence[str] = ()) -> "Palette":
        """systems: names of `forsys compare`; those of a source have its colour, the others follow the sources."""
        titles = {title: name for name, title in PRIORS.items()}
        known = [*sorted(sources), *(name for name in systems if titles.get(name, name) not in sources)]
        return cls(tuple(dict.fromkeys(known)))

    def colour(self, name: str) -> str:
        """The colour of a list or model as CSS."""
        if name in NAMED:
            return f"var(--{NAMED[name]})"
        if name in BASELINES:
            return f"var(--baseline{list(BASELINES).index(name) % 3})"
        index = self._index(name)
        return "var(--union)" if index is None else f"var(--s{index % len(SOURCES)})"

    def is_ring(self, name: str) -> bool:
        """Whether its dot is hollow, since another has the same colour."""
        return (self._index(name) or 0) >= len(SOURCES)

    def _index(self, name: str) -> int | None:
        title = {title: source for source, title in PRIORS.items()}.get(name, name)
        return next((self.sources.index(each) for each in (name, title) if each in self.sources), None)


def variables(dark: bool) -> str:
    """The colours as CSS variables of one scheme."""
    named = {f"s{i}": pair for i, pair in enumerate(SOURCES)} | OTHERS
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in named.items())


def swatch(colour: str, kind: str) -> tuple[str, str]:
    """Background and ink of the tile of an article without a picture: its colour, or a hue of its kind's own.

    The names of colours are matplotlib's, among them the 949 of the xkcd survey; "Other Pink" is pink.
    """
    words = colour.casefold().replace("gray", "grey").split()
    for name in (" ".join(words), *reversed(words)):
        # Not to_hex(name), to which "1" is white and "none" black.
        if known := XKCD_COLORS.get(f"xkcd:{name}") or CSS4_COLORS.get(name):
            return _with_ink(to_hex(known))
    hue = zlib.crc32((colour or kind).encode()) % 360
    return _with_ink(to_hex(colorsys.hls_to_rgb(hue / 360, 0.84, 0.45)))


def contrast(first: str, second: str) -> float:
    """WCAG's contrast of two colours, 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance, 0 to 1."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _with_ink(background: str) -> tuple[str, str]:
    return background, max("#000000", "#ffffff", key=lambda ink: contrast(background, ink))
