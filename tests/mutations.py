"""Files of models that are wrong in some way, and a run over many of them: `python tests/mutations.py FOLDER N SEED`.

The run is a process of its own, in which whatever would execute something fails, and whose memory is measured.
"""

import builtins
import copy
import hashlib
import importlib
import json
import pickle
import random
import resource
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path

_ZEROS = b"0" * 64
_DIGEST = b'"sha256":"'
_FORBIDDEN = "exec", "compile", "import", "pickle.", "os.system", "os.exec", "os.posix_spawn", "subprocess.", "socket."
_ODD = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**12, 10**30, 0.5, float("inf"), "", "x", "a" * 1000, "/etc/passwd", "../etc",
    [], {}, [[]], {"@": "object"}, {"@": "name", "name": "os.system"}, {"@": "same", "number": 0},
    {"@": "value", "value": {"zone": "dateutil//etc/passwd"}}, {"@": "path", "name": "/etc/passwd"},
    {"@": "frame", "names": [], "columns": [], "n_rows": 10**12}, {"@": "slice", "values": [0, 10**12, 1]},
    {"@": "own", "parameter": "module", "keys": []},
    {"$": "array", "name": "tree"}, {"$": "float", "value": "nan"}, {"$": "dict", "value": [[[], 1]]},
]  # fmt: skip


def parts_of(data):
    """The header, the tree and the other buffers of an archive."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    end = header["tree"]["data_offsets"][1]
    return header, json.loads(body[:end]), body[end:]


def archive(header, tree, buffers):
    """An archive of these parts, with offsets and a checksum that fit."""
    text = tree if isinstance(tree, bytes) else _json(tree)
    shift = len(text) - header["tree"]["data_offsets"][1]
    moved = {name: dict(entry) for name, entry in header.items()}
    for name in moved.keys() - {"tree", "__metadata__"}:
        moved[name]["data_offsets"] = [at + shift for at in moved[name]["data_offsets"]]
    moved["tree"] |= {"shape": [len(text)], "data_offsets": [0, len(text)]}
    return sealed(_json(moved), text + buffers)


def sealed(header, body):
    """The bytes of an archive, with the checksum in its header put right if there is one."""
    if _DIGEST not in header:
        return len(header).to_bytes(8, "little") + header + body
    start = header.index(_DIGEST) + len(_DIGEST)
    header = header[:start] + _ZEROS + header[start + 64 :]
    length = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(length + header + body).hexdigest().encode()
    return length + header[:start] + digest + header[start + 64 :] + body


def _json(value):
    return json.dumps(value, separators=(",", ":")).encode()


def mutated(data, rng):
    """A file that is wrong somewhere: in its bytes; or in its header, buffers or tree, with a checksum that fits."""
    kind = rng.choice(["bytes", "header", "buffers", "entry", "tree", "tree", "tree", "tree"])
    if kind == "bytes":
        return _with_odd_bytes(data, rng)
    header, tree, buffers = parts_of(data)
    if kind == "buffers":
        odd = _with_odd_bytes(buffers, rng)
        return archive(header, tree, odd[: len(buffers)].ljust(len(buffers), b"\xff"))
    body = _json(tree).ljust(header["tree"]["shape"][0]) + buffers
    if kind == "header":
        return sealed(_with_odd_bytes(_json(header), rng), body)
    if kind == "entry":
        _change(header[rng.choice(sorted(header))], rng)
        return sealed(_json(header), body)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        _change(tree, rng)
    return archive(header, tree, buffers)


def _with_odd_bytes(data, rng):
    data, at = bytearray(data), rng.randrange(len(data))
    kind = rng.choice(["flip", "flip", "cut", "insert", "remove", "repeat", "fill"])
    if kind == "flip":
        for _ in range(rng.choice([1, 1, 3, 20])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "insert":
        data[at:at] = rng.randbytes(rng.choice([1, 8, 100]))
    elif kind == "remove":
        del data[at : at + rng.choice([1, 8, 100])]
    elif kind == "repeat":
        data[at:at] = data[at : at + 1000]
    else:
        data[at : at + 8] = rng.choice([b"\xff", b"\0"]) * 8
    return bytes(data)


def _containers(tree):
    if isinstance(tree, dict | list) and tree:
        yield tree
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _containers(part)


def _change(tree, rng):
    """Change one entry of a dict or list in a tree: to an odd value, to another part of the tree, or away."""
    places = list(_containers(tree))
    if not places:
        return
    holder = rng.choice(places)
    key = rng.choice(sorted(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    kind = rng.choice(["odd", "odd", "other", "remove", "swap"])
    if kind == "odd":
        holder[key] = copy.deepcopy(rng.choice(_ODD))
    elif kind == "other":
        holder[key] = json.loads(json.dumps(rng.choice(places)))
    elif kind == "remove":
        del holder[key]
    else:
        other = rng.choice(sorted(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        holder[key], holder[other] = holder[other], holder[key]


def forbid_execution():
    """From here on, whatever executes code, imports, or opens a pickle fails, as does a patched function."""

    def hook(event, args):
        if event.startswith(_FORBIDDEN) and _armed:
            raise SystemExit(f"{event} {args!r:.300}")

    def fail(*args, **kwargs):
        traceback.print_stack()
        raise SystemExit(f"executed: {args!r:.300}")

    sys.addaudithook(hook)
    import_before = builtins.__import__

    def import_known(name, *args, **kwargs):
        return import_before(name, *args, **kwargs) if name in sys.modules else fail(name)

    for module, names in {
        builtins: ("exec", "eval", "compile"),
        importlib: ("import_module", "reload", "__import__"),
        pickle: ("load", "loads", "Unpickler", "_Unpickler"),
    }.items():
        for name in names:
            setattr(module, name, fail)
    builtins.__import__ = import_known


_armed = False


def run(folder, n_files, seed):
    """Load mutated copies of the files of a folder; prints what became of them and the growth of memory in bytes."""
    global _armed
    from sknn import load
    from sknn.saving import ArchiveError

    warnings.simplefilter("ignore")
    sources = [path.read_bytes() for path in sorted(folder.glob("*.sknn"))]
    for path in sorted(folder.glob("*.sknn")):
        load(path)  # imports what is needed
    forbid_execution()
    rng, found, path = random.Random(seed), Counter(), folder / "mutated.tmp"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, limit))
    for _ in range(n_files):
        path.write_bytes(mutated(rng.choice(sources), rng))
        _armed = True
        try:
            load(path)
            found["loaded"] += 1
        except ArchiveError:
            found["refused"] += 1
        except ValueError as error:
            assert type(error).__name__ == "OwnPartError"  # noqa: PT017
            found["lacks a part"] += 1
        finally:
            _armed = False
    peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps(found | {"growth": peak, "largest": max(map(len, sources))}))


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
