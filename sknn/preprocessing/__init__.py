"""Raw tables to arrays that a network takes."""

from sknn.preprocessing._bins import quantile_bins, random_thresholds
from sknn.preprocessing._dispatch import ColumnDispatcher, Encoded
from sknn.preprocessing._encoders import ArrayEncoder, ImageEncoder, InputsEncoder, make_encoder
from sknn.preprocessing._estimator_input import TableInput
from sknn.preprocessing._inputs import WHAT_X_MAY_BE, Inputs, check_row_shapes, row_shapes, take_rows
from sknn.preprocessing._moments import RunningMoments, deviation_of_members
from sknn.preprocessing._plain import from_plain, to_plain
from sknn.preprocessing._row_values import as_numbers, as_values, as_weights, check_n_rows, check_one_type
from sknn.preprocessing._stored import STORED_CLASSES
from sknn.preprocessing._streams import ChunkEncoder, StreamArrays, StreamEncoder, StreamImages, make_stream_encoder
from sknn.preprocessing._table_encoder import TableEncoder
from sknn.preprocessing._tables import Table, as_table, holds_tables

__all__ = [
    "STORED_CLASSES",
    "WHAT_X_MAY_BE",
    "ArrayEncoder",
    "ChunkEncoder",
    "ColumnDispatcher",
    "Encoded",
    "ImageEncoder",
    "Inputs",
    "InputsEncoder",
    "RunningMoments",
    "StreamArrays",
    "StreamEncoder",
    "StreamImages",
    "Table",
    "TableEncoder",
    "TableInput",
    "as_numbers",
    "as_table",
    "as_values",
    "as_weights",
    "check_n_rows",
    "check_one_type",
    "check_row_shapes",
    "deviation_of_members",
    "from_plain",
    "holds_tables",
    "make_encoder",
    "make_stream_encoder",
    "quantile_bins",
    "random_thresholds",
    "row_shapes",
    "take_rows",
    "to_plain",
]
