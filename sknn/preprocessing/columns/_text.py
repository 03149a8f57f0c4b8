"""Text of several words: its words, weighed by how rare they are, in a few dimensions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from sknn.preprocessing.columns._base import ColumnEncoder
from sknn.preprocessing.columns._category import is_nearly_unique
from sknn.preprocessing.columns._cells import NeedsFrame
from sknn.preprocessing.columns._kinds import changed_type, odd_value

N_DIMENSIONS = 8
_MAX_WORDS = 4_000  # of a column, the most frequent ones
_LEAST_REPEATED = 0.5  # of the cells have a word that another one has too
_TOKENS = r"(?u)\b\w+\b"


class TextColumn(ColumnEncoder):
    """Latent semantic analysis of the words of each cell, from words that two rows have at least.

    A cell is the vector of √count · (1 + log((1 + n) / (1 + n_word))) of its words, of length 1, in the first
    `N_DIMENSIONS` dimensions of a singular value decomposition, over the training rows, of all such vectors. A missing
    cell, and one without a known word, has zeros.

    References
    ----------
    S. Deerwester, S. Dumais, G. Furnas, T. Landauer, R. Harshman, "Indexing by latent semantic analysis", Journal of
    the American Society for Information Science, 1990.
    """

    words_: list[str]
    rarity_: np.ndarray
    directions_: np.ndarray

    def _fit(self, table: pd.DataFrame, weight) -> None:
        cells = texts(self.column(table))
        weight = np.ones(len(cells)) if weight is None else weight
        counter = CountVectorizer(token_pattern=_TOKENS, min_df=2, max_features=_MAX_WORDS)
        try:
            counts = counter.fit_transform(cells)
        except ValueError:  # no word repeats
            self.words_, self.rarity_, self.directions_ = [], np.zeros(0), np.zeros((0, 0))
            return
        self.words_ = counter.get_feature_names_out().tolist()
        n_rows = weight @ (counts > 0)
        self.rarity_ = 1 + np.log((1 + weight.sum()) / (1 + n_rows))
        vectors = sparse.diags_array(np.sqrt(weight)) @ self._weighed(counts)
        n_dimensions = min(N_DIMENSIONS, *vectors.shape)
        with threadpool_limits(1, user_api="blas"):  # bits would depend on the number of threads
            _, _, directions = randomized_svd(sparse.csr_array(vectors), n_dimensions, random_state=0)
        directions = directions.T
        spread = np.sqrt(np.square(vectors @ directions).sum() / weight.sum() / n_dimensions)
        self.directions_ = directions / (spread or 1.0)

    def encode(self, table: pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(texts(self.column(table)), x_num)

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        cell = cells[self.columns_[0]]
        if not isinstance(cell, str | None):
            raise NeedsFrame
        self._write([cell or ""], x_num)

    def _write(self, cells: list[str], x_num: np.ndarray) -> None:
        x_num[:] = self._weighed(self._counter.transform(cells)) @ self.directions_

    @cached_property
    def _counter(self) -> CountVectorizer:
        return CountVectorizer(token_pattern=_TOKENS, vocabulary=self.words_)

    def _weighed(self, counts: sparse.csr_matrix) -> sparse.csr_array:
        """Vectors of length 1 from counts (n, n_words) of words."""
        return normalize(sparse.csr_array(counts).sqrt() @ sparse.diags_array(self.rarity_))

    @property
    def n_features_(self) -> int:
        return self.directions_.shape[1]

    def feature_names(self, names: Sequence[str]) -> list[str]:
        return [f"{names[self.columns_[0]]}_text{k}" for k in range(self.n_features_)]


def is_text(column: pd.Series, held: str) -> bool:
    """Whether a column holds nearly unique text whose words repeat: of several words, on the mean."""
    is_other = held != "category" or isinstance(column.dtype, pd.CategoricalDtype)
    if is_other or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return False
    cells = column.dropna()
    if not is_nearly_unique(cells.nunique(), len(cells)):
        return False
    of_cells = [set(re.findall(_TOKENS, cell.lower())) for cell in cells]
    if sum(map(len, of_cells)) < 1.5 * len(of_cells):
        return False
    n_cells = pd.Series([word for of_cell in of_cells for word in of_cell]).value_counts()
    repeated = set(n_cells.index[n_cells >= 2])
    return sum(not repeated.isdisjoint(of_cell) for of_cell in of_cells) >= _LEAST_REPEATED * len(of_cells)


def texts(column: pd.Series) -> list[str]:
    """The cells of a column, those that are missing as empty text.

    Raises
    ------
    ValueError
        If no cell that is there is text, naming the column and a row.
    """
    there = column.notna().to_numpy()
    cells = column.astype(object).to_numpy()
    if there.any() and not any(isinstance(cell, str) for cell in cells[there]):
        got = f"values that are no text ({odd_value(column, pd.notna)})"
        raise changed_type(column, "text", got)
    return [str(cell) if is_there else "" for cell, is_there in zip(cells, there, strict=True)]
