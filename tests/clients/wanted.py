"""What the tests ask for, once for all clients: tools, a picture, a schema."""

import base64
import struct
import zlib

HELLO = "hello there"
SAID = "You said: hello there"

WEATHER = {
    "name": "weather",
    "description": "The weather in a town.",
    "schema": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"], "additionalProperties": False},
}
CLOCK = {
    "name": "clock",
    "description": "The time in a town.",
    "schema": {
        "type": "object",
        "properties": {"town": {"type": "string"}, "hours": {"type": "integer"}},
        "required": ["town", "hours"],
        "additionalProperties": False,
    },
}
# The mock calls the tools that are named; quoted words and numbers go into the arguments, in order.
ASK_BOTH = "The weather in 'York', and the clock in 'Leeds' with 24 hours?"
ARGUMENTS = {"weather": {"town": "York"}, "clock": {"town": "Leeds", "hours": 24}}
RESULTS = {"weather": "rain", "clock": "noon"}
TOLD = "The tools said: rain; noon"


def picture() -> bytes:
    """A PNG of one grey point, made here."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")


PICTURE = base64.b64encode(picture()).decode()
PICTURE_URL = f"data:image/png;base64,{PICTURE}"
PICTURE_SEEN = f"[image/png, {len(picture())} bytes]"


def chat_tool(tool: dict) -> dict:
    function = {"name": tool["name"], "description": tool["description"], "parameters": tool["schema"], "strict": True}
    return {"type": "function", "function": function}


def response_tool(tool: dict) -> dict:
    return {"type": "function", "name": tool["name"], "description": tool["description"], "parameters": tool["schema"], "strict": True}


def message_tool(tool: dict) -> dict:
    return {"name": tool["name"], "description": tool["description"], "input_schema": tool["schema"]}
