"""Raw tables to arrays that a network takes."""

from sknn.preprocessing._bins import quantile_bins, random_thresholds
from sknn.preprocessing._encoders import Encoded, TableEncoder, make_encoder
from sknn.preprocessing._tables import Table, as_table, take_rows, with_names

__all__ = [
    "Encoded",
    "Table",
    "TableEncoder",
    "as_table",
    "make_encoder",
    "quantile_bins",
    "random_thresholds",
    "take_rows",
    "with_names",
]
