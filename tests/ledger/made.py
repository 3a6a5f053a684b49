"""Logs written here, for tests: of any size and with a key of the tests' own, and forgeries of real ones as far as their forger likes to go. Plain RFC
6962 and C2SP tlog-tiles; nothing of what is under test."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# How far a forger goes: each also does what stands before it.
DEPTHS = ("entries", "level 0", "all tiles", "checkpoint")
LOG, COSIGNER = 1, 4


@dataclass(frozen=True)
class Signer:
    """A key of a log (type 1) or of a witness (type 4)."""

    name: str
    private: Ed25519PrivateKey
    kind: int = LOG

    @property
    def public(self) -> bytes:
        return bytes([self.kind]) + self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def line(self, text: str, time: int = 1_800_000_000) -> str:
        """A signature line; a witness signs the time too (C2SP tlog-cosignature)."""
        signature = self.private.sign(text.encode())
        if self.kind == COSIGNER:
            signature = time.to_bytes(8, "big") + self.private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        return f"\u2014 {self.name} {base64.b64encode(self.id + signature).decode()}\n"


def signer(name: str, kind: int = LOG) -> Signer:
    """Always the same key for the same name."""
    return Signer(name, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()), kind)


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(hashes[:middle]) + root(hashes[middle:])).digest()


def path(level: int | str, number: int, width: int) -> str:
    """For logs of less than a million tiles a level."""
    digits = f"{number:03}" if number < 1000 else f"x{number // 1000:03}/{number % 1000:03}"
    return f"tile/{level}/{digits}" + ("" if width == 256 else f".p/{width}")


def parts(items: list) -> list[list]:
    return [items[at : at + 256] for at in range(0, len(items), 256)]


def bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def tiles(entries: list[bytes]) -> dict[str, bytes]:
    """Every tile and bundle of a log, by its path."""
    files = {path("entries", number, len(part)): bundle(part) for number, part in enumerate(parts(entries))}
    hashes, level = [leaf_hash(entry) for entry in entries], 0
    while hashes:
        files |= {path(level, number, len(part)): b"".join(part) for number, part in enumerate(parts(hashes))}
        hashes, level = [root(part) for part in parts(hashes) if len(part) == 256], level + 1
    return files


def text(origin: str, entries: list[bytes]) -> str:
    """A checkpoint without signatures."""
    return f"{origin}\n{len(entries)}\n{base64.b64encode(root([leaf_hash(entry) for entry in entries])).decode()}\n"


def write(folder: Path, files: dict[str, bytes]):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def log(folder: Path, entries: list[bytes], by: Signer) -> Path:
    """A sound log."""
    head = text(by.name, entries)
    write(folder, {"checkpoint": f"{head}\n{by.line(head)}".encode(), "log.vkey": f"{by.vkey}\n".encode(), **tiles(entries)})
    return folder


def entries_of(folder: Path) -> list[bytes]:
    """All entries, in order."""
    size = int((folder / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
    found = []
    for number in range(-(-size // 256)):
        data = (folder / path("entries", number, min(256, size - number * 256))).read_bytes()
        while data:
            end = 2 + int.from_bytes(data[:2], "big")
            found.append(data[2:end])
            data = data[end:]
    return found


def forge(folder: Path, entries: list[bytes], depth: str):
    """Puts other entries into a log whose key the forger has not. Unless the checkpoint is forged too, files keep the names that it asks for."""
    before, after = tiles(entries_of(folder)), tiles(entries)
    reached = DEPTHS.index(depth)
    touched = tuple(prefix for prefix, needed in (("tile/entries/", 0), ("tile/0/", 1), ("tile/", 2)) if needed <= reached)
    asked = {name.partition(".p/")[0]: name for name in before} if depth != "checkpoint" else {}
    for name in before:
        if name.startswith(touched):
            (folder / name).unlink()
    write(folder, {asked.get(name.partition(".p/")[0], name): data for name, data in after.items() if name.startswith(touched)})
    if depth == "checkpoint":
        checkpoint = (folder / "checkpoint").read_text(encoding="utf-8")
        origin, signatures = checkpoint.split("\n")[0], checkpoint.partition("\n\n")[2]
        (folder / "checkpoint").write_text(f"{text(origin, entries)}\n{signatures}", encoding="utf-8")
