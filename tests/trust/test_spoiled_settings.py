"""Spoiled settings: each is refused by the first command that reads it, with its key and what is allowed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trust.bench import Bench
from trust.spoiled import Case, Spoil, refused, tolerated

BEST = 'class = "forsys.retrieval.best_sellers:BestSellers"'


def nothing(_: Path) -> None:
    """The shop stays as it is."""


def bad(setting: str, *words: str) -> Case:
    """A setting that must be refused; without words, its key must be named."""
    return refused(setting[:60], nothing, *(words or [setting.partition("=")[0]]), options=["--set", setting])


def parameter(name: str, value: str) -> Case:
    """A parameter of a source that must be refused with the names of both."""
    source, _, key = name.partition(".")
    return bad(f"retrieval.sources.{name}={value}", f"retrieval.sources.{source}", key)


def good(setting: str) -> Case:
    return tolerated(setting[:60], nothing, "purchases", options=["--set", setting])


def source_name(name: str) -> Case:
    """A source of this name, from a preset."""
    quoted = name.replace("\n", "\\n")
    return preset(f"a source named {name!r}", f'[retrieval.sources."{quoted}"]\n{BEST}\n', "no name for a source")


def preset(name: str, content: str | bytes, *words: str, code: int = 2) -> Case:
    """A preset file with this content."""
    given = content if isinstance(content, bytes) else content.encode()
    make = refused if code else tolerated
    return make(name, preset_file(lambda path: path.write_bytes(given)), *words, options=PRESET)


def preset_file(make: Callable[[Path], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        make(folder.parent / "p.toml")

    return spoil


PRESET = ["--preset", "{root}/p.toml"]

VALUES = [
    *(bad(f"seed={v}") for v in ("-5", "true", "1.5", "x", "2147483648", "nan", "[]", '"7"')),
    *(bad(f"k={v}") for v in ("0", "-1", "1.5", "100000", "inf")),
    *(bad(f"holdout_days={v}") for v in ("0", "-7", "4000", "false")),
    *(bad(f"shard_size={v}") for v in ("0", "true", "1e3", "{}")),
    *(bad(f"max_buyers_per_week={v}") for v in ("0", "nan")),
    *(bad(f"content.colour_tolerance={v}") for v in ("0", "-1", "nan", "inf", "true")),
    *(bad(f"content.{v}") for v in ("max_colours=0", "max_keywords=1000000")),
    *(bad(f"retrieval.candidates_per_source={v}") for v in ("5", "1000000000", "0", "true")),
    *(bad(f"ranking.candidates_per_customer={v}") for v in ("1", "1e9")),
    *(bad(f"ranking.learning_rate={v}") for v in ("inf", "nan", "0", "-0.1", "2", "true")),
    *(bad(f"ranking.num_leaves={v}") for v in ("1", "1000000", "-3")),
    *(bad(f"ranking.bagging_fraction={v}") for v in ("0", "1e-9", "1.01", "nan")),
    *(bad(f"ranking.feature_fraction={v}") for v in ("0", "inf")),
    *(bad(f"ranking.lambda_l2={v}") for v in ("-1", "inf")),
    *(bad(f"ranking.{v}") for v in ("num_models=0", "num_iterations=1e9", "min_data_in_leaf=0", "reranked=0")),
    *(bad(f"ranking.features={v}") for v in ("[]", '"lists"', "[1]")),
    bad('ranking.features=["lists", "nonsense"]', "nonsense"),
    bad('ranking.objective="mse"', "ranking.objective", "lambdarank"),
    *(bad(f"evaluation.bootstrap_samples={v}") for v in ("0", "1000000000", "true")),
    *(
        bad(f"tuning.{v}")
        for v in ("min_buyers=0", "max_weeks=0", "min_standard_errors=-1", "min_standard_errors=nan")
    ),
    *(
        good(v)
        for v in ("seed=0", "ranking.learning_rate=1", "tuning.min_standard_errors=0", "k=20", "shard_size=1")
    ),
]

SOURCES = [
    *(
        source_name(n)
        for n in ("/tmp/x/new", "../x", "a b", "", "A", "x" * 41, "con.x", "äö", "new\nline", "a/b", "~")
    ),
    *(parameter("als.alpha", v) for v in ("inf", "nan", "0", "-1", "true", '"x"')),
    *(parameter("als.factors", v) for v in ("0", "-8", "1.5", "true", '"many"')),
    *(parameter("best_sellers.half_life", v) for v in ("0", "inf", "nan", "[]")),
    parameter("als.half_life", "nan"),
    parameter("next_item.dropout", "1"),
    parameter("next_item.cell", '"rnn"'),
    parameter("next_item.epochs", "0"),
    parameter("next_item.learning_rate", "inf"),
    bad("retrieval.sources.als.nonsense=3", "nonsense", "ALS takes"),
    bad("retrieval.sources.als=3", "retrieval.sources.als"),
    bad("retrieval.sources.als=true", "retrieval.sources.als"),
    *(
        bad(f"retrieval.sources.mine={{ class = {v} }}", "is not a source")
        for v in (
            '"os:system"',
            '"subprocess:Popen"',
            '""',
            '":"',
            "3",
            '"a..b:C"',
            '".relative:C"',
            '"/etc/passwd:x"',
        )
    ),
    bad("retrieval.sources.mine={}", "is not a source"),
    bad(f'retrieval.sources.mine={{ class = "{"x" * 5000}:C" }}', "is not a source"),
    bad('retrieval.sources.mine={ class = "forsys.retrieval.source:Source" }', "is not a source"),
    bad("retrieval.sources=3", "retrieval.sources"),
    bad("retrieval.sources=[]", "retrieval.sources"),
    refused(
        "no source at all",
        nothing,
        "retrieval.sources",
        options=[
            word
            for name in (
                "best_sellers",
                "repurchase",
                "same_product",
                "same_attributes",
                "nearest_content",
                "item_knn",
                "als",
                "bpr",
                "lmf",
                "next_item",
            )
            for word in ("--set", f"retrieval.sources.{name}=false")
        ],
    ),
    good("retrieval.sources.same_attributes=false"),
    good("retrieval.sources.same_product=false"),
    good("retrieval.sources.best_sellers=false"),
    bad('tuning.grid."best_sellers.half_life"=[]', "tuning.grid", "best_sellers.half_life"),
    *(
        bad(f'tuning.grid."best_sellers.half_life"=[{v}]', "best_sellers", "half_life")
        for v in ("0", '"x"', "nan", "inf", "true", "{}")
    ),
    bad('tuning.grid."nobody.half_life"=[1]', "nobody.half_life names no source"),
    bad('tuning.grid."als.nonsense"=[1]', "nonsense"),
    bad('tuning.grid."best_sellers"=[1]', "best_sellers"),
    bad('tuning.grid."best_sellers.class"=["os:system"]', "best_sellers"),
    bad("tuning.grid=3", "tuning.grid"),
    bad('compare.network.embedding_dim="x"', "embedding_dim"),
    bad('compare.network.class="nonsense:Nonsense"', "compare.network"),
    bad("compare.ids_only.nonsense=3", "nonsense"),
]

KEYS = [
    bad("nonsense=3"),
    bad("ranking.nonsense=3"),
    bad("retrieval.candidate=3", "Do you mean retrieval.candidates_per_source?"),
    bad("ranking.leaves=7", "is called ranking.num_leaves now"),
    bad("retrieval.sources.taste=false", "is called retrieval.sources.same_attributes now"),
    bad("compare.network.dimension=8", "is called compare.network.embedding_dim now"),
    bad("ranking=3"),
    bad("evaluation=[]"),
    bad("=3", "key=value"),
    bad("seed", "key=value"),
    bad("", "key=value"),
    bad("a b=3", "a b=3"),
    bad("seed=1\nk=0", "k"),
    bad("seed=" + "9" * 5000, "seed"),
    bad("seed=2020-01-01", "seed"),
    bad("seed=\x00", "seed"),
    bad(".".join("a" * 2000) + "=1", "sections"),
    bad("seed=" + "[" * 3000 + "]" * 3000, "seed"),
    bad("seed=" + "{a=" * 3000 + "1" + "}" * 3000, "seed"),
    bad("retrieval.sources.als." + ".".join("a" * 500) + "=1", "sections"),
]

PRESETS = [
    refused("no such preset", nothing, "Presets: default", options=["--preset", "nonsense"]),
    refused("no preset", nothing, "Presets: default", options=["--preset", ""]),
    refused("a path out of presets/", nothing, "Presets: default", options=["--preset", "../default"]),
    refused("the root folder", nothing, "is a folder", options=["--preset", "/"]),
    refused("a folder", preset_file(Path.mkdir), "is a folder", options=PRESET),
    refused("a link to itself", preset_file(lambda path: path.symlink_to(path)), "p.toml", options=PRESET),
    refused("too long a name", nothing, "too long", options=["--preset", "x" * 5000]),
    preset("a binary file", bytes(range(256)), "is not a TOML file"),
    preset("UTF-16", "seed = 3".encode("utf-16"), "is not a TOML file"),
    preset("half a section", "[ranking", "is not a TOML file"),
    preset("a table of customers", "customer_id,prediction\nx,y\n", "is not a TOML file"),
    preset("brackets without end", "seed = " + "[" * 100_000, "is not a TOML file"),
    preset("brackets", "seed = " + "[" * 5_000 + "]" * 5_000, "p.toml"),
    preset("2,000 sections", f"[{'.'.join('a' * 2000)}]\nx = 1\n", "sections"),
    preset("a key twice", "seed = 1\nseed = 2\n", "is not a TOML file"),
    preset("an old key", "[ranking]\ntrees = 5\n", "ranking.trees is called ranking.num_iterations now"),
    preset("an unknown key", "[ranking]\nnum_leaf = 5\n", "Do you mean ranking.num_leaves?"),
    preset("a value out of bounds", "[ranking]\nlearning_rate = inf\n", "ranking.learning_rate"),
    preset("an empty file", b"", "purchases", code=0),
    preset("comments only", "# nothing\n", "purchases", code=0),
]

AREA = "settings"


@pytest.mark.parametrize(
    "case", [*VALUES, *SOURCES, *KEYS, *PRESETS], ids=lambda case: ascii(case.name)[1:-1].replace("[", "(")
)
def test_spoiled_setting(case: Case, bench: Bench) -> None:
    bench.judge(AREA, case)
    if case.code:
        assert list(bench.home.iterdir()) == []  # refused before anything was made


def test_a_source_s_name_deletes_nothing(bench: Bench) -> None:
    """A folder of the user's named as a source, with folders beside it, once lost these."""
    victim = bench.root / "victim" / "new"
    case = preset("a source named by a path", f'[retrieval.sources."{victim}"]\n{BEST}\n', "no name for a source")
    bench.judge(AREA, Case(case.name, case.spoil, 2, case.words, ("tables", "retrieve"), case.options))
