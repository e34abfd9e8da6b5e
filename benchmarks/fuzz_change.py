"""One change of a file, drawn from a generator: bytes, words, nodes of JSON, tags of DICOM, members of archives."""

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator

WORDS = [
    *["", " ", "0", "-1", "1", "2", "3", "-0.0", "0.5", "1e-320", "1e308", "-1e308", "1e999", "nan", "NaN", "inf"],
    *["-Infinity", "2147483648", "4294967296", "99999999999999999999999", "0x10", "1,5", "1_0", "١٢", "true", "null"],
    *["None", "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd", "C:\\x", "\x00", "\x1b[31m", "\ud7ff"],
    *["\ufffe", "é", "a" * 5000, '"', "'", "[", "{", "<", "&", "&amp;", "&x;", "%", "%s", "{0}", "*", "?", ".", ".."],
    *["1 2", "1 2 3", "1 0 0 0 1 0 0 0 1", "-1 -1 -1", "0 0 0", "1\\2\\3", "NaN NaN NaN", "= 1", "id", "\n", "\r\n"],
]
NODES: list[Any] = [
    *[
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        1.5,
        -0.5,
        1e308,
        -1e308,
        1e-320,
        float("nan"),
        float("inf"),
        2**31,
        2**63,
        10**40,
    ],
    *[
        "",
        "x",
        "0",
        "1",
        "nan",
        "../x",
        "/x",
        "a\x00b",
        "<script>",
        "é" * 300,
        [],
        {},
        [[]],
        [None],
        [0],
        [{}],
        {"a": 1},
    ],
    *[[1, 2, 3], [1, "x"], [[1, 2], [3, 4]], [[[0, 0], [1, 1], [0, 1]]], {"x": {"y": []}}, [1] * 300],
]
NUMBERS = [0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 32767, 32768, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


def change(rng: Rng, file: Path, others: list[Path]) -> str:
    """Change a file in place in one way, sometimes in two.

    Args:
        others: files whose contents may take its place.

    Returns:
        What was done; begins with "cut" where the end was cut off and nothing else was done.
    """
    done = [_once(rng, file, others)]
    if rng.random() < 0.25 and not done[0].startswith(("folder", "gone")):
        done.append(_once(rng, file, others))
    return done[0] if len(done) == 1 else "twice: " + "; ".join(done)


def _once(rng: Rng, file: Path, others: list[Path]) -> str:
    content = file.read_bytes()
    draw = rng.random()
    if draw < 0.02:
        return _odd(rng, file, others)
    if draw < 0.12:
        end = int(rng.integers(0, max(len(content), 1)))
        file.write_bytes(content[:end])
        return f"cut to {end} of {len(content)}"
    for knows, alter in _FORMS:
        if knows(content) and rng.random() < 0.7:
            try:
                said = alter(rng, content)
            except Exception:  # what was changed before may no longer be of its form
                break
            file.write_bytes(said[0])
            return said[1]
    altered, said_of_bytes = (_words if _is_text(content) and rng.random() < 0.8 else _bytes)(rng, content)
    file.write_bytes(altered)
    return said_of_bytes


def _odd(rng: Rng, file: Path, others: list[Path]) -> str:
    way = int(rng.integers(0, 4))
    if way == 0 and others:
        other = others[int(rng.integers(len(others)))]
        file.write_bytes(other.read_bytes())
        return f"contents of {other.name}"
    file.unlink()
    if way == 1:
        file.mkdir()
        return "folder of that name"
    if way == 2:
        return "gone"
    file.write_bytes(b"")
    return "emptied"


def _is_text(content: bytes) -> bool:
    try:
        return bool(content) and "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _place(rng: Rng, size: int) -> int:
    """A place, half of them near the beginning, where headers are, some near the end."""
    draw = rng.random()
    if draw < 0.5:
        return min(int(np.exp(rng.uniform(0, np.log(max(size, 2))))), size - 1)
    return max(size - 1 - int(rng.integers(0, 64)), 0) if draw < 0.6 else int(rng.integers(0, size))


def _bytes(rng: Rng, content: bytes) -> tuple[bytes, str]:
    data = bytearray(content or b"\0")
    at = _place(rng, len(data))
    way = int(rng.integers(0, 7))
    if way == 0:
        for _ in range(int(rng.integers(1, 9))):
            data[_place(rng, len(data))] = int(rng.integers(256))
        return bytes(data), "bytes at random"
    if way == 1:
        data[at] ^= 1 << int(rng.integers(8))
        return bytes(data), f"a bit at {at}"
    if way in (2, 3):
        form = ["<B", "<H", ">H", "<I", ">I", "<f", ">f", "<d", ">d"][int(rng.integers(9))]
        number: float = NUMBERS[int(rng.integers(len(NUMBERS)))]
        if form[1] in "fd":
            number = [0.0, -1.0, 1e30, float("nan"), float("inf"), 1e-30][int(rng.integers(6))]
            packed = struct.pack(form, number)
        else:
            packed = struct.pack(form, int(number) % (1 << (8 * struct.calcsize(form))))
        data[at : at + len(packed)] = packed
        return bytes(data), f"{form}{number} at {at}"
    length = int(rng.integers(1, 64))
    if way == 4:
        del data[at : at + length]
        return bytes(data), f"{length} bytes out at {at}"
    if way == 5:
        data[at : at + length] = bytes(length)
        return bytes(data), f"{length} noughts at {at}"
    data[at:at] = data[at : at + length] if rng.random() < 0.5 else rng.bytes(length)
    return bytes(data), f"{length} bytes in at {at}"


def _words(rng: Rng, content: bytes) -> tuple[bytes, str]:
    text = content.decode("utf-8")
    parts = re.split(r"([^\W_]+(?:[.+-]*[^\W_]+)*)", text) if rng.random() < 0.8 else text.splitlines(keepends=True)
    at = int(rng.integers(len(parts)))
    if parts[at].strip() == "" or (rng.random() < 0.7 and len(parts) > 2 and parts[0] == ""):
        at = min(at | 1, len(parts) - 1)
    before, way = parts[at][:20], int(rng.integers(0, 10))
    if way < 6:
        parts[at] = WORDS[int(rng.integers(len(WORDS)))]
    elif way == 6:
        parts[at] = ""
    elif way == 7:
        parts.insert(at, parts[at])
    elif way == 8:
        parts[at] = parts[int(rng.integers(len(parts)))]
    else:
        letters = list(parts[at] or " ")
        letters[int(rng.integers(len(letters)))] = chr(int(rng.integers(1, 0x250)))
        parts[at] = "".join(letters)
    return "".join(parts).encode("utf-8", "surrogatepass"), f"word {before!r} -> {parts[at][:20]!r}"


def _json(rng: Rng, content: bytes) -> tuple[bytes, str]:
    document = json.loads(content)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, dict | list):
                walk(value)

    holder = [document]
    walk(holder)
    node, key = places[int(rng.integers(min(len(places), 60) if rng.random() < 0.5 else len(places)))]
    way = rng.random()
    if way < 0.15 and node is not holder:
        del node[key]
        said = f"without {key!r}"
    elif way < 0.2:
        node[key] = [node[key]]
        said = f"{key!r} in a list"
    elif way < 0.25:
        deep: Any = node[key]
        for _ in range(900):
            deep = [deep]
        node[key] = deep
        said = f"{key!r} deep in lists"
    else:
        node[key] = NODES[int(rng.integers(len(NODES)))]
        said = f"{key!r} -> {str(node[key])[:20]!r}"
    return json.dumps(holder[0]).encode(), said


