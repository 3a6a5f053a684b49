"""Every byte of a ledger changed, one at a time: each change is refused by verifiers of others. What no signature covers, and why, is said here."""

from pathlib import Path

import made
from verifiers import go_flips, sigstore_flips

WITNESS = made.signer("witness.example/w1", made.COSIGNER)


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in [folder / "checkpoint", *(folder / "tile").rglob("*")] if path.is_file())


# === The whole ledger: nothing is left uncovered ===


def test_go_refuses_every_bit_of_a_small_ledger(small):
    assert go_flips(8, "-dir", small.folder, "-vkey", small.vkey) == (8 * bytes_of(small.folder), [])


def test_go_refuses_every_byte_of_a_ledger_of_several_tiles(earlier):
    assert len(made.entries_of(earlier.folder)) > 256
    assert go_flips(1, "-dir", earlier.folder, "-vkey", earlier.vkey) == (bytes_of(earlier.folder), [])


def test_sigstore_refuses_every_byte_of_a_small_ledger(small):
    assert sigstore_flips(small.folder, small.vkey) == (bytes_of(small.folder), [])


# === A proof ===


def test_go_refuses_every_bit_of_a_proof(small, tmp_path):
    """But for the line `extra`, which authenticates nothing when the entry is given (C2SP tlog-proof: it must not be trusted)."""
    proof = tmp_path / "decision.tlog-proof"
    proof.write_text(small.proof(small.decisions[5]), encoding="utf-8")
    data = proof.read_bytes()
    start = data.find(b"\nextra ") + 1
    extra = range(start, data.index(b"\n", start)) if start else range(0)
    index = next(line for line in data.decode().splitlines() if line.startswith("index ")).removeprefix("index ")
    leaf = tmp_path / "leaf"
    leaf.write_bytes(made.entries_of(small.folder)[int(index)])
    tried, accepted = go_flips(8, "-vkey", small.vkey, "-proof", proof, "-leaf", leaf)
    assert tried == 8 * len(data)
    assert [offset for _, offset in accepted if offset not in extra] == []


# === Signatures of others ===


def cosigned(folder: Path) -> tuple[bytes, range]:
    """Adds a witness's signature to the checkpoint; where it stands."""
    path = folder / "checkpoint"
    before = path.read_bytes()
    text = before.decode().partition("\n\n")[0] + "\n"
    path.write_bytes(before + WITNESS.line(text).encode())
    return path.read_bytes(), range(len(before), path.stat().st_size)


def test_only_the_line_of_an_unknown_witness_can_be_changed(small, tmp_path):
    """A verifier must pass over signatures of keys that it does not know (C2SP signed-note), so whoever holds the file can add, change or drop
    such a line. It changes nothing that is believed: neither the text nor the log's own signature."""
    folder = small.copy(tmp_path)
    data, line = cosigned(folder)
    tried, accepted = go_flips(1, "-dir", folder, "-vkey", small.vkey)
    assert tried == bytes_of(folder)
    assert accepted and {name for name, _ in accepted} == {"checkpoint"}
    assert [data[offset : offset + 1] for _, offset in accepted if offset not in line] == []


def test_under_a_policy_the_witness_is_known_and_nothing_can_be_changed(small, tmp_path):
    folder = small.copy(tmp_path)
    cosigned(folder)
    policy = tmp_path / "policy"
    policy.write_text(f"log {small.vkey}\nwitness W {WITNESS.vkey}\ngroup friends 1 W\nquorum friends\n", encoding="utf-8")
    assert go_flips(8, "-dir", folder, "-policy", policy) == (8 * bytes_of(folder), [])
