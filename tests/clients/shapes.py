"""Whether answers and events are what the client packages declare: every field they require, of the type they say, and none they do not
know. The packages themselves do not check; these functions do."""

import http.client
import json
import typing
from urllib.parse import urlsplit

import anthropic.types
import pydantic
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

# Beyond the packages' types, on purpose: an error's `comity` object, what compatible servers call a thought, its proof and what only its
# operator can read, and what the real Responses API answers although its package does not say so.
KNOWN = {"comity", "reasoning_content", "reasoning_signature", "reasoning_details", "store"}


def check(kind, value: dict):
    """The value as that type. Fails with the first thing that does not fit."""
    read = pydantic.TypeAdapter(member(kind, value)).validate_python(value)
    unknown = list(strangers(read, ""))
    assert not unknown, f"not in {type(read).__name__}: {unknown}"
    return read


def member(kind, value: dict):
    """Of a union the one that says that it is of this `type`."""
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is not typing.Union:
        return kind
    named = [one for one in typing.get_args(kind) if value["type"] in typing.get_args(one.model_fields["type"].annotation)]
    assert len(named) == 1, f"no event is called {value['type']!r}"
    return named[0]


def strangers(read, path: str):
    """Paths of fields that no type declares."""
    if isinstance(read, pydantic.BaseModel):
        for name in read.model_extra or {}:
            if name not in KNOWN:
                yield f"{path}.{name}"
        for name in type(read).model_fields:
            yield from strangers(getattr(read, name, None), f"{path}.{name}")
    elif isinstance(read, list):
        for at, item in enumerate(read):
            yield from strangers(item, f"{path}.{at}")


# === without the packages, which would hide the bytes ===


def post(base: str, path: str, body: dict, headers: dict):
    """Status, headers in lower case, and the body's bytes."""
    address = urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", address.path + path, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def events(text: bytes) -> list[tuple[str | None, str]]:
    """Server-sent events: name (if any) and data. Comments are left out."""
    found = []
    for frame in text.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line.partition(": ")[::2] for line in frame.split("\n") if line and not line.startswith(":")]
        fields = dict(lines)
        if "data" in fields:
            found.append((fields.get("event"), fields["data"]))
    return found


# === streams: each event's shape, and their order ===


def check_chat_stream(text: bytes) -> list[ChatCompletionChunk]:
    parsed = events(text)
    assert parsed[-1] == (None, "[DONE]")
    chunks = [check(ChatCompletionChunk, json.loads(data)) for _, data in parsed[:-1]]
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert len(finishes) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    return chunks


def check_message_stream(text: bytes) -> list:
    parsed = events(text)
    read = []
    for name, data in parsed:
        event = json.loads(data)
        assert event["type"] == name
        if name != "ping":
            read.append(check(RawMessageStreamEvent, event))
    assert [event.type for event in read[:1] + read[-2:]] == ["message_start", "message_delta", "message_stop"]
    check_blocks(read[1:-2])
    return read


def check_blocks(read: list):
    """Blocks open, fill and close one after the other."""
    open_index, expected = None, 0
    for event in read:
        if event.type == "content_block_start":
            assert (open_index, event.index) == (None, expected)
            open_index, expected = event.index, expected + 1
        elif event.type == "content_block_delta":
            assert event.index == open_index
        else:
            assert (event.type, event.index) == ("content_block_stop", open_index)
            open_index = None
    assert open_index is None


def check_response_stream(text: bytes) -> list:
    read = []
    for number, (name, data) in enumerate(events(text)):
        event = json.loads(data)
        assert (event["type"], event["sequence_number"]) == (name, number)
        read.append(check(ResponseStreamEvent, event))
    kinds = [event.type for event in read]
    assert kinds[0] == "response.created"
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    done = [event.item for event in read if event.type == "response.output_item.done"]
    assert [item.model_dump() for item in done] == [item.model_dump() for item in read[-1].response.output]
    return read


CHAT, RESPONSE, EMBEDDINGS, MESSAGE, COUNT = ChatCompletion, Response, CreateEmbeddingResponse, Message, MessageTokensCount
MODEL = anthropic.types.ModelInfo
