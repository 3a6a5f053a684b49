"""Verifies an exported ledger (C2SP tlog-tiles, tlog-checkpoint) with Python's sigstore, and no code of Comity. Checkpoints are parsed and inclusion
proofs are checked by sigstore (private modules of it: the version is pinned), signatures by `cryptography`; what reads tiles and builds proofs from them
is here, plain RFC 6962. It must never believe a tile: with --all every one is compared with hashes computed from the entries.

    python verify_sigstore.py DIR [--all | --index N] [--vkey KEY]

Exit code 0: all of it holds. 1: refused, with one line that says why. 2: called wrongly."""

import argparse
import base64
import binascii
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote
from sigstore.errors import VerificationError

WIDTH = 256
HASH_BYTES = 32
ED25519 = 1


class Refused(Exception):
    """What does not hold, in one line."""


class Folder(Mapping):
    """The files of a log by their paths in it, with `/`: the checkpoint, and what is below tile/."""

    def __init__(self, path: Path):
        self.path = path

    def __getitem__(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        yield "checkpoint"
        yield from (file.relative_to(self.path).as_posix() for file in sorted((self.path / "tile").rglob("*")) if not file.is_dir())

    def __len__(self) -> int:
        return sum(1 for _ in self)


# === Checkpoints ===


@dataclass(frozen=True)
class Key:
    """A log's verifier key (C2SP signed-note): name, key id, Ed25519."""

    name: str
    id: bytes
    public: Ed25519PublicKey

    @classmethod
    def parse(cls, vkey: str) -> "Key":
        name, plus, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not name or not plus or len(key) != 1 + HASH_BYTES or key[0] != ED25519:
            raise Refused(f"`{vkey}` is no Ed25519 verifier key of a log")
        computed = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        if computed.hex() != key_id:
            raise Refused(f"the key id `{key_id}` is not that of its name and key, `{computed.hex()}`")
        return cls(name, computed, Ed25519PublicKey.from_public_bytes(key[1:]))


@dataclass(frozen=True)
class Head:
    """What a signed checkpoint says."""

    origin: str
    size: int
    root: bytes


def open_checkpoint(message: bytes, key: Key) -> Head:
    """What the checkpoint says, once its log has signed it."""
    try:
        text = message.decode("utf-8")
        note = SignedNote.from_text(text)
        head = LogCheckpoint.from_text(note.note)
        root = bytes.fromhex(head.log_hash)
    except (UnicodeDecodeError, VerificationError, ValueError) as error:
        raise Refused(f"checkpoint: {error}") from None
    # sigstore passes over lines and letters that it does not understand: whatever it has not read must not be there.
    lines = "".join(f"\u2014 {s.name} {base64.b64encode(s.sig_hash + base64.b64decode(s.signature)).decode()}\n" for s in note.signatures)
    if f"{note.note}\n{lines}" != text:
        raise Refused("checkpoint: it is not as a signed note is written")
    written = [head.origin, str(head.log_size), base64.b64encode(root).decode(), *head.other_content, ""]
    if note.note != "\n".join(written) or len(root) != HASH_BYTES or head.log_size < 0:
        raise Refused("checkpoint: its text is not as a checkpoint is written")
    if head.origin != key.name:
        raise Refused(f"checkpoint: it is of the log `{head.origin}`, the key of `{key.name}`")
    check_signature(note, key)
    return Head(head.origin, head.log_size, root)


def check_signature(note: SignedNote, key: Key):
    """Signatures of other names or key ids are others' (C2SP signed-note); there must be one of this key, and none of it may be wrong."""
    ours = [base64.b64decode(signature.signature) for signature in note.signatures if (signature.name, signature.sig_hash) == (key.name, key.id)]
    if not ours:
        raise Refused(f"checkpoint: no signature of `{key.name}` with key id `{key.id.hex()}`")
    for signature in ours:
        try:
            key.public.verify(signature, note.note.encode())
        except InvalidSignature:
            raise Refused(f"checkpoint: the signature of `{key.name}` is wrong") from None


# === Tiles ===


def tile_path(level: int | str, number: int, width: int) -> str:
    """`tile/<level>/x001/x234/067`, with `.p/<width>` if it is partial."""
    digits = f"{number:03}" if number < 1000 else f"{number:0{(len(str(number)) + 2) // 3 * 3}}"
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["x" + part for part in parts[:-1]] + parts[-1:])
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")


