"""The bounds of what the tables may hold. Kaggle's own files are far inside each of them."""

from datetime import date

# Packed and large files. Kaggle's log has 3.5 GB; tables of text unpack to 5 to 20 times their size.
MAX_BYTES = 64 << 30  # of one unpacked table
MAX_RATIO = 200  # unpacked to packed; a file made to fill the disk has about 1,000
RATIO_COUNTS_FROM = 1 << 30  # bytes: a smaller file harms nobody, whatever its ratio
MIN_FREE_DISK = 256 << 20  # bytes left for everything else on the disk while a table is unpacked
MAX_LINE = 1 << 20  # bytes: a longer one comes from a file that is no table
MAX_COLUMNS = 1_000
MAX_ROWS = 1_000_000_000  # rows have 32-bit numbers; Kaggle's log has 32 million
MAX_ID = 256  # characters of a customer's or an article's id; Kaggle's have 64 and 10
MAX_UNITS = 1_000_000  # of one row: sums of units are 32-bit numbers
MAX_CHANNELS = 100  # codes of channels are 8-bit numbers
MAX_PROMOTION_KINDS = 10  # each is a feature of the ranker

# Days. No shop's log is older than the clock of its computers, and sums of days beyond the century could overflow.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2099, 12, 31)

# Days at either end of the log are stray where the gap between them and the others is no pause of this shop...
MIN_GAP = 2  # empty days: a single one is a holiday
GAP_FACTOR = 2  # times the longest gap among the days before it: shops close on weekends or sell once a week
NEARBY = 56  # days, and at least 8 with rows, are the days before it; so are those from the median row on
MAX_CHANCE = 1e-4  # that so many days in a row are empty, if each is with the probability of the days before it
MIN_EXPECTED = 20  # rows that the gap would hold at the rate of the days before it
# ...and where they are not those of a shop that has opened again.
SPARSE = 0.5  # of the usual rows per day: with fewer, they are a few stray rows
LONG_GAP, WEEK = 28, 7  # beyond more than 28 empty days, fewer than 7 days are stray whatever their rows
# At the start, where they steer little, only this share of the rows, or what lies so many days before, is stray.
FEW, DECADE = 0.01, 3653
YEAR = 365  # empty days: a gap that is told wherever it lies

# Rows that are lost at the end of the log move the week that is predicted.
RECENT_DAYS = 7
RECENT_FACTOR = 10  # one of these days may lose 10 times the share of rows that the whole table may lose
MIN_LOST = 3  # rows: fewer say nothing about a day

# Ids of one table that another one has, as shares of the distinct ids.
NEARLY_ALL = 0.95  # below, other spellings of the ids are tried; one that gets there is taken
HALF = 0.5  # ...or this far, where next to none matched before: a table may lack customers of the log
MIN_MATCH = 0.1  # below, the tables belong to different shops and every result would be one for unknown customers

MOST_DAYS = 0.5  # of a column, read without the named form: beyond, that form is the fault
MAX_ORPHANS = 0.5  # of the returns, without an earlier purchase: beyond, they seem to be the purchases themselves
