"""The upstreams behind the gateway, one for each dialect, all of them the mock. The only file that knows how a dialect is configured."""

import json
from dataclasses import dataclass
from pathlib import Path

from processes import SETTINGS

REGION = "eu-west-2"
# The key pair of AWS's own documentation: the mock verifies signatures made with it.
AWS = {"MOCK_AWS_ID": "AKIAIOSFODNN7EXAMPLE", "MOCK_AWS_SECRET": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@dataclass(frozen=True)
class Upstream:
    """How `[[upstream]]` looks: the base address below the mock's, and the lines that the dialect needs."""

    name: str
    base: str
    lines: tuple[str, ...]
    upstream_model: str = "echo-1"

    @property
    def model(self) -> str:
        return f"mock{self.name}/echo@fr"

    def table(self, url: str) -> str:
        head = [f'name = "{self.name}"', f'base_url = "{url}{self.base}"', f'serves = ["mock{self.name}/*"]']
        return "\n".join(["[[upstream]]", *head, *self.lines, ""])

    def catalogue(self) -> str:
        """The invented operator of the settings under another name."""
        entry = (SETTINGS / "mockfr.toml").read_text(encoding="utf-8").replace("mockfr", f"mock{self.name}")
        return entry.replace('"echo-1"', f'"{self.upstream_model}"')


KEY = 'credential = { env = "MOCK_KEY" }'
SIGNED = (
    'credential = { env = "MOCK_AWS_SECRET" }',
    'access_key_id = { env = "MOCK_AWS_ID" }',
    f'region = "{REGION}"',
)

UPSTREAMS = {
    upstream.name: upstream
    for upstream in (
        Upstream("openai", "/v1", (KEY, 'apis = ["chat", "responses", "embeddings"]')),
        # A compatible server that has no Responses API.
        Upstream("chat", "/v1", (KEY, 'apis = ["chat", "embeddings"]')),
        Upstream("azure", "", (KEY, 'dialect = "azure"', 'api_version = "2024-10-21"')),
        Upstream("azurenew", "", (KEY, 'dialect = "azure"', 'apis = ["chat", "responses", "embeddings"]')),
        Upstream("anthropic", "/v1", (KEY, 'dialect = "anthropic"')),
        Upstream("gemini", "/v1beta", (KEY, 'dialect = "gemini"')),
        # Models of Anthropic are told there what others cannot be.
        Upstream("bedrock", "", (*SIGNED, 'dialect = "bedrock"'), "anthropic.echo"),
    )
}

# Tests make upstreams fail on purpose, and look at what the client packages themselves do about it.
LIMITS = "[limits]\nretries_max = 0\ncircuit_failures = 0\n"
# Without the gateway: shows that the mock is what it claims to be, to the client packages themselves.
DIRECT = "direct"


def configuration(folder: Path, url: str, terms: str = "open.cedar") -> str:
    """A `comity.toml` with every upstream, under terms that admit everything unless others are named. Writes the catalogue's files beside it."""
    files = []
    for upstream in UPSTREAMS.values():
        file = folder / f"mock{upstream.name}.toml"
        file.write_text(upstream.catalogue(), encoding="utf-8")
        files.append(str(file))
    layer = f'[[layer]]\nname = "open"\npath = {json.dumps(str(SETTINGS / terms))}\n'
    tables = [upstream.table(url) for upstream in UPSTREAMS.values()]
    return "\n".join([f"catalogue = {json.dumps(files)}\n", layer, *tables, LIMITS])


def sent_path(call: dict) -> str:
    """Where a call went, without its query."""
    return call["path"].partition("?")[0]
