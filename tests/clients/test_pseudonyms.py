"""Terms that ask for pseudonyms, through the `openai` and `anthropic` packages: what the application sees is what it sees without them, in
every dialect, whole and in streams that cut pseudonyms anywhere; what the upstream sees has no value in it."""

import json
import re

import anthropic
import openai
import pytest
from pydantic import BaseModel

import shapes
from conftest import Way, direct_to, through
from dialects import UPSTREAMS
from wanted import chat_tool, message_tool, response_tool

EMAIL = "ada.lovelace@clinic.example"
PHONE = "+44 7911 123456"
IBAN = "GB29 NWBK 6016 1331 9268 19"
CARD = "4111 1111 1111 1111"
USER = "ward-7/bed-3"
VALUES = (EMAIL, PHONE, IBAN, CARD, USER)

HEARD = f'Write to {EMAIL}, or call {PHONE}; "é\\n" {EMAIL}'
SAID = f"You said: {HEARD}"
# The mock calls the tools that are named; quoted words go into the arguments, in order.
ASK_BOTH = f"mail '{EMAIL}' about '{PHONE}', and bill '{IBAN}' with '{CARD}'"
UNQUOTED = f"JSON of {EMAIL} and {CARD}, please: \\ \t"
PERSON = f"Who is '{EMAIL}' at '{PHONE}'?"


def schema(*names: str) -> dict:
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": list(names), "additionalProperties": False}


MAIL = {"name": "mail", "description": f"Never to {EMAIL} alone.", "schema": schema("to", "topic")}
BILL = {"name": "bill", "description": "Bills somebody.", "schema": schema("account", "card")}
ARGUMENTS = {"mail": {"to": EMAIL, "topic": PHONE}, "bill": {"account": IBAN, "card": CARD}}
RESULTS = {"mail": f"sent to {EMAIL}", "bill": json.dumps({"from": IBAN, "note": f"\u201c{PHONE}\u201d"}, ensure_ascii=False)}
TOLD = f"The tools said: {RESULTS['mail']}; {RESULTS['bill']}"

NATIVE = {"chat": ("openai", "chat", "azure", "azurenew"), "responses": ("openai", "azurenew"), "messages": ("anthropic",)}
THINKERS = ("anthropic", "gemini", "bedrock")


class Person(BaseModel):
    email: str
    phone: str


# === three ways to the same mock ===


@pytest.fixture
def small(mock):
    """Streams come in pieces of three characters, and thoughts repeat what was heard."""
    mock.stand("pieces-3")
    return mock


@pytest.fixture(params=list(UPSTREAMS))
def hidden(request, hidden_gateway, small) -> Way:
    """Through a gateway whose terms ask for pseudonyms."""
    return through(hidden_gateway, request.param)


@pytest.fixture
def plain(hidden, wide_gateway) -> Way:
    """The same upstream, as it is."""
    return through(wide_gateway, hidden.name)


def only(*names: str):
    return pytest.mark.parametrize("hidden", names, indirect=True)


def same(ask, hidden, plain, mock, api):
    """What `ask` sees is the same with pseudonyms and without, and the same as from the mock itself where no dialect is translated."""
    mock.clear()
    mock.stand("pieces-3")
    seen = ask(hidden)
    expect_hidden(mock)
    assert seen == ask(plain)
    if hidden.name in NATIVE[api]:
        assert seen == ask(direct_to(mock))
    return seen


def expect_hidden(mock):
    """Nothing that was sent has a value in it, and all of it has pseudonyms."""
    calls = mock.calls()
    assert calls
    for call in calls:
        for value in VALUES:
            for written in (value, value.replace(" ", ""), json.dumps(value)[1:-1]):
                assert written not in call["text"], f"{call['path']}: {call['text']}"
        assert "PII_" in call["text"], f"{call['path']}: {call['text']}"


# What differs from answer to answer, counts words, or proves other words.
APART = {"id", "call_id", "item_id", "created", "created_at", "completed_at", "usage", "obfuscation", "sequence_number", "model"}
APART |= {"signature", "encrypted_content", "reasoning_signature", "reasoning_details", "system_fingerprint"}


def content(value):
    """An answer without what is apart."""
    if isinstance(value, BaseModel):
        return content(value.model_dump(warnings=False))
    if isinstance(value, dict):
        return {name: content(member) for name, member in value.items() if name not in APART}
    return [content(item) for item in value] if isinstance(value, list) else value


