"""The mock and two gateways with an upstream of every dialect (one whose terms ask for pseudonyms), for clients in other languages: prints one
line of JSON that says where they are, and stops when its standard input ends."""

import json
import sys
import tempfile
from pathlib import Path

from dialects import AWS, DIRECT, UPSTREAMS, configuration
from processes import SETTINGS, Gateway, Mock

WORKLOAD = ["--clearance", "internal", "--floor", "public", "--purpose", "casework"]


def started(folder: Path, mock: Mock, terms: str) -> Gateway:
    folder.mkdir()
    return Gateway(folder, configuration(folder, mock.url, terms), {"open": WORKLOAD}, AWS)


def main() -> int:
    mock = Mock([SETTINGS])
    try:
        with tempfile.TemporaryDirectory(prefix="comity-") as name:
            gateway, hidden = (started(Path(name) / terms, mock, terms) for terms in ("open.cedar", "pseudonyms.cedar"))
            models = {upstream.name: upstream.model for upstream in UPSTREAMS.values()}
            stage = {"mock": mock.url, "gateway": gateway.url, "key": gateway.keys["open"], "models": models, "direct": DIRECT}
            stage["hidden"] = {"url": hidden.url, "key": hidden.keys["open"]}
            print(json.dumps(stage), flush=True)
            sys.stdin.read()
            return gateway.stop() or hidden.stop()
    finally:
        mock.stop()


if __name__ == "__main__":
    sys.exit(main())
