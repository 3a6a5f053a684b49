"""A ledger that a real gateway wrote, exported. The only file that knows how `comity` is asked for an export or a proof."""

import json
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from processes import PATIENCE_S, SETTINGS, Gateway, Mock, program

EXPORT = ("ledger", "export")
PROOF = ("ledger", "proof")
# Two leaves a call: the first run just fills one tile, the second one more.
CALLS_FIRST, CALLS_LATER = 130, 200
# Small enough that every byte of it can be changed.
CALLS_SMALL = 18
KEY = {"caller": ["--clearance", "internal", "--floor", "public", "--purpose", "casework"]}


@dataclass
class Exported:
    """An exported ledger: its folder, its key, and the decisions whose calls made it."""

    folder: Path
    vkey: str
    decisions: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    gateway: Gateway | None = None

    def proof(self, decision: str) -> str:
        """The text of a proof."""
        return ask(self.gateway, *PROOF, decision)

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.folder, folder / "log"))


def ask(gateway: Gateway, *arguments: str) -> str:
    """A command on the gateway's store, once the gateway has stopped; what it prints for people."""
    words = [program("COMITY_BIN", "comity"), *arguments, "--config", str(gateway.config)]
    done = subprocess.run(words, env=gateway.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def export(gateway: Gateway, folder: Path, calls: list[tuple[str, str]]) -> Exported:
    ask(gateway, *EXPORT, str(folder))
    vkey = (folder / "log.vkey").read_text(encoding="utf-8").strip()
    return Exported(folder, vkey, [decision for decision, _ in calls], [receipt for _, receipt in calls], gateway)


def configuration(mock: Mock) -> str:
    """One offering under terms that admit everything."""
    upstream = f'[[upstream]]\nname = "mockfr"\nbase_url = "{mock.url}/v1"\ncredential = {{ env = "MOCK_KEY" }}\nserves = ["mockfr/*"]\n'
    layer = f'[[layer]]\nname = "open"\npath = {json.dumps(str(SETTINGS / "open.cedar"))}\n'
    return f"catalogue = {json.dumps([str(SETTINGS / 'mockfr.toml')])}\n\n[ledger]\nkeep_content = true\n\n{layer}\n{upstream}"


def call(gateway: Gateway, key: str, words: str) -> tuple[str, str]:
    """One chat; gives its decision and its receipt."""
    body = json.dumps({"model": "mockfr/echo@fr", "messages": [{"role": "user", "content": words}]}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(gateway.url + "/v1/chat/completions", body, headers), timeout=PATIENCE_S) as answer:
        answer.read()
        return answer.headers["comity-decision"], answer.headers["comity-leaf"]


def run_gateway(folder: Path, mock: Mock, calls: int, key: str | None = None) -> tuple[Gateway, str, list[tuple[str, str]]]:
    """A gateway from its start to its end; with a key, one that goes on where another stopped."""
    folder.mkdir(exist_ok=True)
    gateway = Gateway(folder, configuration(mock), {} if key else KEY)
    key = key or gateway.keys["caller"]
    decisions = [call(gateway, key, f"call {number}") for number in range(calls)]
    assert gateway.stop() == 0
    return gateway, key, decisions


@pytest.fixture(scope="session")
def mock():
    mock = Mock([SETTINGS])
    yield mock
    mock.stop()


@pytest.fixture(scope="session")
def exports(tmp_path_factory, mock) -> tuple[Exported, Exported]:
    """The same ledger twice: after a first run of the gateway, and after a second one."""
    folder = tmp_path_factory.mktemp("exports")
    gateway, key, decisions = run_gateway(folder / "data", mock, CALLS_FIRST)
    first = export(gateway, folder / "first", decisions)
    gateway, _, later = run_gateway(folder / "data", mock, CALLS_LATER, key)
    return first, export(gateway, folder / "later", decisions + later)


@pytest.fixture
def earlier(exports) -> Exported:
    return exports[0]


@pytest.fixture
def exported(exports) -> Exported:
    return exports[1]


@pytest.fixture(scope="session")
def small(tmp_path_factory, mock) -> Exported:
    """The ledger of a few calls."""
    folder = tmp_path_factory.mktemp("small")
    gateway, _, decisions = run_gateway(folder / "data", mock, CALLS_SMALL)
    return export(gateway, folder / "log", decisions)


@pytest.fixture
def tampered(exported, tmp_path) -> Path:
    """A copy of the exported ledger, to be changed."""
    return exported.copy(tmp_path)
