"""The names of lists and models that tables, files and the page have in common. Imports nothing."""

FUSION = "fusion of all sources"
FINAL = "final list (ranker)"
UNION = "all sources together"  # no order, so no MAP
ORACLE = "oracle order of the candidates"  # everything bought first: no ranker can do better
REFERENCE = "bought in 90 days + best sellers"  # the baseline of the backtest's differences
GENERATED = "GENERATED DATA: these are scores of a made-up shop, not of Kaggle's or anybody's."
