"""How a sound file is damaged: by bytes, by words, and by what its format is made of."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import yaml

Mutate = Callable[[random.Random, bytes], bytes]

# What a file says in the place of a number, a name or a word. Those that lead out are looked for by `running.Bench`.
NUMBERS = (
    *("1e400", "-1e400", "nan", "inf", "-inf", "-1", "0", "-0", "0.5", "1e30", "-1e30", "1e-320", "1e300"),
    *("2147483648", "9223372036854775808", "1" + "0" * 30, "1" + "0" * 400, "9" * 5000),
    *("0x_", "0x10", "1_000", "1,5", "+", "-", "."),
)
SIGNS = (
    *("", "''", '""', "'", '"', "'\"", "#", "%", "null", "None", "true", "[]", "{}", "~", "*a", "&a", "!!int x", "="),
    *("<<", "\0", "\x1b[2J", "\x7f", "\x85", "\u2028", "\ufeff", "ä", "\U0001f600", "a b", "a\tb", "a\nb"),
    *("x" * 300, "x" * 5000, "[" * 600, '{"a":' * 600, "- " * 600, "[" * 100_000, "2021-99-99", "12:30:99"),
)
PLACES = (
    *("../../../ESCAPED", "/ESCAPED", "..\\ESCAPED", "a/../../../ESCAPED", ".", "..", "~/x"),
    *("000000@x", "3@", "@", "1@../../../ESCAPED", "data_", "loop_", "_rlnCoordinateX", "_rlnMicrographName #9"),
)
WORDS = (*NUMBERS, *SIGNS, *PLACES)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.5, 10**30, 10**400, 2**31, 2**63, 1e300, 1e-320, float("inf"), float("nan")),
    *("", "x", "x" * 5000, "../../../ESCAPED", "a\nb", "\0", "\x1b", "1e400", [], {}, [[]], [1, 2], {"a": 1}),
    *({"": None}, [[[[[[[[[[[[]]]]]]]]]]]], [0] * 1000, {str(i): i for i in range(300)}, ["x" * 300] * 50),
)
_TYPES = ("i1", "u8", "f2", "c16", "?", "S3", "U5", "(2,)f4", "(0,)f4", "(1,2)i4", "V4", "M8[s]", "S0", "3i8")
_TOKEN = re.compile(rb"[^\s,:;=#\"'\[\]{}]+")


def word(rng: random.Random) -> bytes:
    """A word that no sound file has in this place."""
    return rng.choice(WORDS).encode("utf-8", "surrogatepass")


# ---------------------------------------------------------------- of any file


def flip(rng: random.Random, raw: bytes) -> bytes:
    """Other bytes in a few places, most of them near the beginning, where headers are."""
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if changed:
            changed[rng.randrange(min(len(changed), rng.choice((64, 1024, len(changed)))))] = rng.randrange(256)
    return bytes(changed)


def cut(rng: random.Random, raw: bytes) -> bytes:
    """The first part only."""
    return raw[: rng.randrange(len(raw) + 1)]


def insert(rng: random.Random, raw: bytes) -> bytes:
    """Something between."""
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice((word(rng), rng.randbytes(rng.choice((1, 4, 100))))) + raw[at:]


def block(rng: random.Random, raw: bytes) -> bytes:
    """A part twice, left out, as zeros, or somewhere else."""
    a, b = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
    at, part = rng.randrange(len(raw) + 1), raw[a:b]
    return rng.choice(
        (raw[:b] + raw[a:], raw[:a] + raw[b:], raw[:a] + bytes(b - a) + raw[b:], raw[:at] + part + raw[at:])
    )


def numbers(rng: random.Random, raw: bytes) -> bytes:
    """Another whole or real number of 2, 4 or 8 bytes, as headers have them."""
    kind = rng.choice(("<H", ">H", "<i", ">i", "<q", ">q", "<f", ">f", "<d", ">d"))
    value = rng.choice((0, 1, -1, 7, 2**15, 2**31 - 1, 2**40, 2**62))
    bits = 8 * struct.calcsize(kind)
    new = (
        struct.pack(kind, rng.choice((float("nan"), float("inf"), -1.0, 1e30, 1e-38)))
        if kind[1] in "fd"
        else (value & (1 << bits) - 1).to_bytes(bits // 8, "little" if kind[0] == "<" else "big")
    )
    at = rng.randrange(0, max(1, min(len(raw), 1024)), 2)
    return raw[:at] + new + raw[at + len(new) :]


BYTES: tuple[Mutate, ...] = (flip, cut, insert, block, numbers)


# ---------------------------------------------------------------- of text


def token(rng: random.Random, raw: bytes) -> bytes:
    """Other words in a few places."""
    for _ in range(rng.choice((1, 1, 1, 3))):
        found = list(_TOKEN.finditer(raw))
        if found:
            one = rng.choice(found)
            raw = raw[: one.start()] + word(rng) + raw[one.end() :]
    return raw


def swap(rng: random.Random, raw: bytes) -> bytes:
    """Two words in each other's place."""
    found = list(_TOKEN.finditer(raw))
    if len(found) < 2:
        return raw
    a, b = sorted(rng.sample(found, 2), key=lambda one: one.start())
    return raw[: a.start()] + b[0] + raw[a.end() : b.start()] + a[0] + raw[b.end() :]


