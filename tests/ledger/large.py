"""A ledger of more than 100,000 leaves that a real gateway wrote under load: accepted by all verifiers, and refused by all after each forgery. It
takes minutes, so it is no part of the test command; `cargo xtask bench ledger` runs it and prints how long each verifier took."""

import subprocess
import time
from pathlib import Path

import pytest

import made
from conftest import KEY, Exported, configuration, export
from processes import Gateway, program
from verifiers import go, sigstore

CALLS, LEAVES_MIN = 50_500, 100_000
# The first and the last leaf, borders of tiles, one in the middle, and that of CVE-2026-56865's report.
FORGED = (0, 255, 256, 1795, 50_000, -1)


@pytest.fixture(scope="module")
def large(tmp_path_factory, mock) -> Exported:
    folder = tmp_path_factory.mktemp("large")
    gateway = Gateway(folder, configuration(mock), KEY)
    words = ["--address", gateway.url.removeprefix("http://"), "--model", "mockfr/echo@fr", "--key-env", "KEY", "-c", "64", "-n", str(CALLS)]
    load = subprocess.run([program("COMITY_LOAD_BIN", "load"), *words], env={"KEY": gateway.keys["caller"]}, capture_output=True, text=True, check=True)
    print(f"\n{load.stdout}")
    assert gateway.stop() == 0
    return export(gateway, folder / "log", [])


def verdicts(folder: Path, exported: Exported, say=lambda line: None) -> dict[str, bool]:
    """Who accepts a log."""

    def comity() -> bool:
        words = [program("COMITY_BIN", "comity"), "ledger", "verify", str(folder), "--key", exported.vkey]
        done = subprocess.run(words, env=exported.gateway.environment, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 5), done.stderr
        return done.returncode == 0

    asked = {
        "go": lambda: go("-dir", folder, "-vkey", exported.vkey).accepted,
        "sigstore": lambda: sigstore(folder, "--all", "--vkey", exported.vkey).accepted,
        "comity": comity,
    }
    said = {}
    for name, ask in asked.items():
        start = time.perf_counter()
        said[name] = ask()
        say(f"{name:10} {time.perf_counter() - start:6.2f} s")
    return said


def test_all_accept_it(large):
    assert len(made.entries_of(large.folder)) >= LEAVES_MIN
    assert all(verdicts(large.folder, large, print).values())


@pytest.mark.parametrize("depth", made.DEPTHS)
@pytest.mark.parametrize("index", FORGED)
def test_all_refuse_a_forged_leaf(large, tmp_path, index, depth):
    folder = large.copy(tmp_path)
    entries = made.entries_of(folder)
    changed = entries[index].replace(b'"minute":2', b'"minute":3', 1)
    assert changed != entries[index]
    entries[index] = changed
    made.forge(folder, entries, depth)
    assert not any(verdicts(folder, large).values()), verdicts(folder, large)
