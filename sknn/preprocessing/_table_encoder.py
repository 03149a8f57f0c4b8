"""`TableEncoder`: a raw table as numbers and codes for a neural network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight, check_is_fitted, validate_data

from sknn.preprocessing._dispatch import ColumnDispatcher, Encoded
from sknn.preprocessing._inputs import take_rows
from sknn.preprocessing._plain import from_plain, to_plain
from sknn.preprocessing._tables import Table, as_table, cells_of_row, with_names
from sknn.preprocessing.columns import NeedsFrame, plain_cells, table_kinds
from sknn.utils import all_or_nothing


class TableEncoder(ColumnDispatcher, TransformerMixin, BaseEstimator):
    """Encode a raw table for a neural network.

    Each column is encoded by its kind:

    ===========  ================================================================================
    numbers      centred at the median, divided by the interquartile range, smoothly clipped to
                 ±3; missing values become 0 and get an indicator column; durations count as
                 seconds. Exact values that recur (`recurring_values`) are also embedded, like
                 the levels of a category
    flags        −1 and 1; missing values as for numbers
    categories   (`category`, text, other objects) one-hot with at most `max_onehot` levels, else
                 integer codes for a learned embedding, and the logarithm of the level's number of
                 rows; missing and unseen levels have a code each
    text         nearly unique text whose words repeat, in 8 dimensions of a singular value decomposition
                 of its words, weighed by their rarity
    dates        days since 1970 as a number; season, weekday and time of day where they vary
    CSR          divided by the root mean square of a column's stored values; stays sparse
    ===========  ================================================================================

    Columns that are constant or entirely missing in `fit` are left out, and so are identifiers: categories of 30 levels
    or more with a level for every other row.

    Parameters
    ----------
    max_onehot : int, default=9
        Number of levels up to which a category is one-hot encoded.
    embed : bool, default=True
        Whether categories with more levels become codes to embed. Otherwise their `max_onehot` most
        frequent levels are one-hot encoded and the others treated as unseen.
    min_frequency : int, default=1
        Levels of fewer rows, of a category that is embedded, count as unseen.
    scale : {"robust", "standard", "quantile"} or bool, default="robust"
        How numbers are scaled: "robust" (or True) as above; "standard" by mean and standard deviation;
        "quantile" to quantiles of the normal distribution. False: they are passed as they are.
    recurring_values : "auto", list of column names or positions, or None, default="auto"
        With `embed`, numbers whose frequent values (at least 5 rows) also get codes for a learned embedding. "auto"
        chooses columns such as the capital gains of tax returns: one value takes at least half of the rows, the
        others occur 5 times on average, and occupy only a small part of their range.
    text : "auto", list of column names or positions, or None, default="auto"
        Columns of text that are encoded by their words; the others are categories. "auto" chooses those that have a
        different text in every other row or more, 1.5 words on the mean, and words that repeat in half of the rows.
    read_text : bool, default=True
        Whether columns of text are numbers or dates if each cell is written as one, such as "1,234.50", "$12", "45 %"
        or "2025-03-01". Bare digits are codes of categories.
    embed_unique : bool, default=False
        Whether identifiers are kept as categories.
    random_state : int, RandomState instance or None, default=None
        Seed of the sample for medians in tables of more than 100,000 rows.

    Attributes
    ----------
    n_features_ : int
        Number of float columns that `transform` gives.
    cat_cardinalities_ : tuple of int
        Number of codes of each embedded category, then of each number with recurring values; those for
        unseen (0) and missing (1) are included.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names seen in `fit`, when all of them are strings.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024, section 3 and appendix A (robust scaling, smooth
    clipping, the limit of 9 levels).

    Examples
    --------
    >>> import pandas as pd
    >>> from sknn.preprocessing import TableEncoder
    >>> X = pd.DataFrame({"age": [20.0, 30.0, None, 40.0], "paid": ["yes", "no", "yes", "yes"]})
    >>> TableEncoder().set_output(transform="pandas").fit_transform(X).round(2)
        age  age_missing  paid_yes
    0 -0.49          0.0       1.0
    1  0.00          0.0      -1.0
    2  0.00          1.0       1.0
    3  0.49          0.0       1.0
    """

    def __init__(
        self,
        *,
        max_onehot=9,
        embed=True,
        min_frequency=1,
        scale="robust",
        recurring_values="auto",
        text="auto",
        read_text=True,
        embed_unique=False,
        random_state=None,
    ) -> None:
        self.max_onehot = max_onehot
        self.embed = embed
        self.min_frequency = min_frequency
        self.scale = scale
        self.recurring_values = recurring_values
        self.text = text
        self.read_text = read_text
        self.embed_unique = embed_unique
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X, y=None, sample_weight=None) -> Self:
        """Determine the kinds and statistics of the columns.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the medians and ranges. A row of weight 0 is left out.

        Returns
        -------
        self : TableEncoder
        """
        table = as_table(X, estimator=self)
        validate_data(self, with_names(table), skip_check_array=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, table, dtype=np.float64, ensure_non_negative=True, allow_all_zero_weights=False
            )
            rows = np.flatnonzero(sample_weight)
            table, sample_weight = take_rows(table, rows), sample_weight[rows]
        return self._fit_table(table, sample_weight)

    def transform(self, X) -> Any:
        """Encode a table as one matrix: the float columns, then the codes of embedded categories.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        X_out : ndarray or csr_array of shape (n_samples, `n_features_` + len(`cat_cardinalities_`)), float32
        """
        check_is_fitted(self)
        table = as_table(X, estimator=self)
        validate_data(self, with_names(table), reset=False, skip_check_array=True)
        x_num, x_cat = self.encode(table)
        return x_num if x_cat is None else np.hstack([x_num, x_cat.astype(np.float32)])

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the columns that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input columns; those seen in `fit` by default.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names = [str(name) for name in _check_feature_names_in(self, input_features)]
        if self.container_ == "csr":
            return np.asarray(names, dtype=object)
        features = [name for encoder in self.encoders_ for name in encoder.feature_names(names)]
        codes = [name for encoder in self.encoders_ for name in encoder.code_names(names)]
        return np.asarray([*(features or ["constant"]), *codes], dtype=object)  # else the column of zeros

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def to_dict(self) -> dict:
        """The parameters and the fitted state as plain data, which `json.dumps` takes.

        Returns
        -------
        state : dict

        Raises
        ------
        TypeError
            For values that cannot be restored from plain data: levels other than text, numbers, bools, dates,
            durations, intervals, bytes or tuples of these; a `random_state` other than an int.
        """
        check_is_fitted(self)
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        names = self.columns_ or range(self.n_features_in_)
        encoders = fitted.pop("encoders_")
        return {
            "params": {name: to_plain(value) for name, value in self.get_params(deep=False).items()},
            "fitted": {name: to_plain(value) for name, value in fitted.items()},
            "encoders": [_stored(encoder, names) for encoder in encoders],
        }

    @classmethod
    def from_dict(cls, state: dict) -> TableEncoder:
        """Rebuild a fitted encoder from what `to_dict` returned; it encodes to the same bits.

        Parameters
        ----------
        state : dict
            As `to_dict` returned it.

        Returns
        -------
        encoder : TableEncoder

        Examples
        --------
        >>> import json
        >>> from sknn.preprocessing import TableEncoder
        >>> encoder = TableEncoder().fit([[1.0, "a"], [2.0, "b"], [4.0, "a"]])
        >>> stored = json.dumps(encoder.to_dict())
        >>> TableEncoder.from_dict(json.loads(stored)).transform([[2.0, "b"]])
        array([[0., 1.]], dtype=float32)
        """
        encoder = cls(**{name: from_plain(value) for name, value in state["params"].items()})
        encoder.__dict__.update({name: from_plain(value) for name, value in state["fitted"].items()})
        encoder.encoders_ = from_plain(state["encoders"])
        return encoder

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Fit on a checked table and encode it.

        Parameters
        ----------
        table : Table
            As `as_table` returns it.
        y : None
            Ignored.
        sample_weight : ndarray of shape (n_samples,) or None
            Weights of the rows in the statistics.

        Returns
        -------
        encoded : Encoded
            Numbers and codes, as inputs of a network.
        """
        validate_data(self, with_names(table), skip_check_array=True)
        return self._fit_table(table, sample_weight).encode(table)

    def encode_row(self, X: pd.DataFrame | Mapping) -> Encoded | None:
        """Encode one raw row without the checks of a table.

        Parameters
        ----------
        X : DataFrame of one row, or dict
            With the names of `fit`.

        Returns
        -------
        encoded : Encoded or None
            None where there is something to be checked: another container, other names or an unusual cell.
        """
        cells = cells_of_row(X, self.columns_)
        if cells is None:
            return None
        try:
            plain = plain_cells(cells)
            return self._write_each(1, lambda encoder, x_num, x_cat: encoder.encode_cells(plain, x_num, x_cat))
        except NeedsFrame:
            return None

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Encode further training rows, without changing the statistics.

        Parameters
        ----------
        table : Table
            As `as_table` returns it.
        y : None
            Ignored.
        sample_weight : ndarray of shape (n_samples,) or None
            Weights of the rows; ignored.

        Returns
        -------
        encoded : Encoded
            Numbers and codes, as inputs of a network.
        """
        return self.encode(table)

    def _fit_table(self, table: Table, weight) -> TableEncoder:
        if self.scale not in (True, False, "robust", "standard", "quantile"):
            raise InvalidParameterError(
                "The 'scale' parameter of TableEncoder must be 'robust', 'standard', 'quantile' or a bool. "
                f"Got {self.scale!r} instead."
            )
        weight = _as_rows(weight)
        self._fit_container(table, self.scale)
        if self.container_ == "csr":
            self.encoders_[0].update(table, weight)
            return self
        kinds = table_kinds(table, self.read_text)
        wanted = self._positions("text", kinds, {"text", "category"}, "text")
        if wanted != "auto":
            kinds = ["category" if kind == "text" else kind for kind in kinds]
            kinds = ["text" if j in (wanted or []) else kind for j, kind in enumerate(kinds)]
        numbers = {"number", "flag", "duration", "empty"}
        recurring = self._positions("recurring_values", kinds, numbers, "numbers")
        params = self.get_params(deep=False) | {"recurring_values": recurring}
        self._fit_encoders(table, kinds, weight, params)
        return self

    def _positions(self, parameter: str, kinds: list[str], takes: set[str], what: str) -> str | list[int] | None:
        """A parameter that lists columns, with positions in place of names."""
        wanted = getattr(self, parameter)
        if wanted is None or (isinstance(wanted, str) and wanted == "auto"):
            return wanted
        names = self.columns_ or []
        is_list = isinstance(wanted, list | tuple) and not any(isinstance(name, bool) for name in wanted)
        positions = [names.index(name) if name in names else name for name in wanted] if is_list else []
        if not is_list or not all(j in range(len(kinds)) and kinds[j] in takes for j in positions):
            raise InvalidParameterError(
                f"The {parameter!r} parameter of TableEncoder must be 'auto', None or a list of columns of {what}, by "
                f"name or position. Got {wanted!r} instead."
            )
        return positions


def _stored(encoder, names) -> dict:
    try:
        return to_plain(encoder)
    except TypeError as error:
        where = (
            f"column {names[encoder.columns_[0]]!r}" if len(getattr(encoder, "columns_", ())) == 1 else "the columns"
        )
        raise TypeError(f"The fitted state of {where} of X cannot be stored: {error}") from None


def _as_rows(weight: np.ndarray | None) -> np.ndarray | None:
    """Weights as numbers of rows: whole ones are that many equal rows, others are scaled to as many as there are."""
    if weight is None or (weight == np.floor(weight)).all():
        return weight
    return weight * (len(weight) / weight.sum())