def lines(rng: random.Random, raw: bytes) -> bytes:
    """Lines twice, left out, joined, or in another order."""
    parts = raw.splitlines(keepends=True)
    if not parts:
        return raw
    at, to = rng.randrange(len(parts)), rng.randrange(len(parts))
    one = parts[at]
    kind = rng.randrange(5)
    if kind == 0:
        parts[to:to] = [one] * rng.choice((1, 3, 100))
    elif kind == 1:
        del parts[at]
    elif kind == 2:
        parts[at] = one.rstrip(b"\r\n") + rng.choice((b"", b" ", b"\t", b","))
    elif kind == 3:
        parts.insert(to, parts.pop(at))
    else:
        parts[at] = rng.choice((b"\n", b"#" + one, one.upper(), one.rstrip() + b" " + word(rng) + b"\n"))
    return b"".join(parts)


def encoding(rng: random.Random, raw: bytes) -> bytes:
    """The same text in another encoding, or with other ends of lines."""
    text = raw.decode("utf-8", "replace")
    ends = raw.replace(b"\n", b"\r\n"), raw.replace(b"\n", b"\r")
    return rng.choice((text.encode("utf-16"), b"\xef\xbb\xbf" + raw, *ends))


TEXT: tuple[Mutate, ...] = (token, token, token, swap, lines, lines, encoding, *BYTES)


# ---------------------------------------------------------------- of trees


def changed(rng: random.Random, tree: Any) -> Any:
    """A tree of lists and maps with one of its values or names replaced, left out, or nested."""
    if isinstance(tree, dict) and tree and rng.random() < 0.85:
        name = rng.choice(list(tree))
        if rng.random() < 0.15:
            return {key: value for key, value in tree.items() if key != name}
        if rng.random() < 0.15:
            return {(rng.choice(WORDS) if key == name else key): value for key, value in tree.items()}
        return tree | {name: changed(rng, tree[name])}
    if isinstance(tree, list) and tree and rng.random() < 0.85:
        at = rng.randrange(len(tree))
        return [*tree[:at], changed(rng, tree[at]), *tree[at + 1 :]]
    return rng.choice(VALUES)


