"""An exported ledger of a real gateway: verifiers of others accept it as it is, and refuse it however it was tampered with."""

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import made
import verify_sigstore
from verifiers import assert_accepted, assert_refused, go, sigstore


# === As it is ===


def test_both_accept_every_entry_and_every_tile(exported):
    assert_accepted(exported.folder, exported.vkey)


def test_the_ledger_holds_two_leaves_for_each_call(exported):
    assert len(made.entries_of(exported.folder)) >= 2 * len(exported.decisions) > 256


def test_the_python_verifier_is_a_command_too():
    done = subprocess.run([sys.executable, verify_sigstore.__file__, "no-such-folder"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("refused: ")) == (1, True), done.stderr


def test_one_entry_at_a_time(exported):
    size = len(made.entries_of(exported.folder))
    for index in (0, 255, 256, size - 1):
        assert sigstore(exported.folder, "--index", index).accepted
    assert not sigstore(exported.folder, "--index", size).accepted


def test_the_later_export_begins_with_the_earlier_one(earlier, exported):
    assert go("-dir", exported.folder, "-old", earlier.folder / "checkpoint").accepted
    said = go("-dir", earlier.folder, "-old", exported.folder / "checkpoint")
    assert not said.accepted and "the log only" in said.said


def test_a_proof_is_checked_with_the_folder_and_without(exported, tmp_path):
    for number in (0, len(exported.decisions) - 1):
        file = tmp_path / "decision.tlog-proof"
        file.write_text(exported.proof(exported.decisions[number]), encoding="utf-8")
        assert go("-dir", exported.folder, "-proof", file).accepted
        assert go("-vkey", exported.vkey, "-proof", file, "-leaf", leaf_of(file, exported.folder, tmp_path)).accepted


def test_a_proof_is_of_one_entry_only(exported, tmp_path):
    file = tmp_path / "decision.tlog-proof"
    file.write_text(exported.proof(exported.decisions[3]), encoding="utf-8")
    other = tmp_path / "other"
    other.write_bytes(made.entries_of(exported.folder)[0])
    assert not go("-vkey", exported.vkey, "-proof", file, "-leaf", other).accepted
    stranger = made.signer("stranger.example/log").vkey
    assert not go("-vkey", stranger, "-proof", file, "-leaf", leaf_of(file, exported.folder, tmp_path)).accepted


def leaf_of(proof: Path, folder: Path, place: Path) -> Path:
    """The entry that a proof is about, as a file."""
    index = next(line for line in proof.read_text(encoding="utf-8").splitlines() if line.startswith("index "))
    leaf = place / "leaf"
    leaf.write_bytes(made.entries_of(folder)[int(index.removeprefix("index "))])
    return leaf


# === Other entries ===


def changed(entries: list[bytes]):
    entries[100] = entries[100][:-1] + b"!"


def dropped_first(entries: list[bytes]):
    del entries[0]


def dropped_last(entries: list[bytes]):
    del entries[-1]


def dropped_within(entries: list[bytes]):
    del entries[257]


def inserted(entries: list[bytes]):
    entries.insert(40, b"never decided")


def appended(entries: list[bytes]):
    entries.append(b"never decided")


def swapped(entries: list[bytes]):
    entries[7], entries[8] = entries[8], entries[7]


def swapped_between_tiles(entries: list[bytes]):
    entries[0], entries[256] = entries[256], entries[0]


def doubled(entries: list[bytes]):
    entries[-1] = entries[-2]


def cut_in_two(entries: list[bytes]):
    entries[50:51] = [entries[50][:20], entries[50][20:]]


def emptied(entries: list[bytes]):
    entries.clear()


FORGERIES = [changed, dropped_first, dropped_last, dropped_within, inserted, appended, swapped, swapped_between_tiles, doubled, cut_in_two, emptied]


# "level 0" with one changed entry is the forgery that readers of tiles believed (CVE-2026-56865).
@pytest.mark.parametrize("depth", made.DEPTHS)
@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
def test_other_entries_are_refused_however_far_the_forger_goes(exported, tampered, forgery, depth):
    entries = made.entries_of(tampered)
    forgery(entries)
    made.forge(tampered, entries, depth)
    assert_refused(tampered, exported.vkey)


# === Other files ===


def all_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "tile").rglob("*") if path.is_file())


def remove_one_after_another(folder: Path):
    for path in [folder / "checkpoint", *all_files(folder)]:
        data = path.read_bytes()
        path.unlink()
        yield path.name
        path.write_bytes(data)


