"""What the client tests share: a mock upstream, gateways in front of it, and the client packages pointed at them. Loopback only."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import anthropic
import openai
import pytest

from dialects import LIMITS, AWS, DIRECT, UPSTREAMS, configuration
from processes import ROOT, SETTINGS, Gateway, Mock

OWN_RECORDED = ROOT / "examples" / "recorded"
DIALECTS_RECORDED = ROOT / "tests" / "recorded"
OTHERS_RECORDED = ROOT.parent / "shared" / "fixtures" / "openai-recorded"

KEYS = {
    "public": ["--clearance", "public", "--floor", "public"],
    "casework": ["--clearance", "internal", "--floor", "public", "--purpose", "casework"],
    "private": ["--clearance", "secret", "--floor", "confidential"],
}


def upstreams(mock: Mock) -> str:
    """Two offerings of the tests' own catalogue, both answered by the mock."""
    quoted = json.dumps([str(SETTINGS / "mockfr.toml"), str(SETTINGS / "mockxx.toml")])
    tables = [
        f'[[upstream]]\nname = "{name}"\nbase_url = "{mock.url}/v1"\ncredential = {{ env = "MOCK_KEY" }}\nserves = ["{name}/*"]\n'
        for name in ("mockfr", "mockxx")
    ]
    return f"catalogue = {quoted}\n" + "{layers}" + "\n".join([*tables, LIMITS])


@pytest.fixture(scope="session")
def mock_process():
    dialects = sorted(folder for folder in DIALECTS_RECORDED.iterdir() if folder.is_dir())
    folders = [folder for folder in (SETTINGS, OWN_RECORDED, OTHERS_RECORDED, *dialects) if folder.is_dir()]
    mock = Mock(folders)
    yield mock
    mock.stop()


@pytest.fixture
def mock(mock_process):
    mock_process.clear()
    return mock_process


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, mock_process):
    """The shipped terms in front of the mock."""
    layers = '[[layer]]\npack = "uk-public"\n\n'
    routes = '\n[route.office]\nofferings = ["mockfr/echo@fr"]\n'
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), upstreams(mock_process).replace("{layers}", layers) + routes, KEYS)
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture(scope="session")
def open_gateway(tmp_path_factory, mock_process):
    """Terms that admit everything: what passes through must be unchanged."""
    layers = f'[[layer]]\nname = "open"\npath = {json.dumps(str(SETTINGS / "open.cedar"))}\n\n'
    gateway = Gateway(tmp_path_factory.mktemp("open"), upstreams(mock_process).replace("{layers}", layers), {"open": KEYS["casework"]})
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture(scope="session")
def local_gateway(tmp_path_factory):
    """The demonstration model on the organisation's own machine."""
    model = Path(os.environ.get("COMITY_DATA", "")) / "models" / "smollm2.gguf"
    if "COMITY_DATA" not in os.environ or not model.is_file():
        pytest.skip("the demonstration model is not installed: run `comity model install smollm2`")
    config = f'[[layer]]\npack = "uk-public"\n\n[local]\nmodel = {json.dumps(str(model))}\nplace = "GB"\nown_machine = true\n'
    gateway = Gateway(tmp_path_factory.mktemp("local"), config, {"private": KEYS["private"]})
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture(scope="session")
def wide_gateway(tmp_path_factory, mock_process):
    """One upstream of every dialect, under terms that admit everything."""
    folder = tmp_path_factory.mktemp("wide")
    keys = {"open": KEYS["casework"], "other": KEYS["casework"]}
    gateway = Gateway(folder, configuration(folder, mock_process.url), keys, AWS)
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture(scope="session")
def hidden_gateway(tmp_path_factory, mock_process):
    """One upstream of every dialect, under terms that let personal data go as pseudonyms only."""
    folder = tmp_path_factory.mktemp("hidden")
    config = configuration(folder, mock_process.url, "pseudonyms.cedar")
    gateway = Gateway(folder, config, {"open": KEYS["casework"]}, AWS)
    yield gateway
    assert gateway.stop() == 0


@dataclass
class Way:
    """A way to the mock: an upstream behind the gateway, or the mock itself."""

    name: str
    url: str
    key: str
    model: str

    @property
    def is_direct(self) -> bool:
        return self.name == DIRECT

    def openai(self, **options) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url + "/v1", api_key=self.key, **{"max_retries": 0, "timeout": 60, **options})

    def anthropic(self, **options) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.url, api_key=self.key, **{"max_retries": 0, "timeout": 60, **options})


def direct_to(mock: Mock) -> Way:
    return Way(DIRECT, mock.url, "mock-secret", "echo-1")


def through(gateway: Gateway, upstream: str) -> Way:
    return Way(upstream, gateway.url, gateway.keys["open"], UPSTREAMS[upstream].model)


@pytest.fixture
def way(request, mock):
    """Parametrised by the name of an upstream."""
    if request.param == DIRECT:
        return direct_to(mock)
    return through(request.getfixturevalue("wide_gateway"), request.param)


def ways(*names: str):
    """A test for each of these ways to the mock; all upstreams if none is named, and the mock itself."""
    return pytest.mark.parametrize("way", names or (DIRECT, *UPSTREAMS), indirect=True)


def client_of(gateway: Gateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0, timeout=120)


@pytest.fixture
def client(gateway, mock):
    """A workload cleared for internal data."""
    with client_of(gateway, gateway.keys["casework"]) as client:
        yield client


@pytest.fixture
def public_client(gateway, mock):
    """A workload cleared for public data only."""
    with client_of(gateway, gateway.keys["public"]) as client:
        yield client


@pytest.fixture
def stranger(gateway, mock):
    """A key that nobody made."""
    with client_of(gateway, "comity-not-a-key") as client:
        yield client


@pytest.fixture
def open_client(open_gateway, mock):
    with client_of(open_gateway, open_gateway.keys["open"]) as client:
        yield client


@pytest.fixture
def local_client(local_gateway):
    with client_of(local_gateway, local_gateway.keys["private"]) as client:
        yield client