def tile_width(size: int, level: int, number: int) -> int:
    """How many hashes a tile has in a tree of this size: 0 if it is not there."""
    return max(0, min(WIDTH, (size >> 8 * level) - number * WIDTH))


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Log:
    """A log's entries and tiles, as they are served: nothing of it is to be believed before it was checked."""

    def __init__(self, files: Mapping, head: Head):
        self.files = files
        self.head = head
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.edges: dict[tuple[int, int], bytes] = {}
        self.bundles: dict[int, list[bytes]] = {}

    def file(self, name: str) -> bytes:
        try:
            return self.files[name]
        except KeyError:
            raise Refused(f"{name} is missing") from None

    def entry(self, index: int) -> bytes:
        number, at = divmod(index, WIDTH)
        if number not in self.bundles:
            self.bundles = {number: self.bundle(number)}
        return self.bundles[number][at]

    def bundle(self, number: int) -> list[bytes]:
        """The entries of a bundle: each has its length before it, as two bytes, big-endian."""
        width = tile_width(self.head.size, 0, number)
        name = tile_path("entries", number, width)
        data, entries, at = self.file(name), [], 0
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if at + 2 > len(data) or end > len(data):
                raise Refused(f"{name} ends within an entry")
            entries.append(data[at + 2 : end])
            at = end
        if len(entries) != width:
            raise Refused(f"{name} has {len(entries)} entries instead of {width}")
        return entries

    def node(self, level: int, number: int) -> bytes:
        """The hash of the complete subtree over the entries `number << level` to `(number + 1) << level`, from the served tiles."""
        if (level, number) not in self.nodes:
            if level % 8:
                self.nodes[level, number] = node_hash(self.node(level - 1, 2 * number), self.node(level - 1, 2 * number + 1))
            else:
                self.read_tile(level // 8, number // WIDTH)
        return self.nodes[level, number]

    def read_tile(self, level: int, number: int):
        width = tile_width(self.head.size, level, number)
        name = tile_path(level, number, width)
        data = self.file(name)
        if len(data) != width * HASH_BYTES:
            raise Refused(f"{name} has {len(data)} bytes instead of {width * HASH_BYTES}")
        for at in range(width):
            self.nodes[8 * level, number * WIDTH + at] = data[at * HASH_BYTES : (at + 1) * HASH_BYTES]

    def subtree(self, first: int, end: int) -> bytes:
        """MTH of RFC 6962, section 2.1, of the entries first to end."""
        count = end - first
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self.node(level, first >> level)
        middle = first + (1 << (count - 1).bit_length() - 1)
        if (first, end) not in self.edges:
            self.edges[first, end] = node_hash(self.subtree(first, middle), self.subtree(middle, end))
        return self.edges[first, end]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """PATH of RFC 6962, section 2.1.1: the entry's sibling first."""
        path, first, end = [], 0, self.head.size
        while end - first > 1:
            middle = first + (1 << (end - first - 1).bit_length() - 1)
            if index < middle:
                path.append(self.subtree(middle, end))
                end = middle
            else:
                path.append(self.subtree(first, middle))
                first = middle
        return path[::-1]


# === What is checked ===


def check_inclusion(log: Log, index: int):
    """One entry, by a proof made from the served tiles; whether it leads to the signed root says sigstore."""
    if not 0 <= index < log.head.size:
        raise Refused(f"there is no entry {index} in a log of {log.head.size}")
    proof = SimpleNamespace(log_index=index, tree_size=log.head.size, hashes=log.inclusion_proof(index), root_hash=log.head.root)
    entry = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=log.entry(index)))
    try:
        verify_merkle_inclusion(entry)
    except VerificationError:
        raise Refused(f"entry {index} does not lead to the signed root") from None


