"""Which attributes serve where: chosen by what they tell, unless the shop says."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from forsys.errors import DataError
from forsys.tables.roles import Roles, choose_roles
from world import KAGGLE_ROLES

CUSTOMERS = pl.DataFrame(
    {"customer": [0, 1], "customer_id": ["a", "b"], "age": [20.0, None], "postal_code": [0, 1]},
    schema_overrides={"age": pl.Float32},
)


def articles(**columns: list[str | None]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    numbers = list(range(count))
    ids = [f"SKU-{n}" for n in numbers]
    return pl.DataFrame(
        {"article": numbers, "article_id": ids, "product_code": numbers, "prod_name": ids, **columns}
    )


def values(*, different: int, count: int = 120) -> list[str | None]:
    return [f"value {n % different}" for n in range(count)]


def test_those_that_tell_most_come_first() -> None:
    table = articles(coarse=values(different=3), fine=values(different=40), middle=values(different=7))
    roles = choose_roles(table, CUSTOMERS)
    assert roles.ranker == ("fine", "middle", "coarse")
    assert roles.naive_bayes == ("article", "product_code", "fine", "middle", "coarse")
    assert roles.counted == ("product_code", "fine", "middle", "coarse")
    assert (roles.kind, roles.department) == ("fine", "middle")
    assert roles.attributes == ("coarse", "fine", "middle")  # all, in the order of the table


@pytest.mark.parametrize(
    "useless",
    [values(different=1), [None] * 100 + values(different=20, count=20), values(different=2000, count=2000)[:120]],
    ids=["one value", "mostly unknown", "all different"],
)
def test_what_tells_nothing_is_not_for_the_ranker(useless: list[str | None]) -> None:
    roles = choose_roles(articles(kind=values(different=6), useless=useless), CUSTOMERS)
    assert roles.ranker == ("kind",)


def test_a_coarser_attribute_stays_beside_a_finer_one() -> None:
    table = articles(section=values(different=12), department=[f"{n % 12 // 4}" for n in range(120)])
    assert choose_roles(table, CUSTOMERS).ranker == ("section", "department")


def test_a_code_and_its_name_count_once() -> None:
    table = articles(code=values(different=6), name=[f"named {n % 6}" for n in range(120)])
    assert choose_roles(table, CUSTOMERS).ranker == ("code",)


@pytest.mark.parametrize("name", ["colour", "Farbe", "main_color"])
def test_the_colour_is_found_by_its_name(name: str) -> None:
    assert choose_roles(articles(kind=values(different=6), **{name: values(different=5)}), CUSTOMERS).colour == name


def test_neither_a_colour_nor_a_measure_is_what_an_article_is() -> None:
    edges = [f"{n}.5" for n in range(1, 10)]
    ranges = [f"up to {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges)), "above 9.5"]
    table = articles(
        list_price=[ranges[n % 10] for n in range(120)],
        colour=values(different=12),
        group=values(different=8),
        brand=values(different=4),
    )
    roles = choose_roles(table, CUSTOMERS)
    assert (roles.kind, roles.department) == ("group", "brand")
    assert roles.ranker == ("colour", "list_price", "group", "brand")


def test_many_attributes_are_cut_to_the_most_telling() -> None:
    many: dict[str, list[str | None]] = {
        f"attribute {n}": [f"{(row * (n + 7)) % (n + 2)}" for row in range(120)] for n in range(40)
    }
    roles = choose_roles(articles(**many), CUSTOMERS)
    assert len(roles.attributes) == 40
    assert (len(roles.ranker), len(roles.naive_bayes), len(roles.counted)) == (7, 8, 5)


def test_a_shop_without_attributes() -> None:
    table = articles(prod_name=["x"] * 5)
    assert choose_roles(table, CUSTOMERS) == Roles(naive_bayes=("article", "product_code"))


def test_customers_attributes_by_their_types() -> None:
    table = CUSTOMERS.with_columns(club=pl.lit("gold"), income=pl.lit(3.0))
    roles = choose_roles(articles(kind=values(different=6)), table)
    assert (roles.customers, roles.customer_categories, roles.network) == (("club", "income"), ("club",), ("club",))


@pytest.mark.parametrize(
    ("channels", "online"),
    [
        (("store", "Online"), ("Online",)),
        (("Onlineshop", "Filiale", "Telefon"), ("Onlineshop",)),
        (("01 Store", "02 WEB"), ("02 WEB",)),
        (("branch", "mobile_app"), ("mobile_app",)),
        (("pos", "E-Commerce"), ("E-Commerce",)),
        (("magasin", "vente en ligne"), ("vente en ligne",)),
        (("eshop", "tel"), ("eshop",)),
        (("store", "phone"), ()),
        (("330", "331"), ()),
        (("1", "2"), ()),  # the second most common value is no online shop
        (("ecom", "till"), ("ecom",)),
        (("till", "E-Com"), ("E-Com",)),
        (("ecomm_2", "till"), ("ecomm_2",)),
        (("web2", "till"), ("web2",)),
        (("WEB-SHOP", "till"), ("WEB-SHOP",)),
        (("On-line", "till"), ("On-line",)),
        (("Shop no. 5 (online)", "Shop no. 6"), ("Shop no. 5 (online)",)),
        (("Weber", "Offline", "Appel"), ()),
        (("Nordsee Online", "not online"), ("Nordsee Online",)),
        (("web", "app", "store"), ("web", "app")),
        (("Store", "App", "Web", "phone"), ("App", "Web")),
        (("web", "app"), ()),  # the whole shop: nothing to tell apart
        (("web",), ()),
        ((), ()),
    ],
)
def test_the_online_shop_is_the_channels_whose_names_say_so(
    channels: tuple[str, ...], online: tuple[str, ...]
) -> None:
    assert choose_roles(articles(kind=values(different=6)), CUSTOMERS, channels=channels).online == online


@pytest.mark.parametrize(
    "name",
    [
        "not online", "nononline", "non-online", "notonline", "Non Online", "not_online", "no web", "nicht online",
        "nichtonline", "ohne Internet", "without app", "not sold online", "hors web", "vente pas en ligne",
        "offline", "off-line", "Offline (web)", "hors ligne", "Station line", "becom", "websters", "apparel",
    ],
)  # fmt: skip
def test_a_name_that_denies_it_is_no_online_shop(name: str) -> None:
    assert choose_roles(articles(kind=values(different=6)), CUSTOMERS, channels=("a", name)).online == ()


@pytest.mark.parametrize(
    ("given", "online"), [(True, ("true",)), ([False], ("false",)), ([1, True], ("1", "true"))]
)
def test_a_flag_is_written_as_in_the_tables(given: object, online: tuple[str, ...]) -> None:
    assert Roles.read({"online": given}).online == online


@pytest.mark.parametrize(
    ("given", "online"),
    [("store", ("store",)), (["web", "app"], ("web", "app")), (7, ("7",)), ([7, "app"], ("7", "app")), ([], ())],
)
def test_the_online_shop_may_be_named(given: object, online: tuple[str, ...]) -> None:
    table, channels = articles(kind=values(different=6)), ("web", "app", "store", "7")
    roles = choose_roles(table, CUSTOMERS, Roles.read({"online": given}), channels)
    assert roles.online == online
    codes = [1 + channels.index(name) for name in online]
    assert np.flatnonzero(roles.is_online(np.arange(100))).tolist() == sorted(codes)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        (("store", "web"), "[roles] online: the orders have no channel 'Web'. Name one of store, web."),
        ((), "[roles] online: the orders have no channel 'Web'. Name their column first"),
        (tuple(f"{n}" for n in range(100)), "13, 14, …."),
    ],
)
def test_an_online_shop_that_is_no_channel(channels: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError) as raised:
        choose_roles(articles(kind=values(different=6)), CUSTOMERS, Roles(online=("Web",)), channels)
    assert words in str(raised.value)


def test_given_ones_stand() -> None:
    table = articles(kind=values(different=6), shade=values(different=5))
    roles = choose_roles(
        table, CUSTOMERS, Roles.read({"colour": "shade", "ranker": ["shade"], "channels": ["web"]})
    )
    assert (roles.colour, roles.ranker, roles.channels, roles.kind) == ("shade", ("shade",), ("web",), "kind")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ranker": ["colour"]}, "the table of articles has no column 'colour'. Its attributes: kind."),
        ({"kind": "sort"}, "the table of articles has no column 'sort'"),
        ({"counted": ["kind", "sort"]}, "[roles] counted: the table of articles has no column 'sort'"),
        ({"naive_bayes": [""]}, "[roles] naive_bayes: the table of articles has no column ''"),
        ({"ranker": ["club"]}, "[roles] ranker: the table of articles has no column 'club'"),  # of the customers
        ({"kind": "age"}, "[roles] kind: the table of articles has no column 'age'"),
        ({"attributes": ["club"]}, "the table of articles has no column 'club'"),
        (
            {"customers": ["kind"]},
            "[roles] customers: the table of customers has no column 'kind'. Its attributes: club.",
        ),
        ({"customer_categories": ["article"]}, "the table of customers has no column 'article'"),
        ({"network": ["kind"]}, "the table of customers has no column 'kind'"),
    ],
)
def test_faults_of_given_ones(given: dict[str, object], words: str) -> None:
    with pytest.raises(DataError) as raised:
        choose_roles(
            articles(kind=values(different=6)), CUSTOMERS.with_columns(club=pl.lit("gold")), Roles.read(given)
        )
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "", "colour": ""},
        {"naive_bayes": ["article"], "counted": ["article"]},
        {"ranker": [], "network": []},
        {"customers": ["age"], "customer_categories": ["postal_code"]},
    ],
)
def test_what_may_be_given(given: dict[str, object]) -> None:
    roles = choose_roles(articles(kind=values(different=6)), CUSTOMERS, Roles.read(given)).as_json()
    assert {name: roles[name] for name in given} == given


def test_kaggle_s_are_read() -> None:
    roles = KAGGLE_ROLES
    assert roles == Roles.read(roles.as_json())
    assert roles.spelled("product_type_name") == "product type"
    assert roles.customer_categories == ("club_member_status", "fashion_news_frequency")
    assert np.flatnonzero(roles.is_online(np.arange(100))).tolist() == [2]
