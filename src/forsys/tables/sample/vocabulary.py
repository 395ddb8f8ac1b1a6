"""The words of the generated shop: kinds of goods, shelves, colours, patterns, styles and their phrases.

Shares and weights are relative; they are normalised where they are drawn from. Numbers (`no`) are this
shop's own and only tell names apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# How alike goods are worn: a customer's liking for a class is one of the tastes.
CLASSES = ("tops", "knitwear", "lower", "full", "outer", "underwear", "small", "shoes")

STYLES = ("basic", "classic", "romantic", "street", "sporty", "festive")

COLOUR_FAMILIES = ("black", "white", "grey", "earth", "blue", "rose", "red", "green")

PATTERN_CLASSES = ("plain", "lines", "print", "surface")


@dataclass(frozen=True)
class Kind:
    """A kind of goods. `price` in the shop's currency; `peak` is the week of the year it sells best, and
    `season` how much (0 = all year alike); `units` is how readily several are bought at once."""

    product_type: str
    group: str
    garment_group: str
    klass: str
    price: float
    shape: str
    peak: int = 0
    season: float = 0.0
    units: float = 1.0
    noun: str = ""

    @property
    def word(self) -> str:
        """What a text calls it."""
        return self.noun or self.product_type.lower()


STYLE_PRICES = (0.85, 1.12, 1.0, 1.0, 1.05, 1.15)  # factor of each of STYLES
PRICE_LADDER = (
    0.99, 1.99, 2.99, 3.99, 4.99, 5.99, 6.99, 7.99, 9.99, 12.99, 14.99, 17.99, 19.99, 24.99, 29.99, 34.99,
    39.99, 49.99, 59.99, 69.99, 79.99, 99.99, 129.0, 149.0, 199.0, 249.0,
)  # fmt: skip
PRICE_UNIT = 590.0  # the files hold price / 590: 9.99 is .016932

UPPER, LOWER, FULL = "Garment Upper body", "Garment Lower body", "Garment Full body"
KINDS: dict[str, Kind] = {
    "t-shirt": Kind("T-shirt", UPPER, "Jersey Basic", "tops", 9.99, "tee", 26, 0.4, 1.4),
    "top": Kind("Top", UPPER, "Jersey Fancy", "tops", 14.99, "top", 22, 0.1),
    "vest": Kind("Vest top", UPPER, "Jersey Basic", "tops", 8.99, "vest", 27, 0.7, 1.4),
    "blouse": Kind("Blouse", UPPER, "Blouses", "tops", 19.99, "shirt", 18, 0.1),
    "shirt": Kind("Shirt", UPPER, "Shirts", "tops", 19.99, "shirt", 20, 0.1),
    "polo": Kind("Polo shirt", UPPER, "Jersey Fancy", "tops", 17.99, "tee", 24, 0.5),
    "bodysuit": Kind("Bodysuit", UPPER, "Jersey Basic", "tops", 12.99, "body", 0, 0.0, 1.6),
    "hoodie": Kind("Hoodie", UPPER, "Jersey Basic", "knitwear", 24.99, "hoodie", 44, 0.5),
    "sweater": Kind("Sweater", UPPER, "Knitwear", "knitwear", 24.99, "sweater", 45, 0.9),
    "cardigan": Kind("Cardigan", UPPER, "Knitwear", "knitwear", 24.99, "cardigan", 43, 0.7),
    "blazer": Kind("Blazer", UPPER, "Dressed", "outer", 39.99, "blazer", 38, 0.3, 0.6),
    "jacket": Kind("Jacket", UPPER, "Outdoor", "outer", 49.99, "jacket", 40, 0.7, 0.6),
    "coat": Kind("Coat", UPPER, "Outdoor", "outer", 79.99, "coat", 45, 1.1, 0.5),
    "trousers": Kind("Trousers", LOWER, "Trousers", "lower", 24.99, "trousers", 40, 0.15),
    "jeans": Kind("Trousers", LOWER, "Trousers Denim", "lower", 34.99, "trousers", 38, 0.2, 0.9, "jeans"),
    "leggings": Kind("Leggings/Tights", LOWER, "Jersey Basic", "lower", 14.99, "leggings", 44, 0.3, 1.4,
              "leggings"),
    "shorts": Kind("Shorts", LOWER, "Shorts", "lower", 14.99, "shorts", 26, 1.3),
    "skirt": Kind("Skirt", LOWER, "Skirts", "lower", 19.99, "skirt", 25, 0.5),
    "dress": Kind("Dress", FULL, "Dresses Ladies", "full", 24.99, "dress", 25, 0.6),
    "jumpsuit": Kind("Jumpsuit/Playsuit", FULL, "Dresses Ladies", "full", 29.99, "jumpsuit", 24, 0.5, 0.8,
              "jumpsuit"),
    "bra": Kind("Bra", "Underwear", "Under-, Nightwear", "underwear", 14.99, "bra", 0, 0.0, 1.3),
    "briefs": Kind("Underwear bottom", "Underwear", "Under-, Nightwear", "underwear", 9.99, "briefs", 0,
              0.0, 1.7, "briefs"),
    "pyjamas": Kind("Pyjama set", "Nightwear", "Under-, Nightwear", "underwear", 24.99, "pyjamas", 48, 0.6,
              0.9),
    "bikini top": Kind("Bikini top", "Swimwear", "Swimwear", "underwear", 14.99, "bra", 25, 1.7),
    "bikini bottom": Kind("Swimwear bottom", "Swimwear", "Swimwear", "underwear", 12.99, "briefs", 25, 1.7,
              1.0, "bikini briefs"),
    "swimsuit": Kind("Swimsuit", "Swimwear", "Swimwear", "underwear", 24.99, "body", 25, 1.5),
    "socks": Kind("Socks", "Socks & Tights", "Socks and Tights", "small", 5.99, "socks", 46, 0.3, 2.2),
    "tights": Kind("Underwear Tights", "Socks & Tights", "Socks and Tights", "small", 7.99, "leggings", 46,
              0.8, 2.0, "tights"),
    "bag": Kind("Bag", "Accessories", "Accessories", "small", 19.99, "bag", 0, 0.0, 0.6),
    "belt": Kind("Belt", "Accessories", "Accessories", "small", 9.99, "belt", 0, 0.0, 0.7),
    "earring": Kind("Earring", "Accessories", "Accessories", "small", 6.99, "earring", 50, 0.3, 0.9,
              "earrings"),
    "necklace": Kind("Necklace", "Accessories", "Accessories", "small", 7.99, "necklace", 50, 0.3, 0.9),
    "scarf": Kind("Scarf", "Accessories", "Accessories", "small", 12.99, "scarf", 46, 1.2, 0.7),
    "beanie": Kind("Hat/beanie", "Accessories", "Accessories", "small", 9.99, "beanie", 47, 1.3, 1.0,
              "beanie"),
    "cap": Kind("Cap/peaked", "Accessories", "Accessories", "small", 9.99, "cap", 27, 0.5, 0.8, "cap"),
    "sneakers": Kind("Sneakers", "Shoes", "Shoes", "shoes", 29.99, "sneaker", 18, 0.2, 0.6),
    "boots": Kind("Boots", "Shoes", "Shoes", "shoes", 39.99, "boot", 43, 1.1, 0.6),
    "sandals": Kind("Sandals", "Shoes", "Shoes", "shoes", 19.99, "sandal", 25, 1.4, 0.7),
}  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """A section of the shop: the unit a customer is at home in. `share` is its part of the sales."""

    section: str
    audience: str
    index_code: str
    index: str
    index_group: str
    share: float
    styles: tuple[float, ...]  # weight of each of STYLES
    kinds: Mapping[str, float]
    price: float = 1.0


LADIES, DIVIDED, MEN, KIDS, SPORT = "Ladieswear", "Divided", "Menswear", "Baby/Children", "Sport"
WOMEN_ALL = {"trousers": 14, "sweater": 11, "dress": 11, "top": 9, "blouse": 8, "t-shirt": 6, "cardigan": 5,
             "skirt": 4, "jeans": 5, "jacket": 4, "shirt": 4, "shorts": 3, "jumpsuit": 2}  # fmt: skip
BABY_KINDS = {"bodysuit": 8, "leggings": 6, "t-shirt": 5, "dress": 4, "sweater": 4, "trousers": 4,
              "pyjamas": 4, "socks": 3, "cardigan": 2, "beanie": 1.5, "jacket": 1}  # fmt: skip
CHILD_KINDS = {"t-shirt": 8, "trousers": 6, "leggings": 4, "sweater": 5, "hoodie": 5, "shorts": 4, "jeans": 3,
               "briefs": 3, "socks": 3, "jacket": 3, "pyjamas": 3}  # fmt: skip
SHELVES: tuple[Shelf, ...] = (
    Shelf("Womens Everyday Collection", "women", "A", "Ladieswear", LADIES, 14, (4, 4, 3, 1, 1, 1),
              WOMEN_ALL),
    Shelf("Womens Everyday Basics", "women", "A", "Ladieswear", LADIES, 9, (9, 2, 0.5, 1, 1, 0.2),
          {"t-shirt": 9, "vest": 8, "top": 7, "leggings": 5, "sweater": 4, "cardigan": 3, "trousers": 4,
              "dress": 2}, 0.8),
    Shelf("Womens Tailoring", "women", "A", "Ladieswear", LADIES, 7, (1, 9, 1, 0.5, 0.2, 2),
          {"trousers": 10, "blazer": 8, "blouse": 6, "shirt": 4, "skirt": 4, "dress": 3, "coat": 3}, 1.15),
    Shelf("Womens Casual", "women", "A", "Ladieswear", LADIES, 6, (4, 2, 2, 4, 2, 0.3),
          {"sweater": 8, "hoodie": 5, "trousers": 6, "jeans": 6, "t-shirt": 5, "jacket": 5, "shirt": 3,
              "shorts": 3}),
    Shelf("Womens Trend", "women", "A", "Ladieswear", LADIES, 6, (0.5, 2, 6, 4, 0.5, 4),
          {"dress": 9, "blouse": 6, "top": 6, "skirt": 5, "trousers": 5, "blazer": 3, "jacket": 3,
              "jumpsuit": 3}, 1.1),
    Shelf("Womens Premium", "women", "A", "Ladieswear", LADIES, 3, (2, 7, 3, 0.3, 0.2, 3),
          {"coat": 4, "sweater": 7, "dress": 6, "trousers": 5, "blouse": 5, "blazer": 4, "skirt": 2}, 2.0),
    Shelf("Mama", "mama", "A", "Ladieswear", LADIES, 3, (7, 3, 3, 0.5, 1.5, 0.5),
          {"top": 7, "leggings": 5, "dress": 5, "jeans": 4, "trousers": 3, "bra": 3, "sweater": 2}),
    Shelf("Womens Lingerie", "lingerie", "B", "Lingeries/Tights", LADIES, 7, (5, 2, 6, 0.3, 1, 2),
          {"bra": 11, "briefs": 11, "bodysuit": 1}),
    Shelf("Womens Nightwear, Socks & Tights", "lingerie", "B", "Lingeries/Tights", LADIES, 5, (6, 2, 3,
              0.5, 1, 1),
          {"pyjamas": 6, "socks": 7, "tights": 7}),
    Shelf("Womens Swimwear", "lingerie", "B", "Lingeries/Tights", LADIES, 4, (4, 2, 4, 1, 2, 1),
          {"bikini top": 8, "bikini bottom": 8, "swimsuit": 4}),
    Shelf("Womens Accessories", "accessories", "C", "Ladies Accessories", LADIES, 4, (2, 4, 3, 2, 0.5, 4),
          {"bag": 5, "belt": 5, "earring": 7, "necklace": 6, "scarf": 4, "beanie": 3, "cap": 1}),
    Shelf("Womens Shoes", "accessories", "C", "Ladies Accessories", LADIES, 3, (2, 4, 2, 2, 1, 3),
          {"boots": 6, "sneakers": 5, "sandals": 6}),
    Shelf("Divided Collection", "divided", "D", "Divided", DIVIDED, 11, (3, 0.5, 4, 7, 2, 2),
          {"top": 11, "dress": 7, "trousers": 7, "skirt": 5, "hoodie": 5, "sweater": 6, "jeans": 4,
              "shorts": 4}, 0.85),
    Shelf("Divided Basics", "divided", "D", "Divided", DIVIDED, 6, (9, 0.3, 1, 3, 2, 0.3),
          {"top": 9, "t-shirt": 6, "vest": 6, "leggings": 5, "hoodie": 4, "sweater": 3, "dress": 2}, 0.65),
    Shelf("Divided Denim", "divided", "D", "Divided", DIVIDED, 4, (3, 1, 1, 6, 1, 0.3),
          {"jeans": 14, "shorts": 4, "jacket": 3, "skirt": 3}, 0.95),
    Shelf("Divided Accessories", "divided", "D", "Divided", DIVIDED, 3, (2, 0.5, 3, 5, 1, 3),
          {"bag": 4, "earring": 8, "necklace": 6, "belt": 3, "cap": 3, "socks": 5, "beanie": 3,
              "sneakers": 2}, 0.75),
    Shelf("Contemporary Smart", "men", "F", "Menswear", MEN, 3, (3, 8, 0.2, 1, 0.5, 1),
          {"shirt": 9, "trousers": 7, "sweater": 5, "polo": 3, "blazer": 3, "coat": 2}, 1.15),
    Shelf("Contemporary Casual", "men", "F", "Menswear", MEN, 3, (7, 3, 0.2, 3, 2, 0.2),
          {"t-shirt": 8, "jeans": 5, "sweater": 5, "hoodie": 5, "shorts": 5, "jacket": 3, "polo": 3}),
    Shelf("Contemporary Street", "men", "F", "Menswear", MEN, 2, (2, 0.3, 0.2, 9, 3, 0.3),
          {"hoodie": 8, "t-shirt": 7, "trousers": 5, "jacket": 4, "cap": 2, "sneakers": 2, "shorts": 3}),
    Shelf("Men Underwear & Socks", "men", "F", "Menswear", MEN, 2, (9, 2, 0.1, 1, 2, 0.1),
          {"briefs": 8, "socks": 8, "vest": 2, "pyjamas": 1}, 1.1),
    Shelf("Men Shoes & Accessories", "men", "F", "Menswear", MEN, 1, (2, 5, 0.1, 4, 1, 0.5),
          {"sneakers": 5, "boots": 3, "belt": 4, "cap": 3, "beanie": 3, "bag": 2, "scarf": 1}, 1.1),
    Shelf("Baby Essentials", "baby", "G", "Baby Sizes 50-98", KIDS, 2.5, (8, 2, 4, 0.5, 1, 0.5),
              BABY_KINDS, 0.65),
    Shelf("Kids Girl", "kids", "H", "Children Sizes 92-140", KIDS, 2, (3, 1, 6, 2, 2, 3),
          {**CHILD_KINDS, "dress": 9, "skirt": 3}, 0.6),
    Shelf("Kids Boy", "kids", "H", "Children Sizes 92-140", KIDS, 2, (5, 1, 0.2, 5, 4, 0.3), CHILD_KINDS,
              0.6),
    Shelf("Young Girl", "youth", "I", "Children Sizes 134-170", KIDS, 1, (3, 0.5, 4, 5, 3, 2),
          {**CHILD_KINDS, "top": 6, "dress": 4}, 0.75),
    Shelf("Young Boy", "youth", "I", "Children Sizes 134-170", KIDS, 1, (4, 1, 0.1, 6, 4, 0.2),
              CHILD_KINDS, 0.75),
    Shelf("Kids Accessories & Swimwear", "kids", "J", "Children Accessories, Swimwear", KIDS, 1, (4, 0.5,
              4, 2, 3, 1),
          {"beanie": 4, "cap": 4, "socks": 5, "swimsuit": 5, "sneakers": 4, "bag": 2, "sandals": 3,
              "boots": 2}, 0.55),
    Shelf("Ladies Sport", "sport", "S", "Sport", SPORT, 4, (3, 0.3, 0.3, 1, 9, 0.2),
          {"leggings": 9, "bra": 6, "top": 6, "vest": 4, "hoodie": 4, "shorts": 4, "jacket": 3,
              "socks": 2}, 1.1),
    Shelf("Men Sport", "sport men", "S", "Sport", SPORT, 1.5, (3, 0.2, 0.1, 2, 9, 0.1),
          {"t-shirt": 7, "shorts": 6, "trousers": 5, "hoodie": 4, "jacket": 3, "socks": 2}, 1.1),
)  # fmt: skip


@dataclass(frozen=True)
class Persona:
    """A sort of customer: mean and spread of the age, and how the purchases part among audiences."""

    share: float
    age: float
    spread: float
    audiences: Mapping[str, float]


PERSONAS: tuple[Persona, ...] = (
    Persona(30, 50, 8.5, {"women": 68, "lingerie": 15, "accessories": 8, "divided": 3, "sport": 4, "men": 2}),
    Persona(13, 31, 6, {"women": 58, "lingerie": 14, "accessories": 8, "divided": 14, "sport": 6}),
    Persona(25, 22, 3.0, {"divided": 70, "women": 12, "lingerie": 10, "accessories": 3, "sport": 5}),
    Persona(9, 34, 5, {"women": 22, "mama": 13, "lingerie": 8, "baby": 37, "kids": 18, "sport": 2}),
    Persona(8, 42, 5, {"women": 34, "lingerie": 8, "kids": 30, "youth": 20, "men": 4, "divided": 4}),
    Persona(10, 37, 13, {"men": 86, "sport men": 10, "accessories": 2, "women": 2}),
    Persona(5, 28, 8, {"sport": 58, "women": 16, "divided": 16, "lingerie": 6, "sport men": 4}),
)


@dataclass(frozen=True)
class Colour:
    """A colour with its family (a taste), value and master names, sRGB and part of the range."""

    name: str
    family: str
    value: str
    master: str
    rgb: tuple[int, int, int]
    share: float


COLOURS: tuple[Colour, ...] = (
    Colour("Black", "black", "Dark", "Black", (26, 26, 28), 32),
    Colour("White", "white", "Light", "White", (243, 243, 240), 9),
    Colour("Off White", "white", "Dusty Light", "White", (233, 226, 212), 5),
    Colour("Light Grey", "grey", "Dusty Light", "Grey", (203, 204, 206), 3),
    Colour("Grey", "grey", "Medium Dusty", "Grey", (146, 148, 151), 5),
    Colour("Dark Grey", "grey", "Dark", "Grey", (74, 76, 80), 4),
    Colour("Light Beige", "earth", "Dusty Light", "Beige", (221, 202, 174), 4),
    Colour("Beige", "earth", "Medium Dusty", "Beige", (193, 165, 128), 5),
    Colour("Brown", "earth", "Dark", "Brown", (99, 68, 47), 3),
    Colour("Yellowish Brown", "earth", "Medium", "Brown", (164, 113, 58), 2),
    Colour("Light Blue", "blue", "Dusty Light", "Blue", (168, 197, 224), 5),
    Colour("Blue", "blue", "Medium Dusty", "Blue", (74, 118, 170), 5),
    Colour("Dark Blue", "blue", "Dark", "Blue", (32, 42, 80), 9),
    Colour("Light Turquoise", "blue", "Light", "Turquoise", (146, 214, 211), 1),
    Colour("Light Pink", "rose", "Dusty Light", "Pink", (239, 196, 203), 5),
    Colour("Pink", "rose", "Medium", "Pink", (224, 120, 156), 3),
    Colour("Light Purple", "rose", "Light", "Lilac Purple", (199, 176, 222), 2),
    Colour("Red", "red", "Bright", "Red", (196, 36, 42), 3),
    Colour("Dark Red", "red", "Dark", "Red", (110, 26, 40), 2.5),
    Colour("Orange", "red", "Bright", "Orange", (228, 120, 48), 1.5),
    Colour("Yellow", "red", "Bright", "Yellow", (240, 206, 74), 1.5),
    Colour("Light Green", "green", "Dusty Light", "Green", (178, 208, 170), 1.5),
    Colour("Green", "green", "Medium", "Green", (72, 136, 84), 1.5),
    Colour("Dark Green", "green", "Dark", "Green", (36, 72, 52), 2.5),
    Colour("Greenish Khaki", "green", "Medium Dusty", "Khaki green", (118, 114, 78), 3),
    Colour("Gold", "earth", "Bright", "Metal", (201, 164, 84), 1),
)
# How much likelier each of COLOUR_FAMILIES is within a style.
STYLE_COLOURS: dict[str, tuple[float, ...]] = {
    "basic": (1.2, 1.4, 1.3, 0.8, 1.0, 0.6, 0.4, 0.6),
    "classic": (1.2, 1.2, 1.0, 1.3, 1.2, 0.4, 0.5, 0.5),
    "romantic": (0.6, 1.3, 0.3, 0.9, 0.9, 2.6, 1.3, 1.2),
    "street": (1.3, 0.7, 1.2, 1.1, 1.2, 0.7, 1.0, 1.6),
    "sporty": (1.5, 0.6, 1.4, 0.4, 1.3, 1.2, 1.0, 1.0),
    "festive": (1.8, 0.7, 0.6, 1.0, 0.6, 1.0, 1.8, 0.8),
}
METALS = ("Gold", "Light Grey")  # what jewellery is made in
DENIM_COLOURS = ("Light Blue", "Blue", "Dark Blue", "Black", "Grey")


@dataclass(frozen=True)
class Pattern:
    """A graphical appearance; `styles` is its weight within each of STYLES; `drawn` names the painter."""

    name: str
    klass: str
    drawn: str
    styles: tuple[float, ...]
    phrase: str


PATTERNS: tuple[Pattern, ...] = (
    Pattern("Solid", "plain", "solid", (30, 24, 9, 11, 16, 9), ""),
    Pattern("Melange", "plain", "melange", (5, 2, 1, 2, 3, 0.3), "in a flecked yarn"),
    Pattern("Stripe", "lines", "stripe", (4, 5, 1, 2, 3, 0.5), "with stripes"),
    Pattern("Check", "lines", "check", (0.5, 5, 1, 4, 0.3, 0.5), "in a checked weave"),
    Pattern("Dot", "print", "dot", (0.3, 1.5, 4, 0.3, 0.2, 1), "with dots"),
    Pattern("All over pattern", "print", "all-over", (1, 2, 11, 3, 2, 3), "with a print all over"),
    Pattern("Front print", "print", "front", (1, 0.1, 0.5, 7, 2.5, 0.5), "with a printed motif in front"),
    Pattern("Lace", "surface", "lace", (0.3, 0.5, 5, 0.1, 0.05, 3), "in lace"),
    Pattern("Glittering/Metallic", "surface", "glitter", (0.05, 0.3, 0.5, 0.4, 0.2, 8),
              "with a glittering finish"),
    Pattern("Colour blocking", "surface", "block", (0.3, 0.3, 0.2, 3, 5, 0.3), "in blocks of two colours"),
    Pattern("Denim", "surface", "denim", (0, 0, 0, 0, 0, 0), ""),
)  # fmt: skip

# Words for prod_name and detail_desc. A style's cuts and details are the text's share of the style taste.
CUTS: dict[str, tuple[str, ...]] = {
    "basic": ("Straight-cut", "Plain everyday", "Soft regular-fit", "Simple close-fitting"),
    "classic": ("Neatly cut", "Tailored", "Sharply pressed", "Timeless slim-fit"),
    "romantic": ("Softly draped", "Airy", "Flowing", "Delicate"),
    "street": ("Oversized", "Boxy", "Roomy", "Washed loose-fit"),
    "sporty": ("Fast-drying", "Stretchy", "Light training", "Body-hugging"),
    "festive": ("Shimmering", "Figure-hugging party", "Evening", "Dressed-up"),
}
DETAILS: dict[str, tuple[str, ...]] = {
    "basic": ("clean edges", "a narrow hem", "a wide ribbed edge", "flat seams", "a small label at the side"),
    "classic": (
        "pressed creases",
        "covered buttons",
        "a concealed fastening",
        "a discreet lining",
        "welt seams",
    ),
    "romantic": ("frilled edges", "smocked panels", "tiny pearl buttons", "a tied bow", "scalloped borders"),
    "street": ("dropped seams", "big patch pockets", "raw edges", "contrast stitching", "a heavy zip"),
    "sporty": ("reflecting strips", "mesh panels", "taped seams", "a hidden key pocket", "a drawcord"),
    "festive": ("rows of sequins", "a row of glass stones", "a deep slit", "a satin band", "long fringes"),
}
FABRICS: dict[str, tuple[str, ...]] = {
    "tops": ("cotton jersey", "viscose", "crisp cotton", "modal", "linen"),
    "knitwear": ("ribbed knit", "wool blend", "brushed sweatshirt fabric", "fine-knit cotton", "chunky knit"),
    "lower": ("stretch twill", "cotton canvas", "crêpe", "jersey", "lyocell"),
    "full": ("woven viscose", "cotton poplin", "chiffon", "jersey crêpe", "satin"),
    "outer": ("padded nylon", "wool felt", "waterproof fabric", "imitation leather", "cotton twill"),
    "underwear": ("microfibre", "cotton", "mesh", "recycled polyamide", "satin"),
    "small": ("soft yarn", "metal", "imitation leather", "cotton blend", "recycled polyester"),
    "shoes": ("imitation suede", "leather", "cotton canvas", "imitation leather", "mesh"),
}
FITS: dict[str, tuple[str, ...]] = {
    "basic": ("Easy", "Daily", "Plain"),
    "classic": ("Slim", "Smart", "Fine"),
    "romantic": ("Frill", "Drape", "Bow"),
    "street": ("Loose", "Boxy", "Block"),
    "sporty": ("Run", "Move", "Tempo"),
    "festive": ("Glow", "Night", "Party"),
}
CLOSINGS = (
    "Washes well.", "Made partly of recycled fibre.", "Unlined.", "Lined.", "Comes in several shades.",
    "Fastens at the back.", "Cut a little longer at the back.", "", "", "",
)  # fmt: skip
NAMES = (
    "Alma", "Brise", "Calla", "Dorte", "Elva", "Fjord", "Gilda", "Hedda", "Isle", "Juno", "Kaia", "Linnea",
    "Mirre", "Nella", "Odin", "Pike", "Quinn", "Runa", "Saga", "Tinde", "Ulla", "Vega", "Wim", "Ylva", "Zoe",
    "Arlo", "Birk", "Cleo", "Dune", "Echo", "Falk", "Grove", "Harbour", "Ivo", "Jade", "Koda", "Lark", "Moss",
)  # fmt: skip