def _dicom(rng: Rng, content: bytes) -> tuple[bytes, str]:
    import pydicom
    from pydicom.dataelem import DataElement

    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    elements = [*dataset, *(dataset.file_meta if "file_meta" in vars(dataset) else ())]
    for element in list(elements):
        if element.VR == "SQ":
            elements += [inner for item in element.value for inner in item]
    element = elements[int(rng.integers(len(elements)))]
    way = rng.random()
    if way < 0.25 and element.tag in dataset:
        del dataset[element.tag]
        said = f"without {element.keyword}"
    else:
        raw = _value(rng, element.VR)
        forced = DataElement(element.tag, "UN" if way > 0.95 else element.VR, None, validation_mode=0)
        forced._value = raw
        if element.tag in dataset:
            dataset[element.tag] = forced
        else:
            element._value = raw
        said = f"{element.keyword} -> {str(raw)[:30]!r}"
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=False)
    return out.getvalue(), said


def _value(rng: Rng, kind: str) -> Any:
    numbers: list[Any] = [0, 1, 2, 3, 7, 15, 16, 17, 32, 255, 1000, 65535]
    texts: list[Any] = [
        "",
        "0",
        "-1",
        "1e308",
        "nan",
        "x",
        "1\\2\\3",
        "<script>",
        "../x",
        "é",
        "A" * 64,
        [],
        ["1"] * 40,
    ]
    decimals: list[Any] = ["", "0", "-1", "0\\0", "1e30", "1\\1\\1", "-1\\-1", "1e-20", "1\\0\\0\\0\\1\\0", "0.001"]
    drawn = {"US": numbers, "SS": [0, -1, 1], "UL": [*numbers, 2**32 - 1], "DS": decimals, "IS": ["", "0", "-1", "999"]}
    if kind in ("OB", "OW", "UN"):
        return rng.bytes(int(rng.integers(0, 200)))
    if kind in ("FD", "FL"):
        return [0.0, -1.0, 1e30, float("nan"), [1.0, 2.0]][int(rng.integers(5))]
    if kind == "SQ":
        return []
    choices = drawn.get(kind, texts)
    return choices[int(rng.integers(len(choices)))]


