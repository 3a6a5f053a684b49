"""Exchanges that others recorded with the real servers (tests/recorded/), through the gateway: unchanged where the caller speaks the same
dialect, and in shape where it speaks another. They hold what an invented answer forgets."""

import json
from urllib.parse import urlsplit

import pytest
import yaml

import shapes
from conftest import DIALECTS_RECORDED
from dialects import UPSTREAMS
from wanted import HELLO

# How each dialect's caller shows its key, and the folder whose recordings it gets unchanged.
NATIVE = {"anthropic": "anthropic", "responses": "openai"}
VERSION = {"anthropic-version": "2023-06-01"}
# A tool that the server runs by itself has no name in another dialect.
ONLY_NATIVE = ("anthropic-server-tool-stream", "anthropic-count-tokens")


def exchanges(*folders: str):
    """(folder, file's name, number, request, response) of each recorded exchange."""
    for folder in folders:
        for file in sorted((DIALECTS_RECORDED / folder).glob("*.yaml")):
            for number, recorded in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]):
                id_ = f"{file.stem}-{number}"
                yield pytest.param(folder, f"{file.stem}@{number}", recorded["request"], recorded["response"], id=id_)


def ok(*folders: str):
    """Those that were answered, and can be said in every dialect."""
    for param in exchanges(*folders):
        _, name, request, response = param.values
        if response["status"]["code"] == 200 and name.partition("@")[0] not in ONLY_NATIVE and "count_tokens" not in request["uri"]:
            yield param


def is_stream(response: dict) -> bool:
    return "stream" in response["headers"].get("content-type", [""])[0]


@pytest.mark.parametrize("folder, name, request_, response", list(exchanges(*NATIVE)))
def test_the_same_dialect_passes_unchanged(wide_gateway, mock, folder, name, request_, response):
    path = urlsplit(request_["uri"]).path
    body = {**request_["parsed_body"], "model": UPSTREAMS[NATIVE[folder]].model}
    body.pop("previous_response_id", None)  # of a response that was never made here
    if "server-tool" in name:
        body.pop("tools")  # the answer is what is looked at; the tool is refused below
    headers = {**VERSION, "authorization": f"Bearer {wide_gateway.keys['open']}"}
    mock.script(f"replay-{name}", f"replay-{name}")
    status, _, text = shapes.post(wide_gateway.url, path, body, headers)
    if response["status"]["code"] == 404:
        assert status == 502  # the caller named an offering that is there
        return
    direct_status, _, direct = shapes.post(mock.url, path, body, headers)
    assert (status, text) == (direct_status, direct)
    assert status == response["status"]["code"]
    sent = mock.calls()[0]["json"]
    assert {**sent, "model": None} == {**body, "model": None}


def test_a_tool_that_nobody_knows_is_refused_by_name(wide_gateway, mock):
    body = {"model": UPSTREAMS["anthropic"].model, "max_tokens": 50, "messages": [{"role": "user", "content": HELLO}]}
    body["tools"] = [{"type": "advisor_20260301", "name": "advisor", "model": "x"}]
    headers = {**VERSION, "authorization": f"Bearer {wide_gateway.keys['open']}"}
    status, _, text = shapes.post(wide_gateway.url, "/v1/messages", body, headers)
    assert status == 422
    assert "advisor_20260301" in text.decode()
    assert mock.calls() == []


# === other dialects ===


def as_chat(gateway, model: str, stream: bool) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": HELLO}], "stream": stream}
    status, _, text = shapes.post(gateway.url, "/v1/chat/completions", body, {"authorization": f"Bearer {gateway.keys['open']}"})
    assert status == 200, text
    if stream:
        return "".join(choice.delta.content or "" for chunk in shapes.check_chat_stream(text) for choice in chunk.choices)
    return shapes.check(shapes.CHAT, json.loads(text)).choices[0].message.content or ""


def as_message(gateway, model: str, stream: bool) -> str:
    body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": HELLO}], "stream": stream}
    headers = {**VERSION, "x-api-key": gateway.keys["open"]}
    status, _, text = shapes.post(gateway.url, "/v1/messages", body, headers)
    assert status == 200, text
    if stream:
        deltas = [event.delta for event in shapes.check_message_stream(text) if event.type == "content_block_delta"]
        return "".join(delta.text for delta in deltas if delta.type == "text_delta")
    return "".join(block.text for block in shapes.check(shapes.MESSAGE, json.loads(text)).content if block.type == "text")


def as_response(gateway, model: str, stream: bool) -> str:
    body = {"model": model, "input": HELLO, "stream": stream}
    status, _, text = shapes.post(gateway.url, "/v1/responses", body, {"authorization": f"Bearer {gateway.keys['open']}"})
    assert status == 200, text
    read = shapes.check_response_stream(text)[-1].response if stream else shapes.check(shapes.RESPONSE, json.loads(text))
    return read.output_text


@pytest.mark.parametrize("folder, name, request_, response", list(ok("anthropic", "gemini", "bedrock")))
def test_other_dialects_say_the_same_text_in_their_own_shape(wide_gateway, mock, folder, name, request_, response):
    told = []
    for ask in (as_chat, as_message, as_response):
        if folder == "anthropic" and ask is as_message:
            continue  # not another dialect
        mock.script(f"replay-{name}")
        told.append(ask(wide_gateway, UPSTREAMS[folder].model, is_stream(response)))
    assert len(set(told)) == 1