def check_tiles(log: Log):
    """Every file below tile/: each that the size demands is there and holds the hashes that the entries lead to, and no other is there but partial
    ones of earlier checkpoints, which must be beginnings of the present ones."""
    size = log.head.size
    bundles = [log.bundle(number) for number in range(-(-size // WIDTH))]
    expected = {tile_path("entries", number, len(bundle)): written(bundle) for number, bundle in enumerate(bundles)}
    hashes, level = [leaf_hash(entry) for bundle in bundles for entry in bundle], 0
    while hashes:
        for number in range(-(-len(hashes) // WIDTH)):
            part = hashes[number * WIDTH : (number + 1) * WIDTH]
            expected[tile_path(level, number, len(part))] = b"".join(part)
        full = range(len(hashes) // WIDTH)
        hashes, level = [root_of(hashes[number * WIDTH : (number + 1) * WIDTH]) for number in full], level + 1
    for name, data in expected.items():
        if log.file(name) != data:
            raise Refused(f"{name} does not hold what its entries lead to")
    for name in log.files:
        if name not in expected and name != "checkpoint" and log.file(name) != earlier(name, expected, bundles):
            raise Refused(f"{name} belongs to no tree of {size} entries")


def written(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def earlier(name: str, expected: dict[str, bytes], bundles: list[list[bytes]]) -> bytes | None:
    """What the partial tile or bundle of an earlier checkpoint must hold; None: there was none of this name."""
    place, _, width = name.partition(".p/")
    present = [other for other in expected if other.partition(".p/")[0] == place]
    if not present or not width.isdecimal() or str(int(width)) != width or not 0 < int(width) < WIDTH:
        return None
    data = expected[present[0]]
    if not place.startswith("tile/entries/"):
        return data[: int(width) * HASH_BYTES] if int(width) * HASH_BYTES < len(data) else None
    entries = bundles[int(place.removeprefix("tile/entries/").replace("x", "").replace("/", ""))]
    return written(entries[: int(width)]) if int(width) < len(entries) else None


def root_of(hashes: list[bytes]) -> bytes:
    """MTH of a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def check_all(files: Mapping, key: Key) -> Head:
    """The checkpoint, every entry and every tile."""
    head = open_checkpoint(file_of(files, "checkpoint"), key)
    if head.size == 0 and head.root != hashlib.sha256().digest():
        raise Refused("the root of no entries is another")
    log = Log(files, head)
    for index in range(head.size):
        check_inclusion(log, index)
    check_tiles(log)
    return head


def file_of(files: Mapping, name: str) -> bytes:
    if name not in files:
        raise Refused(f"{name} is missing")
    return files[name]


# === The command ===


def verify(arguments: argparse.Namespace) -> str:
    files = Folder(arguments.dir)
    vkey = arguments.vkey or (arguments.dir / "log.vkey").read_text(encoding="utf-8").removesuffix("\n")
    key = Key.parse(vkey)
    if arguments.all:
        head = check_all(files, key)
        return f"ok: {head.size} entries of {head.origin}, each with its proof, and all tiles lead to the signed root"
    head = open_checkpoint(file_of(files, "checkpoint"), key)
    if arguments.index is None:
        return f"ok: {head.origin} has signed a root of {head.size} entries"
    check_inclusion(Log(files, head), arguments.index)
    return f"ok: entry {arguments.index} leads to the root of {head.size} entries that {head.origin} has signed"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an exported ledger with sigstore.")
    parser.add_argument("dir", type=Path, help="folder of the exported log")
    parser.add_argument("--vkey", help="the log's verifier key; without it the one in DIR/log.vkey")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every entry and every tile")
    which.add_argument("--index", type=int, help="one entry")
    try:
        print(verify(parser.parse_args(arguments)))
    except (Refused, OSError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