def shorten_one_after_another(folder: Path):
    for path in [folder / "checkpoint", *all_files(folder)]:
        data = path.read_bytes()
        for less in (1, 32, len(data) // 2, len(data)):
            path.write_bytes(data[: len(data) - less])
            yield f"{path.name} less {less}"
        path.write_bytes(data)


def lengthen_one_after_another(folder: Path):
    for path in [folder / "checkpoint", *all_files(folder)]:
        data = path.read_bytes()
        for more in (b"\0", b"\n", bytes(32), data):
            path.write_bytes(data + more)
            yield f"{path.name} and {len(more)}"
        path.write_bytes(data)


def exchange_bundles(folder: Path):
    first, second = [path for path in all_files(folder) if "entries" in path.parts][:2]
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    yield "bundles"


def add_files(folder: Path):
    full = (folder / made.path(0, 0, 256)).read_bytes()
    names = [made.path(0, 5, 256), made.path("entries", 5, 256), made.path(0, 0, 256) + ".p/256", made.path(2, 0, 1), made.path(9, 0, 1)]
    names += ["tile/0/0", "tile/00/000", "tile/0/000.p/0", "tile/0/000.p/07", "tile/0/x000/000", "tile/readme", "tile/entries/000.p/3", "tile/0/000.p/3"]
    for name in names:
        added = folder / name
        if added.parent.is_file():
            continue
        added.parent.mkdir(parents=True, exist_ok=True)
        added.write_bytes(full[:32] if made.path(2, 0, 1) in name else full)
        yield name
        added.unlink()


TAMPERINGS = [remove_one_after_another, shorten_one_after_another, lengthen_one_after_another, exchange_bundles, add_files]


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.__name__)
def test_files_that_lack_or_are_other_or_too_many_are_refused(exported, tampered, tampering):
    tried = 0
    for _name in tampering(tampered):
        assert_refused(tampered, exported.vkey)
        tried += 1
    assert tried > 0


def test_partial_tiles_of_an_earlier_checkpoint_may_stay_if_they_are_beginnings(earlier, exported, tampered):
    """C2SP tlog-tiles lets a log keep them; a folder that is exported to again and again has them."""
    kept = [path for path in all_files(earlier.folder) if ".p" in str(path)]
    for path in kept:
        target = tampered / path.relative_to(earlier.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    assert kept
    assert_accepted(tampered, exported.vkey)
    target = tampered / kept[0].relative_to(earlier.folder)
    target.write_bytes(target.read_bytes()[:-1] + b"!")
    assert_refused(tampered, exported.vkey)


# === Other checkpoints ===


def parts_of(folder: Path) -> tuple[str, str, str, str]:
    """Origin, size, root and signature lines."""
    text, _, signatures = (folder / "checkpoint").read_text(encoding="utf-8").partition("\n\n")
    origin, size, root = text.split("\n")
    return origin, size, root, signatures


def put(folder: Path, origin: str, size: str, root: str, signatures: str):
    (folder / "checkpoint").write_text(f"{origin}\n{size}\n{root}\n\n{signatures}", encoding="utf-8")


def other_size(origin, size, root, signatures):
    yield from ((origin, other, root, signatures) for other in (str(int(size) - 1), str(int(size) + 1), "0", "0" + size, "-" + size, "+" + size, ""))


def other_root(origin, size, root, signatures):
    yield from ((origin, size, base64.b64encode(other).decode(), signatures) for other in (bytes(32), b"", bytes(33)))
    yield origin, size, root.rstrip("="), signatures


def other_origin(origin, size, root, signatures):
    yield from ((other, size, root, signatures) for other in (origin + "2", origin.upper() + "/", "", "stranger.example/log"))
    yield origin + "2", size, root, signatures.replace(origin, origin + "2")


def other_signature(origin, size, root, signatures):
    name, signature = signatures.splitlines()[0].removeprefix("\u2014 ").split(" ")
    raw = base64.b64decode(signature)
    for other in (raw[:4] + bytes(64), bytes(4) + raw[4:], raw[:-1], raw + b"\0", raw[:4]):
        yield origin, size, root, f"\u2014 {name} {base64.b64encode(other).decode()}\n"
    yield from ((origin, size, root, other) for other in ("", signatures.rstrip("\n"), signatures.replace("\u2014", "-")))


def signed_by_a_stranger(origin, size, root, signatures):
    for name in (origin, "stranger.example/log"):
        text = f"{name}\n{size}\n{root}\n"
        yield name, size, root, made.signer(name).line(text)


def more_lines(origin, size, root, signatures):
    yield origin, size, f"{root}\nmore", signatures
    yield origin, size, f"{root}\n", signatures
    yield origin, size, root, f"junk\n{signatures}"


CHECKPOINTS = [other_size, other_root, other_origin, other_signature, signed_by_a_stranger, more_lines]


@pytest.mark.parametrize("others", CHECKPOINTS, ids=lambda others: others.__name__)
def test_other_checkpoints_are_refused(exported, tampered, others):
    sound = parts_of(tampered)
    put(tampered, *sound)
    assert_accepted(tampered, exported.vkey)
    for parts in others(*sound):
        put(tampered, *parts)
        assert_refused(tampered, exported.vkey)


def test_the_checkpoint_of_another_ledger_is_refused(exported, small, tampered):
    shutil.copyfile(small.folder / "checkpoint", tampered / "checkpoint")
    assert_refused(tampered, exported.vkey)
    assert_refused(tampered, small.vkey)


def test_an_earlier_checkpoint_does_not_cover_later_entries(earlier, exported, tampered):
    shutil.copyfile(earlier.folder / "checkpoint", tampered / "checkpoint")
    assert_refused(tampered, exported.vkey)


def test_a_key_whose_id_is_not_its_own_is_refused(exported):
    name, key_id, key = exported.vkey.split("+", 2)
    assert_refused(exported.folder, f"{name}+{int(key_id, 16) ^ 1:08x}+{key}")
    assert_refused(exported.folder, f"{name}2+{key_id}+{key}")