def _gzip(rng: Rng, content: bytes) -> tuple[bytes, str]:
    altered, said = _inner(rng, gzip.decompress(content))
    return gzip.compress(altered, mtime=0), f"inside: {said}"


def _zip(rng: Rng, content: bytes) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as held:
        members = {info.filename: held.read(info) for info in held.infolist() if not info.is_dir()}
    name = sorted(members)[int(rng.integers(len(members)))]
    inside = members.pop(name)
    draw = rng.random()
    called = name
    if draw < 0.1:
        said = "gone"
    elif draw < 0.2:
        called = ["../out", "/tmp/out", "a\\..\\..\\out", "", "x" * 300, "C:out", "a/../../out"][int(rng.integers(7))]
        members[called], said = inside, f"called {called[:20]}"
    else:
        members[name], said = _inner(rng, inside)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as held:
        for member, data in members.items():
            held.writestr(member, data)
    return out.getvalue(), f"{name}: {said}"


def _safetensors(rng: Rng, content: bytes) -> tuple[bytes, str]:
    length = struct.unpack("<Q", content[:8])[0]
    header, weights = content[8 : 8 + length], content[8 + length :]
    outer = json.loads(header)
    meta = outer.get("__metadata__", {})
    nested = [name for name in ("card", "net") if name in meta]
    if nested and rng.random() < 0.7:
        name = nested[int(rng.integers(len(nested)))]
        altered, said = _json(rng, meta[name].encode())
        meta[name] = altered.decode()
        header = json.dumps(outer).encode()
        return struct.pack("<Q", len(header)) + header + weights, f"{name}: {said}"
    if rng.random() < 0.4:
        floats = np.frombuffer(weights[: len(weights) // 2 * 2], "<u2").copy()
        floats[rng.integers(len(floats), size=4)] = [0x7C00, 0x7E00, 0xFC00, 0x7BFF]
        return content[: 8 + length] + floats.tobytes(), "weights that are not finite"
    altered, said = _json(rng, header)
    return struct.pack("<Q", len(altered)) + altered + weights, f"header: {said}"


def _inner(rng: Rng, content: bytes) -> tuple[bytes, str]:
    for knows, alter in _FORMS:
        if knows(content) and rng.random() < 0.7:
            return alter(rng, content)
    return (_words if _is_text(content) else _bytes)(rng, content)


def _is_json(content: bytes) -> bool:
    if content[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


_FORMS: list[tuple[Callable[[bytes], bool], Callable[[Rng, bytes], tuple[bytes, str]]]] = [
    (_is_json, _json),
    (lambda content: content[128:132] == b"DICM" or content[:4] == b"\x08\x00\x05\x00", _dicom),
    (lambda content: content[:2] == b"\x1f\x8b", _gzip),
    (lambda content: content[:4] == b"PK\3\4", _zip),
    (lambda content: content[4:9] == b"\0\0\0\0{" and len(content) > 16, _safetensors),
]
