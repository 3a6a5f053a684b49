"""Whatever schemathesis makes of Comity's own OpenAPI document, nothing answers with a server error, and the document itself is valid."""

import subprocess
import sys
import urllib.request

import pytest

from conftest import KEYS
from dialects import AWS, configuration
from processes import PATIENCE_S, Gateway

DOCUMENT = "/api/v1/openapi.json"
# Enough to meet every operation with good and bad bodies, and quick.
EXAMPLES = 20


@pytest.fixture
def gateway(tmp_path, mock):
    """One for this test alone: what it sends may reload, revoke and erase."""
    gateway = Gateway(tmp_path, configuration(tmp_path, mock.url), {"casework": KEYS["casework"]}, AWS)
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture
def document(gateway):
    request = urllib.request.Request(gateway.url + DOCUMENT, headers={"authorization": f"Bearer {gateway.keys['casework']}"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read()


def test_nothing_that_a_caller_sends_is_a_server_error(gateway, document, tmp_path):
    file = tmp_path / "openapi.json"
    file.write_bytes(document)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", gateway.url]
    command += ["--header", f"Authorization: Bearer {gateway.keys['casework']}", "--checks", "not_a_server_error"]
    command += ["--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--no-color"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
