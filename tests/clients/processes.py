"""Starts the programs under test, on loopback only, and stops them again. Nothing here knows what a test wants to see."""

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Path(__file__).resolve().parent / "settings"
# Whoever stops is done long before that; what takes longer has failed.
PATIENCE_S = 60


def program(variable: str, name: str) -> str:
    """The path of a program: from the environment, else where cargo puts it."""
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return os.environ.get(variable) or str(Path(target) / "debug" / name)


class Mock:
    """The mock upstream (bench/), controlled over HTTP."""

    def __init__(self, recorded: list[Path]):
        command = [program("COMITY_MOCK_BIN", "mock-upstream")]
        for folder in recorded:
            command += ["--recorded", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the mock upstream did not start"

    def control(self, path: str, body=None):
        """One control call; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def script(self, *modes: str):
        """How the next calls are answered, one mode each."""
        self.control("/_script", list(modes))

    def stand(self, mode: str):
        """How every call is answered from now on."""
        self.control("/_stand", [mode])

    def release(self):
        """Lets the calls go that are held."""
        self.control("/_release", {})

    def calls(self) -> list[dict]:
        return self.control("/_seen")["calls"]

    def tally(self) -> dict:
        return self.control("/_seen")["tally"]

    def wait(self, **counts: int) -> dict:
        """Returns once every count is reached; fails after half a minute."""
        return self.control("/_wait?" + "&".join(f"{name}={count}" for name, count in counts.items()))

    def clear(self):
        self.control("/_clear", {})

    def stop(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


class Gateway:
    """`comity up` with a configuration of its own, and keys made before it starts."""

    def __init__(self, folder: Path, config: str, keys: dict[str, list[str]], secrets: dict[str, str] | None = None):
        self.folder = folder
        self.config = folder / "comity.toml"
        self.config.write_text(config, encoding="utf-8")
        self.environment = {**os.environ, "COMITY_DATA": str(folder), "MOCK_KEY": "mock-secret", "NO_COLOR": "1", **(secrets or {})}
        self.keys = {name: self._make_key(name, arguments) for name, arguments in keys.items()}
        up = [program("COMITY_BIN", "comity"), "up", "--config", str(self.config), "--listen", "127.0.0.1:0", "--output", "json"]
        self.log = (folder / "log.txt").open("wb")
        self.process = subprocess.Popen(up, env=self.environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = self._read_json()["url"]

    def _make_key(self, name: str, arguments: list[str]) -> str:
        made = self.command("keys", "create", "--workload", name, "--unit", "clients/tests", *arguments)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["key"]

    def _read_json(self) -> dict:
        text = ""
        for line in self.process.stdout:
            text += line
            if line.startswith("}"):
                return json.loads(text)
        self.log.flush()
        raise AssertionError("the gateway did not start:\n" + (self.folder / "log.txt").read_text())

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """Another command of the same program, with the same configuration."""
        words = [program("COMITY_BIN", "comity"), *arguments, "--config", str(self.config), "--output", "json"]
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def stop(self) -> int:
        """SIGTERM: the gateway drains and ends; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.close()
        return code
