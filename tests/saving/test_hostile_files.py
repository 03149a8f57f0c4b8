"""Files that are cut off, damaged or made to do harm: a clear error, bounded memory, and nothing is executed.

SKNN_FUZZ_FILES=10000 has the last test look at so many files.
"""

import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import mutations
import sknn
from mutations import archive, parts_of, sealed
from sknn import NNClassifier, NNRegressor
from sknn.modules import plan_of, rebuild
from sknn.preprocessing import TableEncoder, to_plain
from sknn.saving import ArchiveError
from sknn.storage import read_archive, write_archive

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The bytes of a file with a small model."""
    path = tmp_path_factory.mktemp("model") / "model.sknn"
    sknn.save(NNClassifier("mlp", hidden_layer_sizes=(4,), max_epochs=1, random_state=0).fit(X, Y), path)
    return path.read_bytes()


def refused(data, folder, match, load=sknn.load):
    """Whether a file is refused with these words, and without more memory than it has bytes and a little."""
    path = folder / "hostile.sknn"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=match) as raised:
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data) + 20e6
    finally:
        tracemalloc.stop()
    assert "hostile.sknn" in str(raised.value)
    assert len(str(raised.value)) < 1_000


def test_a_file_that_is_cut_off_anywhere_is_refused(data, tmp_path):
    for end in [0, 1, 7, 8, 9, 500, len(data) // 2, len(data) - 1]:
        refused(data[:end], tmp_path, "cut off")


def test_a_file_with_more_at_its_end_is_refused(data, tmp_path):
    refused(data + b"\0" * 8, tmp_path, "belong to no array")


@pytest.mark.parametrize("at", [3, 20, 60, 100, 200, 3_000, -3_000, -1])
def test_a_changed_byte_is_refused(data, tmp_path, at):
    changed = bytearray(data)
    changed[at] ^= 1
    refused(bytes(changed), tmp_path, "cannot be read")


def test_a_zip_bomb_and_a_pickle_are_no_archives(tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as stored:
        for name in ("tree.json", "/etc/passwd", "../../outside"):
            stored.writestr(name, b"\0" * 10_000_000)
    refused(bomb.getvalue(), tmp_path, "no archive")
    refused(pickle.dumps(NNClassifier()), tmp_path, "no archive")
    assert os.listdir(tmp_path) == ["hostile.sknn"]


def with_entry(data, name, **changes):
    """The file with another entry in its header, and a checksum that fits."""
    header, tree, buffers = parts_of(data)
    text = json.dumps(tree, separators=(",", ":")).encode().ljust(header["tree"]["shape"][0])
    header[name] |= changes
    return sealed(json.dumps(header, separators=(",", ":")).encode(), text + buffers)


WEIGHT = "model/state/module_/tensors/layers.0.weight"
ENTRIES = {
    "terabytes": {"shape": [2**20, 2**20]},
    "beyond integers": {"shape": [2**59, 2**59, 2**59]},
    "many dimensions": {"shape": [1] * 1_000},
    "negative": {"shape": [-4, -3]},
    "no number": {"shape": [4.0, 3]},
    "true": {"shape": [True, 12]},
    "other shape": {"shape": [12]},
    "other dtype": {"dtype": "F64"},
    "object": {"dtype": "O"},
    "list as dtype": {"dtype": ["F32"]},
    "other place": {"data_offsets": [0, 48]},
    "backwards": {"data_offsets": [48, 0]},
    "empty": {"shape": [0, 2**40]},
    "more": {"pickled": "yes"},
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_wrong_shapes_dtypes_and_places_of_arrays_are_refused(entry, data, tmp_path):
    refused(with_entry(data, WEIGHT, **ENTRIES[entry]), tmp_path, "cannot be read|do not fit")


def test_a_hole_or_an_overlap_between_arrays_is_refused(data, tmp_path):
    header, tree, buffers = parts_of(data)
    header["more"] = {"dtype": "U8", "shape": [48], "data_offsets": header[WEIGHT]["data_offsets"]}
    refused(archive(header, tree, buffers), tmp_path, "does not lie where")


@pytest.mark.parametrize("text", [DEEP, b'{"a":' * 100_000, b"[" * 10**6], ids=["lists", "dicts", "unclosed"])
def test_deep_json_is_refused(text, data, tmp_path):
    header, _, buffers = parts_of(data)
    refused(archive(header, text, buffers), tmp_path, "levels deep")
    refused(sealed(text, b""), tmp_path, "levels deep")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"[" + b"{}," * 2_000_000 + b"1]", "more than 1,000,000 items"),
        ("é".encode() * 1_000, "outside of ASCII"),
        (b"1" * 10_000, "cannot be read"),
        (b'{"a": NaN}', "no number of JSON"),
        (b'"' + b'\\"' * 1_000_000, "cannot be read"),
        (b'"' + b"a" * 2**26 + b'"', "of at most"),
    ],
    ids=["many items", "bytes", "long number", "constant", "unclosed text", "long"],
)
def test_json_that_takes_much_memory_or_time_is_refused(text, match, data, tmp_path):
    header, _, buffers = parts_of(data)
    refused(archive(header, text, buffers), tmp_path, match)


TREES = {
    "unknown mark": {"$": "pickle", "value": "x"},
    "no array": {"$": "array", "name": "none"},
    "no name": {"$": "array"},
    "the tree itself": {"$": "array", "name": "tree"},
    "a dict of lists": {"$": "dict", "value": [[[], 1]]},
    "no pairs": {"$": "dict", "value": [1]},
    "no base64": {"$": "bytes", "value": "é"},
    "no float": {"$": "float", "value": "1e5"},
    "list as mark": {"$": []},
}


@pytest.mark.parametrize("tree", TREES)
def test_marks_that_are_not_written_are_refused(tree, tmp_path):
    write_archive(tmp_path / "plain.sknn", [])
    header, _, buffers = parts_of((tmp_path / "plain.sknn").read_bytes())
    refused(archive(header, TREES[tree], buffers), tmp_path, "cannot be read", read_archive)


@pytest.mark.parametrize(
    ("array", "changes"),
    [
        (np.array([True, False]), {}),
        (np.array(["ab", "cd"]), {}),
        (np.array([1, 2], "M8[s]"), {"dtype": "O"}),
        (np.array([1, 2], "M8[s]"), {"dtype": "<U4000"}),
        (np.array([1, 2], "M8[s]"), {"dtype": "<M8[xx]"}),
        (np.zeros((2, 3)), {"order": [0, 0]}),
        (np.zeros((2, 3)), {"order": "01"}),
        (np.zeros(2), {"$": "scalar"}),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_arrays_whose_marks_do_not_fit_are_refused(array, changes, tmp_path):
    write_archive(tmp_path / "plain.sknn", [array])
    header, tree, buffers = parts_of((tmp_path / "plain.sknn").read_bytes())
    buffers = buffers if changes else b"\xff" * len(buffers)
    refused(archive(header, [tree[0] | changes], buffers), tmp_path, "cannot be read", read_archive)


def test_a_later_version_and_other_archives_are_told_apart(data, tmp_path):
    header, tree, buffers = parts_of(data)
    refused(archive(header, tree | {"version": 2}, buffers), tmp_path, "version 2; this release of sknn reads 1")
    header["__metadata__"]["version"] = "2"
    refused(archive(header, tree, buffers), tmp_path, "version '2' of the format")
    for other in ([1, 2], {"kind": "checkpoint"}, {"kind": np.zeros(3), "version": 1}):
        write_archive(tmp_path / "other.sknn", other)
        refused((tmp_path / "other.sknn").read_bytes(), tmp_path, "holds no model")


def changed_model(data, change):
    """The file with a model that `change` has changed in place."""
    header, tree, buffers = parts_of(data)
    change(tree["model"]["state"])
    return archive(header, tree, buffers)


def swap_weights(state):
    tensors = state["module_"]["tensors"]
    first, last = sorted(name for name in tensors if name.endswith("weight"))
    tensors[first], tensors[last] = tensors[last], tensors[first]


def plan(state):
    return state["module_"]["plan"]


MODELS = {
    "swapped weights": swap_weights,
    "missing weights": lambda state: state["module_"]["tensors"].pop("layers.0.bias"),
    "wide layers": lambda state: plan(state)["arguments"].update(hidden_layer_sizes=[4_000] * 4),
    "huge layer": lambda state: plan(state)["arguments"].update(hidden_layer_sizes=[10**12]),
    "many columns": lambda state: plan(state)["arguments"].update(n_features=10**10),
    "many members": lambda state: plan(state).update(ensemble="vmap", n_members=4_000),
    "other network": lambda state: plan(state).update(name="resnet"),
    "unknown network": lambda state: plan(state).update(name="os.system"),
    "unknown activation": lambda state: plan(state)["arguments"].update(activation={"@": "name", "name": "os.system"}),
    "unknown class": lambda state: state["_target"].update({"class": "Popen"}),
    "class of an attribute": lambda state: state["encoder_"].update({"class": "RealTarget"}),
    "no encoder": lambda state: state.update(encoder_=None),
    "other encoder": lambda state: state["encoder_"]["state"].update(n_features_=10**12),
    "other target": lambda state: state["_target"]["state"].update(n_outputs=3),
    "no parameter": lambda state: state.pop("module_params"),
    "own part": lambda state: state.update(loss={"@": "own", "parameter": "loss", "keys": []}),
    "time zone of a file": lambda state: state.update(x={"@": "value", "value": {"zone": "dateutil//etc/passwd"}}),
    "pickle": lambda state: state.update(x={"@": "skops", "data": {"$": "array", "name": WEIGHT}}),
    "rows": lambda state: state.update(x={"@": "frame", "names": ["a"], "columns": [[1]], "n_rows": 10**10}),
}


@pytest.mark.parametrize("case", MODELS)
def test_models_of_parts_that_do_not_fit_are_refused(case, data, tmp_path):
    refused(changed_model(data, MODELS[case]), tmp_path, "be read")


def test_weights_swapped_within_the_file_are_refused(data, tmp_path):
    header, _, buffers = parts_of(data)
    start, end = header[WEIGHT]["data_offsets"]
    before = data.index(buffers) - header["tree"]["data_offsets"][1]
    assert end - start == 48
    swapped = bytearray(data)
    first, middle, last = before + start, before + start + 24, before + end
    swapped[first:middle], swapped[middle:last] = data[middle:last], data[first:middle]
    assert bytes(swapped) != data
    refused(bytes(swapped), tmp_path, "damaged: its checksum")


def test_a_compressed_transformer_is_refused(tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as stored:
        stored.writestr("schema.json", b" " * 10_000_000)
    write_archive(tmp_path / "bomb.sknn", {
        "kind": "model", "version": 1, "own_parts": {},
        "model": {"@": "skops", "data": np.frombuffer(bomb.getvalue(), np.uint8)},
    })  # fmt: skip
    refused((tmp_path / "bomb.sknn").read_bytes(), tmp_path, "is not compressed")


def test_a_network_is_rebuilt_without_drawing_or_more_memory_than_its_weights_explain():
    model = NNRegressor("tabular", hidden_layer_sizes=(5,), n_members=2, max_epochs=1, random_state=0).fit(X, X[:, 0])
    plan, tensors = plan_of(model.module_), {k: v.clone() for k, v in model.module_.state_dict().items()}
    before = torch.get_rng_state()
    rebuilt = rebuild(plan, tensors)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(value, tensors[name]) for name, value in rebuilt.state_dict().items())
    with pytest.raises(ValueError, match="larger than its weights"):
        rebuild(plan | {"arguments": plan["arguments"] | {"hidden_layer_sizes": (4_000, 4_000)}}, tensors)
    with pytest.raises(ValueError, match="so many parts"):
        rebuild(plan | {"arguments": plan["arguments"] | {"hidden_layer_sizes": (1,) * 1_000}}, tensors)


@pytest.mark.parametrize("name", ["dateutil//etc/passwd", "/etc/passwd", "../../etc/passwd"])
def test_a_time_zone_is_no_path(name):
    state = TableEncoder().fit(X).to_dict()
    state["fitted"]["zone_"] = {"zone": name}
    with pytest.raises(ValueError, match="no name of a time zone"):
        TableEncoder.from_dict(state)
    assert to_plain(np.datetime64("2020", "s")) == {"datetime64": ["<M8[s]", 1577836800]}


def models_for_mutation(folder):
    frame = {"a": X[:, 0], "b": RNG.choice(["x", "y", "z"], 40), "c": np.arange(40).astype("M8[D]").astype("M8[us]")}
    table = sknn.preprocessing._tables.pd.DataFrame(frame)
    params = {"hidden_layer_sizes": (4,), "max_epochs": 1, "random_state": 0}
    callbacks = [sknn.callbacks.Penalty()]
    of_members = NNRegressor("tabular", n_members=2, warm_start=True, callbacks=callbacks, **params)
    sknn.save(of_members.fit(table, X[:, 0]), folder / "tabular.sknn")
    sknn.save(NNClassifier("mlp", **params).fit(table, Y), folder / "mlp.sknn")
    sknn.save(NNRegressor("mlp", n_members=2, preprocessing=None, **params).fit(X, X[:, :2]), folder / "ensemble.sknn")
    sknn.save(NNClassifier("linear", random_state=0).partial_fit(table, Y, classes=[0, 1]), folder / "stream.sknn")


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_neither_crash_nor_execute_nor_take_much_memory(tmp_path):
    models_for_mutation(tmp_path)
    n_files, seed = int(os.environ.get("SKNN_FUZZ_FILES", "100")), os.environ.get("SKNN_FUZZ_SEED", "0")
    script = [sys.executable, str(Path(mutations.__file__)), str(tmp_path), str(n_files), seed]
    env = os.environ | {"PYTHONPATH": str(Path(sknn.__file__).parents[1])}
    found = json.loads(subprocess.run(script, check=True, stdout=subprocess.PIPE, env=env).stdout)
    print(found)
    assert sum(found.get(key, 0) for key in ("loaded", "refused", "lacks a part")) == n_files
    assert found["refused"] > 0.5 * n_files
    assert found["growth"] <= 4 * found["largest"] + 200e6


def test_what_forbids_execution_does():
    code = "import mutations; mutations.forbid_execution(); mutations._armed = True; {}"
    for line in ("exec('1')", "import json.tool", "import pickle; pickle.loads(b'N.')", "compile('1', '', 'eval')"):
        folder = str(Path(mutations.__file__).parent)
        result = subprocess.run([sys.executable, "-c", code.format(line)], cwd=folder, capture_output=True, check=False)
        assert result.returncode, line