def json_tree(rng: random.Random, raw: bytes) -> bytes:
    """JSON with another node; not a number and infinity as Python writes them."""
    return json.dumps(changed(rng, json.loads(raw)), ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def yaml_tree(rng: random.Random, raw: bytes) -> bytes:
    """YAML with another node."""
    tree = changed(rng, yaml.safe_load(raw))
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode("utf-8", "replace")


JSON: tuple[Mutate, ...] = (json_tree, json_tree, json_tree, *TEXT)
YAML: tuple[Mutate, ...] = (yaml_tree, yaml_tree, yaml_tree, *TEXT)


# ---------------------------------------------------------------- of formats


def safetensors_header(rng: random.Random, raw: bytes) -> bytes:
    """A safetensors file with another node in its header, or in the card that the header carries."""
    size = int.from_bytes(raw[:8], "little")
    head, tensors = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    if rng.random() < 0.6:
        (key, card), *_ = head["__metadata__"].items()
        head["__metadata__"][key] = json.dumps(changed(rng, json.loads(card)))
    else:
        head = changed(rng, head)
    words = json.dumps(head).encode()
    return len(words).to_bytes(8, "little") + words + tensors


def numpy_fields(rng: random.Random, raw: bytes) -> bytes:
    """A structured array with another type, shape or name of a field, or other values in it."""
    table = np.load(io.BytesIO(raw))
    columns = {field: table[field] for field in table.dtype.names}
    name, kind = rng.choice(list(columns)), rng.randrange(5)
    if kind == 0:
        del columns[name]
    elif kind == 1:
        columns[name] = np.zeros(len(table), [("x", rng.choice(_TYPES))])["x"]
    elif kind == 2:
        odd = np.resize(np.array([np.nan, np.inf, -1, 1e30, 0]), columns[name].shape)
        with np.errstate(invalid="ignore", over="ignore"):
            columns[name] = odd.astype(columns[name].dtype)
    elif kind == 3:
        columns[rng.choice(WORDS)[:50] or "x"] = columns.pop(name)
    else:
        columns = {field: column[: rng.randrange(2)] for field, column in columns.items()}
    rows = min(map(len, columns.values()), default=0)
    made = np.zeros(rows, [(field, column.dtype, column.shape[1:]) for field, column in columns.items()])
    for field, column in columns.items():
        made[field] = column[:rows]
    return _saved(made)


def _saved(table: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, table)
    return stream.getvalue()


def png_header(rng: random.Random, raw: bytes) -> bytes:
    """A PNG whose header asks for another size or kind, with the right checksum."""
    head = bytearray(raw[12:29])
    at = rng.choice((4, 8))
    if rng.random() < 0.7:
        head[at : at + 4] = rng.choice((0, 1, 17, 30_000, 2**31 - 1, 2**32 - 1)).to_bytes(4, "big")
    else:
        head[rng.randrange(12, 17)] = rng.randrange(256)
    return raw[:12] + bytes(head) + zlib.crc32(head).to_bytes(4, "big") + raw[33:]


def inside(mutations: tuple[Mutate, ...], unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]) -> Mutate:
    """Damage to what a compressed file holds."""
    return lambda rng, raw: pack(rng.choice(mutations)(rng, unpack(raw)))


def zip_member(rng: random.Random, raw: bytes) -> bytes:
    """A zip file with damage in one of its members, and the right checksum."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(stream, "w") as after:
        members = before.namelist()
        # Most of what matters is in the first one, a pickle.
        hit = members[0] if rng.random() < 0.7 else rng.choice(members)
        for name in members:
            content = before.read(name)
            after.writestr(name, rng.choice((flip, cut, block, token))(rng, content) if name == hit else content)
    return stream.getvalue()


SAFETENSORS: tuple[Mutate, ...] = (safetensors_header, safetensors_header, safetensors_header, *BYTES)
NUMPY: tuple[Mutate, ...] = (numpy_fields, numpy_fields, numpy_fields, *BYTES)
PNG: tuple[Mutate, ...] = (png_header, *BYTES)
GZIP: tuple[Mutate, ...] = (inside(BYTES, gzip.decompress, gzip.compress), *BYTES)
BZIP: tuple[Mutate, ...] = (inside(BYTES, bz2.decompress, bz2.compress), *BYTES)
ZIP: tuple[Mutate, ...] = (zip_member, zip_member, *BYTES)
