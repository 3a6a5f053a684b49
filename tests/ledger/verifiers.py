"""The two verifiers of others, each as a function from what it is given to its verdict. Nothing here knows what a log is."""

import contextlib
import io
import os
import re
import subprocess
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import verify_sigstore

GO = os.environ.get("COMITY_GO_VERIFIER", "verify")


@dataclass(frozen=True)
class Verdict:
    """Accepted, or refused with one line that says why."""

    accepted: bool
    said: str


def go(*arguments: str | Path) -> Verdict:
    """verify.go, compiled."""
    done = subprocess.run([GO, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return verdict(done.returncode, done.stdout, done.stderr)


def sigstore(*arguments: str | Path) -> Verdict:
    """verify_sigstore.py, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = verify_sigstore.main([str(argument) for argument in arguments])
    return verdict(code, out.getvalue(), err.getvalue())


def verdict(code: int, out: str, err: str) -> Verdict:
    if code == 0:
        assert out.startswith("ok: ") and not err
        return Verdict(True, out.strip())
    assert err.startswith("refused: ") and err.count("\n") == 1, err
    return Verdict(False, err.removeprefix("refused: ").strip())


def both(folder: Path, vkey: str) -> dict[str, Verdict]:
    """What each says about a whole log."""
    return {"go": go("-dir", folder, "-vkey", vkey), "sigstore": sigstore(folder, "--all", "--vkey", vkey)}


def assert_accepted(folder: Path, vkey: str):
    verdicts = both(folder, vkey)
    assert all(verdict.accepted for verdict in verdicts.values()), verdicts


def assert_refused(folder: Path, vkey: str):
    verdicts = both(folder, vkey)
    assert not any(verdict.accepted for verdict in verdicts.values()), verdicts


def go_flips(bits: int, *arguments: str | Path) -> tuple[int, list[tuple[str, int]]]:
    """verify.go with so many bits of each byte changed, one at a time: how many changes it tried, and the file and offset of each that it accepted."""
    done = subprocess.run([GO, "-flips", str(bits), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and "before any flip" not in done.stderr, done.stderr
    accepted = [line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("accepted ")]
    tried = re.search(r"of (\d+) flips", done.stdout + done.stderr)
    assert tried and (done.returncode == 0) == (not accepted), done.stderr
    return int(tried[1]), [(name, int(offset)) for name, offset in accepted]


def sigstore_flips(folder: Path, vkey: str) -> tuple[int, list[tuple[str, int]]]:
    """verify_sigstore.py with one bit of each byte changed, one at a time, in memory; the bit is not always the same."""
    key = verify_sigstore.Key.parse(vkey)
    files = dict(verify_sigstore.Folder(folder))
    verify_sigstore.check_all(files, key)
    shares = [(files, vkey, share, os.cpu_count() or 1) for share in range(os.cpu_count() or 1)]
    with Pool(len(shares)) as pool:
        done = pool.starmap(sigstore_share, shares)
    return sum(tried for tried, _ in done), sorted(flip for _, accepted in done for flip in accepted)


def sigstore_share(files: dict[str, bytes], vkey: str, share: int, shares: int) -> tuple[int, list[tuple[str, int]]]:
    key, tried, accepted = verify_sigstore.Key.parse(vkey), 0, []
    for name, data in files.items():
        for offset in range(share, len(data), shares):
            changed = data[:offset] + bytes([data[offset] ^ 1 << offset % 8]) + data[offset + 1 :]
            tried += 1
            with contextlib.suppress(verify_sigstore.Refused):
                verify_sigstore.check_all({**files, name: changed}, key)
                accepted.append((name, offset))
    return tried, accepted
