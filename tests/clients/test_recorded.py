"""Recorded exchanges through the gateway: what the application gets is byte for byte what the upstream said, and the upstream gets what the
application said, but for the few answers that are the gateway's own (`own_words`). Our own recordings always run; those of others, kept beside the project, run where they are present."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
import yaml

from conftest import OTHERS_RECORDED, OWN_RECORDED

OPERATIONS = ("chat/completions", "embeddings")


def exchanges(folder: Path):
    """(name, number, request, response) of every recording in a folder."""
    for file in sorted(folder.glob("*.yaml")):
        for number, recorded in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]):
            if recorded["request"]["url"].endswith(OPERATIONS):
                yield pytest.param(file.stem, recorded["request"], recorded["response"], id=f"{file.stem}-{number}")


def others():
    if OTHERS_RECORDED.is_dir():
        return list(exchanges(OTHERS_RECORDED))
    return [pytest.param(None, None, None, marks=pytest.mark.skip(reason="no recorded exchanges of others beside the project"))]


@pytest.mark.parametrize("name, request_, response", list(exchanges(OWN_RECORDED)))
def test_our_own(open_gateway, mock, name, request_, response):
    passes_unchanged(open_gateway, mock, name, request_, response)


@pytest.mark.parametrize("name, request_, response", others())
def test_of_others(open_gateway, mock, name, request_, response):
    passes_unchanged(open_gateway, mock, name, request_, response)


def passes_unchanged(gateway, mock, name, request_, response):
    operation = next(operation for operation in OPERATIONS if request_["url"].endswith(operation))
    body = {**json.loads(request_["body"]), "model": "mockfr/echo@fr"}
    mock.script(f"replay-{name}")
    status, headers, text = post(gateway, f"/v1/{operation}", body)
    own = own_words(response["code"], body)
    if own:
        assert (status, json.loads(text)["error"]["code"]) == own, text
        return
    assert status == response["code"], text
    assert text == response["body"].encode()
    assert headers["content-type"] == response["headers"]["Content-Type"][0]
    sent = mock.calls()[0]["json"]
    assert {**sent, "model": None, "stream_options": None} == {**body, "model": None, "stream_options": None}


def own_words(code, body):
    """Status and code where the gateway speaks for itself, on purpose, instead of passing on what the upstream said."""
    if body.get("messages") == []:
        return 400, "invalid_request"  # not a call: nothing is sent
    if code == 404:
        return 502, "upstream_failed"  # the caller named an offering that is there; the catalogue or the address is wrong
    if code == 429:
        return 429, "rate_limited"  # the limit is on our credential, of which the caller knows nothing
    return None


def post(gateway, path, body):
    """Without the client package, which would hide the bytes."""
    address = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    headers = {"authorization": f"Bearer {gateway.keys['open']}", "content-type": "application/json"}
    connection.request("POST", path, json.dumps(body).encode(), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def recorded_body(name: str, number: int = 0) -> dict:
    recorded = yaml.safe_load((OWN_RECORDED / f"{name}.yaml").read_text(encoding="utf-8"))
    return {**json.loads(recorded["interactions"][number]["request"]["body"]), "model": "mockfr/echo@fr"}


def test_the_package_reads_a_tool_call_and_answers_it(open_client, mock):
    mock.script("replay-chat-tools", "replay-chat-tools")
    first = open_client.chat.completions.create(**recorded_body("chat-tools"))
    call = first.choices[0].message.tool_calls[0]
    assert (first.choices[0].finish_reason, call.function.name) == ("tool_calls", "bin_collection_day")
    assert json.loads(call.function.arguments)["kind"] == "recycling"
    second = open_client.chat.completions.create(**recorded_body("chat-tools", 1))
    assert second.choices[0].message.content.startswith("Recycling is emptied")


def test_the_package_puts_a_streamed_tool_call_together(open_client, mock):
    mock.script("replay-chat-tools-streaming")
    pieces = [chunk.choices[0].delta.tool_calls for chunk in open_client.chat.completions.create(**recorded_body("chat-tools-streaming"))]
    arguments = "".join(calls[0].function.arguments for calls in pieces if calls)
    assert json.loads(arguments) == {"postcode": "ZZ99 3VZ"}


def test_the_package_reads_text_beyond_ascii_in_a_stream(open_client, mock):
    mock.script("replay-chat-streaming")
    chunks = open_client.chat.completions.create(**recorded_body("chat-streaming"))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Mind the gap – it’s 30 cm wide."


def test_a_recorded_bad_request_is_the_packages_own_exception(open_client, mock):
    mock.script("replay-chat-bad-request")
    with pytest.raises(openai.BadRequestError) as refused:
        open_client.chat.completions.create(**recorded_body("chat-bad-request"))
    assert refused.value.param == "messages[0].role"
