"""The mock and a gateway with an upstream of every dialect, for clients in other languages: prints one line of JSON that says where they
are, and stops when its standard input ends."""

import json
import sys
import tempfile
from pathlib import Path

from dialects import AWS, DIRECT, UPSTREAMS, configuration
from processes import Gateway, Mock

WORKLOAD = ["--clearance", "internal", "--floor", "public", "--purpose", "casework"]


def main() -> int:
    mock = Mock([])
    try:
        with tempfile.TemporaryDirectory(prefix="comity-") as name:
            folder = Path(name)
            gateway = Gateway(folder, configuration(folder, mock.url), {"open": WORKLOAD}, AWS)
            models = {upstream.name: upstream.model for upstream in UPSTREAMS.values()}
            stage = {"mock": mock.url, "gateway": gateway.url, "key": gateway.keys["open"], "models": models, "direct": DIRECT}
            print(json.dumps(stage), flush=True)
            sys.stdin.read()
            return gateway.stop()
    finally:
        mock.stop()


if __name__ == "__main__":
    sys.exit(main())
