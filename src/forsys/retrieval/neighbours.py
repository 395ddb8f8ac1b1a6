"""Rows of sparse matrices: the nearest ones, the largest cells of each, and blocks whose memory is bounded."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse

from forsys.arrays import Floats, Ints, position_within

PAIRS_PER_BLOCK = 1 << 24  # counted at a time: about 1 GiB


def unit_length(rows: sparse.csr_array, weights: Floats) -> sparse.csr_array:
    """Rows times the weights of their columns, at length 1; of those of length 0 nothing is stored."""
    values = (rows.data * weights[rows.indices]).astype(np.float32)
    vectors = sparse.csr_array((values, rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
    vectors.eliminate_zeros()
    length = np.sqrt(vectors.power(2).sum(axis=1))
    vectors.data = vectors.data / np.repeat(length, np.diff(vectors.indptr))
    return vectors


def nearest_rows(
    queries: sparse.csr_array, transposed: sparse.csr_array, k: int, left_out: Ints | None = None
) -> sparse.csr_array:
    """The k rows with the largest inner product with each query, all values being positive: (queries, rows).

    transposed: the rows as columns, (width, rows). left_out: for each query a row that is not to be found, or -1.
    Equal products by row. Computed in blocks of queries, so that memory is bounded.
    """
    pairs = stored(queries) @ np.diff(transposed.indptr).astype(np.float64)
    parts = []
    for block in blocks_of_pairs(pairs):
        similar = sparse.csr_array(queries[block] @ transposed)
        if left_out is not None:
            row = np.repeat(left_out[block], np.diff(similar.indptr))
            similar.data[similar.indices == row] = 0
            similar.eliminate_zeros()
        parts.append(largest_per_row(similar, k))
    return stacked(parts)


def largest_per_row(similar: sparse.csr_array, k: int) -> sparse.csr_array:
    """The k largest cells of each row of a matrix of positive float32 values; equals by column."""
    similar = sparse.csr_array(similar, copy=True)
    similar.sort_indices()  # always, so that later sums have the same order whatever other rows there are
    length = np.diff(similar.indptr)
    if length.max(initial=0) <= k:
        return similar
    row = np.repeat(np.arange(len(length), dtype=np.int64), length)
    # Bits of positive floats are in the order of the floats, so that row and value are sorted as one number.
    order = np.argsort((row << 32) - similar.data.astype(np.float32).view(np.int32), kind="stable")
    similar.data[order[position_within(row) >= k]] = 0
    similar.eliminate_zeros()
    return similar


def largest_cells(row: Ints, col: Ints, value: Floats, shape: tuple[int, int], k: int) -> sparse.csr_array:
    """The k largest cells of each row, of cells given by their coordinates and values; equals by column; float32.

    The values may have any sign, and are compared before they become float32. See `largest_per_row` for a matrix.
    """
    key, count = _row_and_value(row, value), np.bincount(row, minlength=shape[0])
    last = np.zeros(shape[0], np.int64)  # the key of the k-th cell of each row
    has = count > 0
    last[has] = np.sort(key)[(np.cumsum(count) - count + np.minimum(count, k) - 1)[has]]
    kept = key < last[row]
    # Of those that equal the k-th as float32 some are kept. To sort them alone takes 1/7 of the time for all.
    tied = np.flatnonzero(key == last[row])
    tied = tied[np.lexsort((col[tied], -value[tied], row[tied]))]
    left = k - np.bincount(row[kept], minlength=shape[0])
    kept[tied[position_within(row[tied]) < left[row[tied]]]] = True
    return sparse.csr_array((value[kept].astype(np.float32), (row[kept], col[kept])), shape=shape)


def _row_and_value(row: Ints, value: Floats) -> Ints:
    """Numbers (int64) that rise with the row, and within it fall with the value as float32."""
    bits = (value.astype(np.float32) + 0).view(np.int32)  # + 0, as -0 has other bits than 0
    ordered = np.where(bits < 0, bits ^ np.int32(2**31 - 1), bits)  # whose order is that of the floats
    return np.asarray((row.astype(np.int64) << 32) - ordered)


def blocks_of_pairs(pairs: Floats) -> Iterator[slice]:
    """Consecutive rows, at least one block, with about PAIRS_PER_BLOCK pairs each; pairs: those of each row."""
    total = np.cumsum(pairs)
    first = np.flatnonzero(np.diff(np.floor(total / PAIRS_PER_BLOCK)) > 0) + 1
    for start, stop in pairwise([0, *first.tolist(), len(pairs)]):
        yield slice(start, stop)


def stored(cells: sparse.csr_array) -> sparse.csr_array:
    """1 for each cell that is stored."""
    return sparse.csr_array((np.ones(cells.nnz, np.float32), cells.indices, cells.indptr), shape=cells.shape)


def stacked(parts: list[sparse.csr_array]) -> sparse.csr_array:
    """Blocks of rows below each other."""
    return sparse.csr_array(sparse.vstack(parts)) if len(parts) > 1 else parts[0]


def linked(similar: sparse.csr_array, row: Ints) -> sparse.csr_array:
    """Rows of `similar`; nothing for row -1."""
    known = row >= 0
    found = similar[np.where(known, row, 0)] if similar.shape[0] else sparse.csr_array((len(row), similar.shape[1]))
    return found.multiply(known[:, None]).tocsr()