def order(events) -> list[str]:
    """The kinds of events in their order; how many pieces a text comes in is nobody's promise."""
    kinds, pieces = [], set()
    for event in events:
        if "delta" in event.type.split("_") + event.type.split(".") or event.type in ("text", "thinking", "input_json"):
            pieces.add(event.type)
        else:
            kinds += [*sorted(pieces), event.type]
            pieces.clear()
    return [*kinds, *sorted(pieces)]


# === chat completions ===


def chats(text: str, **options) -> dict:
    history = [
        {"role": "system", "content": f"Bill {IBAN}."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": f"Their card is {CARD}."},
    ]
    return {"messages": [*history, {"role": "user", "content": text}], **options}


def by_user(way: Way) -> dict:
    return {} if way.name == "gemini" else {"user": USER}  # it has no place for one


def chat(way: Way, stream: bool, **options):
    """(kinds of events, the completion)"""
    completions = way.openai().chat.completions
    if stream:
        with completions.stream(model=way.model, **options) as events:
            kinds = order(event for event in events if event.type != "chunk")
            return kinds, content(events.get_final_completion())
    make = completions.parse if isinstance(options.get("response_format"), type) else completions.create
    return [], content(make(model=way.model, **options))


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat(hidden, plain, small, stream):
    _, answer = same(lambda way: chat(way, stream, **chats(HEARD)), hidden, plain, small, "chat")
    assert answer["choices"][0]["message"]["content"] == SAID


def test_the_chunks_of_a_chat_have_the_declared_shape(hidden, small):
    body = {"model": hidden.model, "stream": True, "stream_options": {"include_usage": True}, **chats(HEARD, **by_user(hidden))}
    status, headers, text = shapes.post(hidden.url, "/v1/chat/completions", body, {"authorization": f"Bearer {hidden.key}"})
    assert (status, headers["comity-means"]) == (200, "pseudonymised"), text
    assert int(headers["comity-pseudonym-epoch"]) > 200
    chunks = shapes.check_chat_stream(text)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID
    assert chunks[-1].usage.total_tokens > 0
    assert len(chunks) > 20, "the answer was collected"
    expect_hidden(small)


@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_a_chat(hidden, plain, small, stream):
    def ask(way):
        question, tools = {"role": "user", "content": ASK_BOTH}, [chat_tool(MAIL), chat_tool(BILL)]
        kinds, first = chat(way, stream, messages=[question], tools=tools)
        return kinds, {call["function"]["name"]: json.loads(call["function"]["arguments"]) for call in first["choices"][0]["message"]["tool_calls"]}

    assert same(ask, hidden, plain, small, "chat")[1] == ARGUMENTS


def test_a_chat_goes_on_with_what_its_tools_said(hidden, small):
    question, tools = {"role": "user", "content": ASK_BOTH}, [chat_tool(MAIL), chat_tool(BILL)]
    with hidden.openai().chat.completions.stream(model=hidden.model, messages=[question], tools=tools) as events:
        calls = events.get_final_completion().choices[0].message.tool_calls
    made = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(exclude={"function": {"parsed_arguments"}}) for call in calls]}
    results = [{"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in calls]
    messages = [question, made, *results]
    answer = hidden.openai().chat.completions.create(model=hidden.model, messages=messages, tools=tools)
    assert answer.choices[0].message.content == TOLD
    expect_hidden(small)
    expect_same_pseudonyms(small)


def expect_same_pseudonyms(mock):
    """A model knows in the second turn whom it spoke of in the first."""
    first, second = (set(re.findall(r"PII_[A-Z]{3}_[0-9A-Z]{16}", call["text"])) for call in mock.calls())
    assert first and first <= second


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_of_a_chat(hidden, plain, small, stream):
    _, answer = same(lambda way: chat(way, stream, **chats(PERSON, response_format=Person)), hidden, plain, small, "chat")
    assert answer["choices"][0]["message"]["parsed"] == {"email": EMAIL, "phone": PHONE}


# Anthropic's and Amazon's dialects have no JSON without a schema.
@only("openai", "chat", "azure", "azurenew", "gemini")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", [PERSON, UNQUOTED], ids=["names", "words"])
def test_json_of_a_chat(hidden, plain, small, text, stream):
    options = chats(text, response_format={"type": "json_object"})
    _, answer = same(lambda way: chat(way, stream, **options), hidden, plain, small, "chat")
    said = json.loads(answer["choices"][0]["message"]["content"])
    assert said == ({"said": UNQUOTED} if text == UNQUOTED else {EMAIL: f"mock {EMAIL}", PHONE: f"mock {PHONE}"})


@only("openai", "anthropic", "gemini", "bedrock")
@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_of_a_chat(hidden, plain, small, stream):
    def ask(way):
        options = chats(HEARD, reasoning_effort="low", max_completion_tokens=4000)
        if not stream:
            message = way.openai().chat.completions.create(model=way.model, **options).choices[0].message
            return (message.model_extra or {}).get("reasoning_content"), message.content
        deltas = [chunk.choices[0].delta for chunk in way.openai().chat.completions.create(model=way.model, stream=True, **options) if chunk.choices]
        return "".join((delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas), "".join(delta.content or "" for delta in deltas)

    thought, said = same(ask, hidden, plain, small, "chat")
    assert said == SAID
    if hidden.name in ("anthropic", "bedrock"):  # the others do not say what they thought
        assert thought == f"They said: {HEARD}"


@only("anthropic", "bedrock")
def test_a_thought_goes_back_through_a_chat(hidden, small):
    options = {"reasoning_effort": "low", "max_completion_tokens": 4000, "tools": [chat_tool(MAIL), chat_tool(BILL)]}
    question = {"role": "user", "content": ASK_BOTH}
    create = hidden.openai().chat.completions.create
    made = create(model=hidden.model, messages=[question], **options).choices[0].message
    assert made.model_extra["reasoning_content"] == f"They said: {ASK_BOTH}"
    results = [{"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in made.tool_calls]
    messages = [question, made.model_dump(exclude_none=True), *results]
    # The mock refuses a thought that is another than it signed.
    assert create(model=hidden.model, messages=messages, **options).choices[0].message.content == TOLD
    assert "They said: mail" in json.dumps(small.calls()[1]["json"])
    expect_hidden(small)


def test_a_chat_stops_at_a_value(hidden, small):
    options = {"stop": [EMAIL], **by_user(hidden)}
    answer = hidden.openai().chat.completions.create(model=hidden.model, messages=[{"role": "user", "content": HEARD}], **options)
    assert answer.choices[0].message.content == "You said: Write to "
    expect_hidden(small)


# === responses ===


def response(way: Way, stream: bool, **options):
    """(kinds of events, the response)"""
    responses = way.openai().responses
    if stream:
        with responses.stream(model=way.model, **options) as events:
            return order(events), content(events.get_final_response())
    make = responses.parse if "text_format" in options else responses.create
    return [], content(make(model=way.model, **options))


def inputs(text: str, **options) -> dict:
    history = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": f"Their card is {CARD}."}]
    return {"instructions": f"Bill {IBAN}.", "input": [*history, {"role": "user", "content": text}], **options}


def texts(answer: dict) -> str:
    return "".join(part["text"] for item in answer["output"] if item["type"] == "message" for part in item["content"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_response(hidden, plain, small, stream):
    options = inputs(HEARD, metadata={"case": f"for {EMAIL}"}) if hidden.name in NATIVE["responses"] else inputs(HEARD)
    _, answer = same(lambda way: response(way, stream, **options), hidden, plain, small, "responses")
    assert texts(answer) == SAID


def test_the_events_of_a_response_have_the_declared_shape(hidden, small):
    body = {"model": hidden.model, "stream": True, **inputs(HEARD)}
    status, headers, text = shapes.post(hidden.url, "/v1/responses", body, {"authorization": f"Bearer {hidden.key}"})
    assert (status, headers["comity-means"]) == (200, "pseudonymised"), text
    read = shapes.check_response_stream(text)
    assert "".join(event.delta for event in read if event.type == "response.output_text.delta") == SAID
    assert [event.text for event in read if event.type == "response.output_text.done"] == [SAID]
    expect_hidden(small)


@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_a_response_and_what_they_said(hidden, plain, small, stream):
    question, tools = {"role": "user", "content": ASK_BOTH}, [response_tool(MAIL), response_tool(BILL)]

    def calls(way):
        kinds, first = response(way, stream, input=[question], tools=tools)
        made = [item for item in first["output"] if item["type"] == "function_call"]
        return kinds, {call["name"]: json.loads(call["arguments"]) for call in made}

    assert same(calls, hidden, plain, small, "responses")[1] == ARGUMENTS
    small.clear()
    small.stand("pieces-3")
    first = hidden.openai().responses.create(model=hidden.model, input=[question], tools=tools)
    made = [item.model_dump(include={"type", "call_id", "name", "arguments"}) for item in first.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": RESULTS[call["name"]]} for call in made]
    answer = hidden.openai().responses.create(model=hidden.model, input=[question, *made, *results], tools=tools)
    assert answer.output_text == TOLD
    expect_hidden(small)
    expect_same_pseudonyms(small)


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_of_a_response(hidden, plain, small, stream):
    def ask(way):
        if not stream:
            return way.openai().responses.parse(model=way.model, text_format=Person, **inputs(PERSON)).output_parsed
        with way.openai().responses.stream(model=way.model, text_format=Person, **inputs(PERSON)) as events:
            return events.get_final_response().output_parsed

    assert same(ask, hidden, plain, small, "responses") == Person(email=EMAIL, phone=PHONE)


@only("openai", "azurenew", *THINKERS)
@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_of_a_response(hidden, plain, small, stream):
    options = inputs(HEARD, reasoning={"effort": "low", "summary": "auto"}, max_output_tokens=4000)
    _, answer = same(lambda way: response(way, stream, **options), hidden, plain, small, "responses")
    thought = next(item for item in answer["output"] if item["type"] == "reasoning")
    assert "".join(part["text"] for part in thought["summary"]) == f"They said: {HEARD}"
    assert texts(answer) == SAID


@only("anthropic", "bedrock")
def test_a_thought_goes_back_through_a_response(hidden, small):
    options = {"reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 4000, "store": False}
    options |= {"include": ["reasoning.encrypted_content"], "tools": [response_tool(MAIL), response_tool(BILL)]}
    question = {"role": "user", "content": ASK_BOTH}
    create = hidden.openai().responses.create
    made = create(model=hidden.model, input=[question], **options).output
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in made if call.type == "function_call"]
    items = [item.model_dump(exclude_none=True) for item in made]
    assert create(model=hidden.model, input=[question, *items, *results], **options).output_text == TOLD
    assert "They said: mail" in json.dumps(small.calls()[1]["json"])
    expect_hidden(small)


@only("openai", "azurenew")
def test_what_the_upstream_keeps_under_pseudonyms_is_not_given_out(hidden, small):
    client = hidden.openai()
    first = client.responses.create(model=hidden.model, **inputs(HEARD))
    before = small.tally()["calls"]
    with pytest.raises(openai.PermissionDeniedError):
        client.responses.create(model=hidden.model, input="and now", previous_response_id=first.id)
    with pytest.raises(openai.PermissionDeniedError):
        client.responses.retrieve(first.id)
    assert small.tally()["calls"] == before


# === messages ===


def messages(text: str, **options) -> dict:
    history = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": f"Their card is {CARD}."}]
    return {"max_tokens": 4000, "system": f"Bill {IBAN}.", "messages": [*history, {"role": "user", "content": text}], **options}


def message(way: Way, stream: bool, **options):
    """(kinds of events, the message)"""
    if stream:
        with way.anthropic().messages.stream(model=way.model, **options) as events:
            return order(events), content(events.get_final_message())
    return [], content(way.anthropic().messages.create(model=way.model, **options))


@pytest.mark.parametrize("stream", [False, True])
def test_a_message(hidden, plain, small, stream):
    _, answer = same(lambda way: message(way, stream, **messages(HEARD)), hidden, plain, small, "messages")
    assert "".join(block["text"] for block in answer["content"]) == SAID


def test_the_events_of_a_message_have_the_declared_shape(hidden, small):
    body = {"model": hidden.model, "stream": True, **messages(HEARD)}
    headers = {"x-api-key": hidden.key, "anthropic-version": "2023-06-01"}
    status, headers, text = shapes.post(hidden.url, "/v1/messages", body, headers)
    assert (status, headers["comity-means"]) == (200, "pseudonymised"), text
    read = shapes.check_message_stream(text)
    assert "".join(event.delta.text for event in read if event.type == "content_block_delta") == SAID
    expect_hidden(small)


@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_a_message_and_what_they_said(hidden, plain, small, stream):
    question, tools = {"role": "user", "content": ASK_BOTH}, [message_tool(MAIL), message_tool(BILL)]

    def calls(way):
        kinds, first = message(way, stream, max_tokens=50, messages=[question], tools=tools)
        return kinds, {block["name"]: block["input"] for block in first["content"] if block["type"] == "tool_use"}

    assert same(calls, hidden, plain, small, "messages")[1] == ARGUMENTS
    small.clear()
    small.stand("pieces-3")
    first = hidden.anthropic().messages.create(model=hidden.model, max_tokens=50, messages=[question], tools=tools)
    answer = hand_back(hidden, first, question, max_tokens=50, tools=tools)
    assert "".join(block.text for block in answer.content) == TOLD
    expect_hidden(small)
    expect_same_pseudonyms(small)


def hand_back(way, first, question, **options):
    """The whole first answer as history, and the results of its tools."""
    calls = [block for block in first.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    blocks = [block.model_dump(include=set(FIELDS[block.type])) for block in first.content]
    history = [question, {"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
    return way.anthropic().messages.create(model=way.model, messages=history, **options)


FIELDS = {"thinking": ("type", "thinking", "signature"), "text": ("type", "text"), "tool_use": ("type", "id", "name", "input")}


@only("anthropic")
@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_of_a_message(hidden, plain, small, stream):
    def ask(way):
        if not stream:
            return way.anthropic().messages.parse(model=way.model, output_format=Person, **messages(PERSON)).parsed_output
        with way.anthropic().messages.stream(model=way.model, output_format=Person, **messages(PERSON)) as events:
            return events.get_final_message().parsed_output

    assert same(ask, hidden, plain, small, "messages") == Person(email=EMAIL, phone=PHONE)


THINKING = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}}


@only(*THINKERS)
@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_of_a_message(hidden, plain, small, stream):
    _, answer = same(lambda way: message(way, stream, **messages(HEARD, **THINKING)), hidden, plain, small, "messages")
    assert [block["type"] for block in answer["content"]] == ["thinking", "text"]
    assert (answer["content"][0]["thinking"], answer["content"][1]["text"]) == (f"They said: {HEARD}", SAID)


@only("anthropic", "bedrock")
@pytest.mark.parametrize("stream", [False, True])
def test_a_thought_goes_back_as_it_was_signed(hidden, small, stream):
    question, options = {"role": "user", "content": ASK_BOTH}, {**THINKING, "tools": [message_tool(MAIL), message_tool(BILL)]}
    if stream:
        with hidden.anthropic().messages.stream(model=hidden.model, messages=[question], **options) as events:
            first = events.get_final_message()
    else:
        first = hidden.anthropic().messages.create(model=hidden.model, messages=[question], **options)
    assert first.content[0].thinking == f"They said: {ASK_BOTH}"
    # The mock refuses a thought that is another than it signed.
    answer = hand_back(hidden, first, question, **options)
    assert [block.text for block in answer.content if block.type == "text"] == [TOLD]
    expect_hidden(small)
    # One that was changed by its application is refused by the one who signed it, and leaks nothing.
    first.content[0].thinking = f"They meant: {EMAIL}"
    with pytest.raises(anthropic.BadRequestError):
        hand_back(hidden, first, question, **options)
    expect_hidden(small)


@only("anthropic", "bedrock")
def test_a_thought_that_was_made_without_pseudonyms_does_not_go(hidden, plain, small):
    question, options = {"role": "user", "content": ASK_BOTH}, {**THINKING, "tools": [message_tool(MAIL), message_tool(BILL)]}
    first = plain.anthropic().messages.create(model=plain.model, messages=[question], **options)
    small.clear()
    with pytest.raises(anthropic.APIStatusError) as refused:
        hand_back(hidden, first, question, **options)
    assert refused.value.status_code in (403, 422)
    assert EMAIL not in refused.value.message
    assert small.calls() == []


@only("anthropic")
def test_a_message_stops_at_a_value(hidden, plain, small):
    def ask(way):
        return message(way, False, **messages(HEARD, stop_sequences=[EMAIL], metadata={"user_id": USER}))

    _, answer = same(ask, hidden, plain, small, "messages")
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", EMAIL)


@only("anthropic")
def test_tokens_are_counted_of_what_would_be_sent(hidden, small):
    options = {name: value for name, value in messages(HEARD).items() if name != "max_tokens"}
    assert hidden.anthropic().messages.count_tokens(model=hidden.model, **options).input_tokens > 0
    expect_hidden(small)


# === what is the same in all dialects ===


@only("openai", "chat", "azure")
def test_embeddings(hidden, small):
    raw = hidden.openai().embeddings.with_raw_response.create(model=hidden.model, input=[HEARD, f"card {CARD}"], user=USER)
    assert [len(item.embedding) > 0 for item in raw.parse().data] == [True, True]
    assert raw.headers["comity-means"] == "pseudonymised"
    expect_hidden(small)


def test_a_call_without_personal_data_has_the_means_and_no_pseudonym(hidden, small):
    raw = hidden.openai().chat.completions.with_raw_response.create(model=hidden.model, messages=[{"role": "user", "content": "hello there"}])
    assert raw.parse().choices[0].message.content == "You said: hello there"
    assert "PII_" not in small.calls()[0]["text"]


def test_an_epoch_is_kept_by_its_header(hidden, small):
    create = hidden.openai().chat.completions.with_raw_response.create
    first = create(model=hidden.model, **chats(HEARD))
    epoch = first.headers["comity-pseudonym-epoch"]
    again = create(model=hidden.model, **chats(HEARD), extra_headers={"comity-pseudonym-epoch": epoch})
    assert again.headers["comity-pseudonym-epoch"] == epoch
    expect_same_pseudonyms(small)
    with pytest.raises(openai.BadRequestError):
        create(model=hidden.model, **chats(HEARD), extra_headers={"comity-pseudonym-epoch": "4000000000"})


# A text that looks like a pseudonym, in the application's own words, stands for itself.
ECHO = "PII_EML_0123456789ABCDEF"


def test_what_looks_like_a_pseudonym_comes_back_as_it_is(hidden, small):
    for stream in (False, True):
        _, answer = chat(hidden, stream, messages=[{"role": "user", "content": f"{ECHO} is {EMAIL}"}])
        assert answer["choices"][0]["message"]["content"] == f"You said: {ECHO} is {EMAIL}"


# === an answer that names somebody else ===

WORDS = "the answer cannot be given out: the answer names a pseudonym that this call does not have"
# What stands in those answers from the event on that completes the pseudonym. Its beginning alone is nobody's.
AFTER = ("56789ABCDEF", "never", "[DONE]", '"finish_reason":"stop"', "end_turn", "message_stop", "completed")


@only("openai", "azurenew")
def test_an_unknown_pseudonym_is_an_error_of_the_package(hidden, small):
    client = hidden.openai()
    for number, create, options in ((0, client.chat.completions.create, chats(HEARD)), (2, client.responses.create, inputs(HEARD))):
        small.script(f"replay-unknown@{number}", f"replay-unknown@{number + 1}")
        with pytest.raises(openai.InternalServerError) as failed:
            create(model=hidden.model, **options)
        assert (failed.value.status_code, WORDS in failed.value.message) == (502, True)
        given = []
        try:
            for event in create(model=hidden.model, stream=True, **options):
                given.append(event)
        except openai.APIError as error:
            assert WORDS in error.message
        else:  # the package gives errors of this API out as events
            assert given[-1].type == "error" and WORDS in given[-1].message
        assert given, "what was in order came"
        assert not [part for part in AFTER if part in "".join(event.to_json() for event in given)]


@only("anthropic")
def test_an_unknown_pseudonym_is_an_error_of_the_other_package(hidden, small):
    small.script("replay-unknown@4", "replay-unknown@5")
    with pytest.raises(anthropic.InternalServerError) as failed:
        hidden.anthropic().messages.create(model=hidden.model, **messages(HEARD))
    assert WORDS in failed.value.message
    given = []
    with pytest.raises(anthropic.APIError) as failed:
        for event in hidden.anthropic().messages.create(model=hidden.model, stream=True, **messages(HEARD)):
            given.append(event)
    assert WORDS in failed.value.message
    assert given and not [part for part in AFTER if part in "".join(event.to_json() for event in given)]


@pytest.mark.parametrize(
    "upstream, path, options, number",
    [
        ("openai", "/v1/chat/completions", chats(HEARD), 1),
        ("azurenew", "/v1/responses", inputs(HEARD), 3),
        ("anthropic", "/v1/messages", messages(HEARD), 5),
        # Translated on the way.
        ("openai", "/v1/messages", messages(HEARD), 1),
        ("anthropic", "/v1/responses", inputs(HEARD), 5),
        ("anthropic", "/v1/chat/completions", chats(HEARD, max_completion_tokens=50), 5),
    ],
)
def test_nothing_comes_after_an_unknown_pseudonym(hidden_gateway, mock, upstream, path, options, number):
    way = through(hidden_gateway, upstream)
    mock.script(f"replay-unknown@{number}")
    headers = {"authorization": f"Bearer {way.key}", "anthropic-version": "2023-06-01"}
    status, _, text = shapes.post(way.url, path, {"model": way.model, "stream": True, **options}, headers)
    assert status == 200
    read = shapes.events(text)
    assert WORDS in read[-1][1]
    assert sum(WORDS in data for _, data in read) == 1
    given = text.decode()
    assert "Ask " in given
    assert not [part for part in AFTER if part in given]
