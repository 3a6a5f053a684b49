"""Every block of docs/guides/audit.md is run, in its order, on a ledger that a real gateway wrote; and on changed ones, which it must refuse."""

import functools
import json
import os
import re
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import ask
from verifiers import assert_accepted

GO = os.environ.get("COMITY_GO", "go")
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "audit.md"


def blocks() -> dict[str, str]:
    """The blocks of the guide by their names."""
    return {name: text for _, name, text in re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """A command of the guide, in the folder of the log."""
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def auditor(exported, tmp_path) -> Path:
    """A copy of the log with the guide's files in it."""
    folder = exported.copy(tmp_path)
    (folder / "trusted.vkey").write_text(exported.vkey + "\n", encoding="utf-8")
    for name, text in blocks().items():
        if "." in name:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def shell(folder: Path, name: str) -> subprocess.CompletedProcess:
    return run(folder, "bash", "-euo", "pipefail", "-c", blocks()[name])


def test_the_signature_is_checked_with_openssl(auditor):
    assert "Signature Verified Successfully" in shell(auditor, "openssl").stdout
    checkpoint = auditor / "checkpoint"
    checkpoint.write_text(checkpoint.read_text(encoding="utf-8").replace("\n", "0\n", 1), encoding="utf-8")
    changed = shell(auditor, "openssl")
    assert changed.returncode != 0 or "Signature Verified Successfully" not in changed.stdout


def test_the_root_is_rebuilt_with_go(auditor, earlier):
    (auditor / "earlier.checkpoint").write_bytes((earlier.folder / "checkpoint").read_bytes())
    done = run(auditor, GO, "run", "audit.go", "earlier.checkpoint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as signed" in done.stdout and "it begins with the" in done.stdout
    bundle = auditor / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b"permit", b"denial", 1))
    changed = run(auditor, GO, "run", "audit.go")
    assert changed.returncode != 0 and "the checkpoint says" in changed.stdout, changed.stdout + changed.stderr
    bundle.write_bytes(bundle.read_bytes() + b"\0\1x")
    assert "and nothing else" in run(auditor, GO, "run", "audit.go").stdout
    assert run(auditor, sys.executable, "entries.py").returncode != 0


def test_a_log_that_was_set_back_is_refused(earlier, exported, auditor, tmp_path):
    older = earlier.copy(tmp_path / "older")
    (older / "audit.go").write_text(blocks()["audit.go"], encoding="utf-8")
    (older / "trusted.vkey").write_text(exported.vkey, encoding="utf-8")
    (older / "newer.checkpoint").write_bytes((auditor / "checkpoint").read_bytes())
    done = run(older, GO, "run", "audit.go", "newer.checkpoint")
    assert done.returncode != 0 and "does not begin with" in done.stdout, done.stdout + done.stderr


def test_each_call_has_one_outcome(auditor, exported):
    done = run(auditor, sys.executable, "census.py")
    calls = len(exported.decisions)
    assert f"'decision': {calls}" in done.stdout and f"'outcome': {calls}" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count(": []") == 3, done.stdout


def test_receipts_are_borne_out(auditor, exported):
    (auditor / "kept.txt").write_text("\n".join(exported.receipts) + "\n", encoding="utf-8")
    done = run(auditor, sys.executable, "receipts.py", "kept.txt")
    assert f"{len(exported.receipts)} receipts are in the log; without a receipt: none" in done.stdout, done.stderr
    (auditor / "kept.txt").write_text("\n".join([*exported.receipts, exported.receipts[0]]), encoding="utf-8")
    assert run(auditor, sys.executable, "receipts.py", "kept.txt").returncode != 0
    (auditor / "kept.txt").write_text("\n".join(exported.receipts).replace("sequence=1;", "sequence=9;", 1), encoding="utf-8")
    assert run(auditor, sys.executable, "receipts.py", "kept.txt").returncode != 0


def test_a_proof_and_a_disclosure_hold_by_themselves(auditor, exported):
    decision = exported.decisions[7]
    proof = exported.proof(decision)
    (auditor / "one.tlog-proof").write_text(proof, encoding="utf-8")
    done = run(auditor, sys.executable, "proof.py", "one.tlog-proof")
    assert done.returncode == 0 and decision in done.stdout, done.stderr
    lines = proof.split("\n")
    (auditor / "one.tlog-proof").write_text("\n".join([*lines[:3], *reversed(lines[3:5]), *lines[5:]]), encoding="utf-8")
    assert run(auditor, sys.executable, "proof.py", "one.tlog-proof").returncode != 0
    (auditor / "one.json").write_text(ask(exported.gateway, "ledger", "disclose", decision, "--field", "workload", "--field", "sequence"), encoding="utf-8")
    done = run(auditor, sys.executable, "disclosed.py", "one.json")
    assert "workload: b'caller'" in done.stdout and f"sequence: {8 .to_bytes(8, 'big')}" in done.stdout, done.stdout + done.stderr


def test_an_answer_is_opened_by_its_outcome(auditor, exported):
    decision = exported.decisions[7]
    shown = json.loads(ask(exported.gateway, "ledger", "disclose", decision, "--field", "call", "--field", "answer"))

    def opened(change) -> subprocess.CompletedProcess:
        changed = json.loads(json.dumps(shown))
        change(changed)
        (auditor / "one.json").write_text(json.dumps(changed), encoding="utf-8")
        return run(auditor, sys.executable, "disclosed.py", "one.json")

    done = opened(lambda same: None)
    assert "call 7" in done.stdout and "answer: b'{" in done.stdout, done.stdout + done.stderr
    assert run(auditor, sys.executable, "proof.py", "decision.tlog-proof").returncode == 0
    assert run(auditor, sys.executable, "proof.py", "outcome.tlog-proof").returncode == 0
    assert "answer is another one" in opened(lambda changed: changed["opened"][1].update(bytes="Zm9yZ2Vk")).stderr
    assert "answer: not shown" in opened(lambda changed: changed["opened"][1].pop("bytes")).stdout
    other = json.loads(ask(exported.gateway, "ledger", "disclose", exported.decisions[8], "--field", "answer"))
    assert "that of another call" in opened(lambda changed: changed.update(outcome=other["outcome"])).stderr


def test_a_log_at_an_address_is_fetched(auditor, exported, tmp_path):
    """From a static host: what a gateway serves is the same, behind a token."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(exported.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        threading.Thread(target=host.serve_forever, daemon=True).start()
        fetched = tmp_path / "fetched"
        fetched.mkdir()
        (fetched / "fetch.py").write_text(blocks()["fetch.py"], encoding="utf-8")
        done = run(fetched, sys.executable, "fetch.py", f"http://127.0.0.1:{host.server_port}", "token")
        host.shutdown()
    assert done.returncode == 0, done.stderr
    (fetched / "fetch.py").unlink()
    assert_accepted(fetched, exported.vkey)
    paths = {path.relative_to(fetched) for path in fetched.rglob("*") if path.is_file()}
    assert paths == {path.relative_to(exported.folder) for path in exported.folder.rglob("*") if path.is_file()} - {Path("log.vkey")}
