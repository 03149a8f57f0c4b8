"""What is written is read back with the same bits, the same types and the same order in memory."""

import datetime
import os
import stat

import numpy as np
import pytest
import torch
from safetensors import safe_open

from sknn.storage import ArchiveError, read_archive, write_archive


def round_trip(tree, folder):
    write_archive(folder / "a.sknn", tree)
    return read_archive(folder / "a.sknn")


PLAIN = {
    "text": 'é\udc80 \U0001f600 "quoted" \\',
    "numbers": [0, -1, 2**100, True, False, None, 0.1, -0.0, 1e-320],
    "not finite": (float("inf"), float("-inf"), ()),
    "bytes": b"\x00\xff",
    "$": "a key that marks use",
    1: {2.5: "by numbers", None: (), (1, "a"): [], True: {}, b"b": {}},
    "": [[[]], {}],
}


def test_plain_data_come_back_with_their_types(tmp_path):
    back = round_trip(PLAIN, tmp_path)
    assert back == PLAIN
    assert repr(back) == repr(PLAIN)  # tells 1 from True and 1.0, and -0.0 from 0.0


def test_not_a_number_comes_back(tmp_path):
    assert repr(round_trip([float("nan")], tmp_path)) == "[nan]"


ARRAYS = [
    *(np.arange(24).reshape(2, 3, 4).astype(dtype) for dtype in "?bBhHiIlLefdFD"),
    np.arange(6, dtype=">f8").reshape(2, 3),
    np.array(["a", "", "é\U0001f600"]),
    np.array([b"a", b"bcd"]),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    np.array([3, 4], dtype="timedelta64[5m]"),
    np.array(5.0),
    np.zeros((0, 3), np.float32),
    np.zeros((0,), "U3"),
    np.array([np.nan, -np.inf]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.dtype.str)
def test_arrays_come_back_with_their_bits(array, tmp_path):
    (back,) = round_trip([array], tmp_path)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


TORCH_DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
]  # fmt: skip


@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)], ids=str)
def test_tensors_come_back_with_their_bits(dtype, shape, tmp_path):
    tensor = torch.arange(6).to(dtype)[: int(np.prod(shape))].reshape(shape)
    (back,) = round_trip([tensor], tmp_path)
    assert (back.dtype, back.shape, back.device.type) == (dtype, shape, "cpu")
    assert torch.equal(back.reshape(-1).view(torch.uint8), tensor.reshape(-1).view(torch.uint8))


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int64(3), np.bool_(True), np.str_("é"), np.datetime64("2020")])
def test_scalars_of_numpy_stay_what_they_are(scalar, tmp_path):
    (back,) = round_trip([scalar], tmp_path)
    assert type(back) is type(scalar)
    assert back.dtype == scalar.dtype
    assert back == scalar


def test_the_order_in_memory_comes_back(tmp_path):
    array = np.arange(24.0).reshape(2, 3, 4)
    for axes in [(0, 1, 2), (2, 1, 0), (1, 0, 2)]:
        moved, tensor = array.transpose(axes), torch.from_numpy(array).permute(axes)
        back, back_tensor = round_trip([moved, tensor], tmp_path)
        assert np.array_equal(back, moved)
        assert back.strides == moved.strides
        assert torch.equal(back_tensor, tensor)
        assert back_tensor.stride() == tensor.stride()


def test_views_are_stored_without_the_rest(tmp_path):
    large = np.arange(1e6)
    views = [large[::1000], large[::-1][:3], np.broadcast_to(large[:3], (2, 3)), torch.from_numpy(large)[5:7]]
    back = round_trip(views, tmp_path)
    assert os.path.getsize(tmp_path / "a.sknn") < 20_000
    for view, found in zip(views, back, strict=True):
        assert np.array_equal(found, view)


def test_an_array_that_comes_up_twice_is_stored_once(tmp_path):
    array = np.arange(1000.0)
    back = round_trip({"a": array, "b": [array]}, tmp_path)
    assert back["a"] is back["b"][0]
    assert os.path.getsize(tmp_path / "a.sknn") < 9_000


def test_a_parameter_of_a_module_is_refused_but_its_data_are_not(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(TypeError, match="Parameter at '/a/0'"):
        write_archive(tmp_path / "a.sknn", {"a": [parameter]})
    assert torch.equal(round_trip([parameter.detach()], tmp_path)[0], torch.ones(2))


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        datetime.date(2020, 1, 1),
        object,
        print,
        np.array([1, "a"], dtype=object),
        np.zeros(2, dtype=[("a", "f8")]),
        np.ma.masked_array([1.0]),
        np.zeros(2, dtype=np.longdouble),
        torch.zeros(2, dtype=torch.complex128),
        torch.zeros(2, device="meta"),
        torch.eye(2).to_sparse(),
        {frozenset(): 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_objects_are_refused_with_their_place(value, tmp_path):
    with pytest.raises(TypeError, match="at '/a/1'"):
        write_archive(tmp_path / "a.sknn", {"a": [0, value]})
    assert list(tmp_path.iterdir()) == []


def test_data_that_hold_themselves_are_refused(tmp_path):
    circle: list = []
    circle.append(circle)
    with pytest.raises(ValueError, match="64 levels"):
        write_archive(tmp_path / "a.sknn", circle)


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, lambda x: (x,), lambda x: {1: x}])
def test_the_depth_that_is_written_is_read(wrap, tmp_path):
    tree = "leaf"
    for _ in range(64):
        tree = wrap(tree)
    assert round_trip(tree, tmp_path) == tree
    with pytest.raises(ValueError, match="64 levels"):
        write_archive(tmp_path / "a.sknn", wrap(tree))


def test_too_many_items_are_refused_where_they_are_written(tmp_path):
    with pytest.raises(ValueError, match="put them into arrays"):
        write_archive(tmp_path / "a.sknn", [0] * 1_000_001)
    assert len(round_trip([0] * 999_999, tmp_path)) == 999_999


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.sknn"
    write_archive(path, [1])

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_archive(path, [2])
    monkeypatch.undo()
    assert read_archive(path) == [1]
    assert os.listdir(tmp_path) == ["a.sknn"]


def test_a_file_has_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_archive(tmp_path / "a.sknn", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a.sknn").st_mode) == 0o640


def test_equal_data_give_equal_files(tmp_path):
    for name in "ab":
        write_archive(tmp_path / name, {"w": torch.ones(3), "x": 1.5})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_file_is_one_of_safetensors(tmp_path):
    write_archive(tmp_path / "a.safetensors", {"net": {"w": torch.ones(2, 3), "n": np.arange(5, dtype=np.int8)}})
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata()["format"] == "sknn"
        assert sorted(file.keys()) == ["net/n", "net/w", "tree"]
        assert torch.equal(file.get_tensor("net/w"), torch.ones(2, 3))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "none.sknn")


def test_an_archive_error_is_a_value_error_that_names_the_file(tmp_path):
    (tmp_path / "a.sknn").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.sknn' cannot be read\. It is cut off") as raised:
        read_archive(tmp_path / "a.sknn")
    assert type(raised.value) is ArchiveError
