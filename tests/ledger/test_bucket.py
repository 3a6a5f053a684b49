"""An export into S3-compatible storage, by a server that is not ours (moto): what is downloaded again is the ledger, to verifiers of others."""

import os
import subprocess
import urllib.request

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

import made
from conftest import EXPORT
from processes import PATIENCE_S, program
from verifiers import assert_accepted, assert_refused

SIGNED_IN = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_REGION": "eu-west-3", "AWS_ALLOW_HTTP": "true"}


@pytest.fixture
def service():
    """The address of a server that speaks S3, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client(url).create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": SIGNED_IN["AWS_REGION"]})
    yield url
    # What it holds belongs to the process, not to the server.
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"), timeout=PATIENCE_S).close()
    server.stop()


def client(url: str):
    names = {"aws_access_key_id": SIGNED_IN["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": SIGNED_IN["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("s3", endpoint_url=url, region_name=SIGNED_IN["AWS_REGION"], config=Config(s3={"addressing_style": "path"}), **names)


def run(exported, url: str, target: str, **other: str) -> subprocess.CompletedProcess:
    words = [program("COMITY_BIN", "comity"), *EXPORT, target, "--config", str(exported.gateway.config)]
    strange = {name: value for name, value in exported.gateway.environment.items() if not name.startswith("AWS_")}
    environment = {**strange, **SIGNED_IN, "AWS_ENDPOINT_URL": url, **other}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def download(url: str, prefix: str, folder):
    """All that lies below the prefix, as files."""
    pages = client(url).get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
    for found in (found for page in pages for found in page.get("Contents", [])):
        path = folder / os.path.relpath(found["Key"], prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client(url).get_object(Bucket="bucket", Key=found["Key"])["Body"].read())


def test_what_lies_in_the_bucket_is_the_ledger(exported, service, tmp_path):
    done = run(exported, service, "s3://bucket/years/2026")
    assert done.returncode == 0, done.stderr
    download(service, "years/2026", tmp_path / "log")
    assert_accepted(tmp_path / "log", exported.vkey)
    assert made.entries_of(tmp_path / "log") == made.entries_of(exported.folder)
    entries = made.entries_of(tmp_path / "log")
    entries[3] = entries[3] + b" "
    made.forge(tmp_path / "log", entries, made.DEPTHS[0])
    assert_refused(tmp_path / "log", exported.vkey)


def test_a_second_export_adds_what_is_new(earlier, exported, service, tmp_path):
    """What an earlier export wrote lies there, and the command goes on from it: it does not write full tiles again."""
    mark = {"Metadata": {"written": "earlier"}}
    for path in (path for path in earlier.folder.rglob("*") if path.is_file()):
        client(service).put_object(Bucket="bucket", Key=path.relative_to(earlier.folder).as_posix(), Body=path.read_bytes(), **mark)
    done = run(exported, service, "s3://bucket")
    assert done.returncode == 0, done.stderr
    download(service, "", tmp_path / "log")
    assert_accepted(tmp_path / "log", exported.vkey)
    written = {key: client(service).head_object(Bucket="bucket", Key=key)["Metadata"] for key in ("tile/entries/000", "tile/entries/001", "checkpoint")}
    assert written == {"tile/entries/000": {"written": "earlier"}, "tile/entries/001": {}, "checkpoint": {}}


def test_what_is_in_the_way_or_wrong_is_said(exported, service):
    client(service).put_object(Bucket="bucket", Key="letters/one", Body=b"dear")
    said = run(exported, service, "s3://bucket/letters")
    assert (said.returncode, "other files lie there, such as `one`" in said.stderr) == (2, True), said.stderr
    said = run(exported, service, "s3://other/log")
    assert (said.returncode, "404" in said.stderr, "check that the bucket is there" in said.stderr) == (1, True, True), said.stderr
    assert "NoSuchBucket" not in said.stderr
    said = run(exported, service, "s3://")
    assert (said.returncode, "names no bucket" in said.stderr) == (2, True), said.stderr
    said = run(exported, service, "s3://bucket/log", AWS_ALLOW_HTTP="false")
    assert (said.returncode, "AWS_ALLOW_HTTP=true" in said.stderr) == (1, True), said.stderr
    assert [found["Key"] for found in client(service).list_objects_v2(Bucket="bucket")["Contents"]] == ["letters/one"]
