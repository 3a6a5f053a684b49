"""Messages through the `anthropic` package, in front of every dialect, with everything that the package does of itself."""

import json

import anthropic
import httpx2
import pytest
from pydantic import BaseModel

import shapes
from conftest import ways
from dialects import DIRECT, UPSTREAMS
from wanted import ARGUMENTS, ASK_BOTH, CLOCK, HELLO, PICTURE, PICTURE_SEEN, RESULTS, SAID, TOLD, WEATHER, message_tool

MESSAGES = [{"role": "user", "content": HELLO}]
TOOLS = [message_tool(WEATHER), message_tool(CLOCK)]
NATIVE = (DIRECT, "anthropic")
THINKERS = (DIRECT, "anthropic", "gemini", "bedrock")
ACROSS = ("openai", "azure", "anthropic", "gemini", "bedrock")


class Joke(BaseModel):
    setup: str
    punchline: str
    rating: int


def ask(way, **options):
    return way.anthropic().messages.create(model=way.model, **{"max_tokens": 50, "messages": MESSAGES, **options})


def raw(way, **options):
    body = {"model": way.model, "max_tokens": 50, "messages": MESSAGES, **options}
    return shapes.post(way.url, "/v1/messages", body, {"x-api-key": way.key, "anthropic-version": "2023-06-01"})


def text_of(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@ways()
def test_an_answer_has_the_declared_shape(way):
    status, _, text = raw(way)
    assert status == 200, text
    answer = shapes.check(shapes.MESSAGE, json.loads(text))
    assert (text_of(answer), answer.stop_reason) == (SAID, "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (2, 4)


@ways()
def test_a_stream_has_the_declared_events_in_order(way):
    status, headers, text = raw(way, stream=True)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), text
    read = shapes.check_message_stream(text)
    pieces = [event.delta.text for event in read if event.type == "content_block_delta"]
    assert "".join(pieces) == SAID
    assert (read[-2].delta.stop_reason, read[-2].usage.output_tokens) == ("end_turn", 4)


@ways()
def test_the_package_puts_a_stream_together(way):
    with way.anthropic().messages.stream(model=way.model, max_tokens=50, messages=MESSAGES) as stream:
        assert "".join(stream.text_stream) == SAID
        assert stream.get_final_message().usage.output_tokens == 4


@ways()
def test_system_prompt_history_and_limits_arrive(way):
    history = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": [{"type": "text", "text": "three four five"}]},
    ]
    answer = ask(way, system="Be brief.", messages=history, max_tokens=4)
    assert (text_of(answer).strip(), answer.stop_reason) == ("You said: three four", "max_tokens")
    assert answer.usage.input_tokens == 7


@ways(*NATIVE, "bedrock")
def test_a_stop_sequence_is_named(way):
    answer = ask(way, messages=[{"role": "user", "content": "three four five"}], stop_sequences=["four"])
    assert (text_of(answer).strip(), answer.stop_reason) == ("You said: three", "stop_sequence")
    if way.name != "bedrock":  # it does not say which
        assert answer.stop_sequence == "four"


@ways()
@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_are_called_and_answered(way, stream):
    question = {"role": "user", "content": ASK_BOTH}
    if stream:
        with way.anthropic().messages.stream(model=way.model, max_tokens=50, messages=[question], tools=TOOLS) as events:
            first = events.get_final_message()
    else:
        first = ask(way, messages=[question], tools=TOOLS)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    assert {call.name: call.input for call in calls} == ARGUMENTS
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    used = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls]
    answer = ask(way, messages=[question, {"role": "assistant", "content": used}, {"role": "user", "content": results}], tools=TOOLS)
    assert (text_of(answer), answer.stop_reason) == (TOLD, "end_turn")


@ways()
def test_tool_choice_is_kept(way):
    named = ask(way, tools=TOOLS, tool_choice={"type": "tool", "name": "clock"})
    assert [block.name for block in named.content if block.type == "tool_use"] == ["clock"]
    assert any(block.type == "tool_use" for block in ask(way, tools=TOOLS[:1], tool_choice={"type": "any"}).content)
    assert text_of(ask(way, tools=TOOLS, tool_choice={"type": "none"})) == SAID


@ways()
def test_a_picture_arrives(way):
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]
    answer = ask(way, messages=[{"role": "user", "content": parts}])
    assert text_of(answer) == f"You said: What is this? {PICTURE_SEEN}"


@ways(*NATIVE)
def test_structured_output_is_parsed(way):
    answer = way.anthropic().messages.parse(
        model=way.model, max_tokens=50, messages=[{"role": "user", "content": "A joke about 'a duck', 5 stars"}], output_format=Joke
    )
    assert answer.parsed_output == Joke(punchline="a duck", rating=5, setup="mock setup")


# === thinking and caching ===


@ways(*THINKERS)
@pytest.mark.parametrize("stream", [False, True])
def test_thinking_comes_first(way, stream):
    options = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    if stream:
        with way.anthropic().messages.stream(model=way.model, messages=MESSAGES, **options) as events:
            answer = events.get_final_message()
    else:
        answer = ask(way, **options)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert "short answer" in answer.content[0].thinking
    assert text_of(answer) == SAID


@ways("bedrock")
def test_what_only_anthropics_models_take_arrives_elsewhere_too(way, mock):
    thinking = {"type": "adaptive", "display": "omitted"}
    answer = ask(way, thinking=thinking, metadata={"user_id": "user-7"}, extra_body={"top_k": 40})
    assert [(block.type, getattr(block, "thinking", None)) for block in answer.content] == [("thinking", ""), ("text", None)]
    body = mock.calls()[0]["json"]
    assert body["additionalModelRequestFields"] == {"thinking": thinking, "top_k": 40}
    assert body["requestMetadata"] == {"user_id": "user-7"}


@ways(*NATIVE, "bedrock")
def test_a_thought_goes_back_with_its_signature(way):
    options = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": TOOLS}
    question = {"role": "user", "content": ASK_BOTH}
    first = ask(way, messages=[question], **options)
    kinds = [block.type for block in first.content]
    assert kinds == ["thinking", "tool_use", "tool_use"]
    calls = [block for block in first.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    content = [block.model_dump(exclude_none=True) for block in first.content]
    # The mock refuses a thought whose signature is not its own.
    answer = ask(way, messages=[question, {"role": "assistant", "content": content}, {"role": "user", "content": results}], **options)
    assert text_of(answer) == TOLD


@ways(*NATIVE, "bedrock")
def test_marks_of_the_cache_arrive_and_its_tokens_come_back(way):
    system = [{"type": "text", "text": "one two three", "cache_control": {"type": "ephemeral"}}]
    written = ask(way, system=system).usage
    assert (written.cache_creation_input_tokens, written.cache_read_input_tokens, written.input_tokens) == (3, 0, 2)
    history = [*MESSAGES, {"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}]
    read = ask(way, system=system, messages=history).usage
    assert (read.cache_creation_input_tokens, read.cache_read_input_tokens, read.input_tokens) == (0, 3, 4)


# === counting, models ===


@ways(*NATIVE)
def test_tokens_are_counted(way, mock):
    count = way.anthropic().messages.count_tokens(model=way.model, system="Be brief.", messages=MESSAGES, tools=TOOLS)
    assert count.input_tokens == 4
    body = {"model": way.model, "messages": MESSAGES}
    _, _, text = shapes.post(way.url, "/v1/messages/count_tokens", body, {"x-api-key": way.key, "anthropic-version": "2023-06-01"})
    shapes.check(shapes.COUNT, json.loads(text))
    assert all(call["path"].endswith("/messages/count_tokens") for call in mock.calls())


@ways("openai", "gemini", "bedrock")
def test_tokens_that_nobody_can_count_are_not_guessed(way, mock):
    with pytest.raises(anthropic.APIStatusError) as refused:
        way.anthropic().messages.count_tokens(model=way.model, messages=MESSAGES)
    assert refused.value.status_code in (404, 422)
    assert mock.calls() == []


def test_models_are_listed_in_this_dialect(wide_gateway):
    client = anthropic.Anthropic(base_url=wide_gateway.url, api_key=wide_gateway.keys["open"], max_retries=0)
    names = {model.id for model in client.models.list()}
    assert {upstream.model for upstream in UPSTREAMS.values()} <= names
    model = client.models.retrieve(UPSTREAMS["anthropic"].model)
    assert (model.type, model.id) == ("model", UPSTREAMS["anthropic"].model)
    shapes.check(shapes.MODEL, json.loads(model.to_json()))


@ways(*NATIVE)
def test_the_version_that_the_package_speaks_is_the_one_that_arrives(way, mock):
    ask(way)
    sent = mock.calls()[0]["headers"]["anthropic-version"]
    assert sent == way.anthropic().default_headers["anthropic-version"]
    with pytest.raises(anthropic.BadRequestError):  # the newest takes no sampling parameters
        ask(way, extra_body={"temperature": 0.5})
    assert text_of(ask(way, extra_body={"temperature": 0.5}, extra_headers={"anthropic-version": "2023-06-01"})) == SAID


@ways("anthropic")
def test_a_call_from_another_dialect_may_still_have_a_temperature(way):
    answer = way.openai().chat.completions.create(model=way.model, messages=MESSAGES, temperature=0.5, max_completion_tokens=50)
    assert answer.choices[0].message.content == SAID


@ways("anthropic", "openai")
@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_key_is_taken_in_either_header(way, mock, header):
    value = way.key if header == "x-api-key" else f"Bearer {way.key}"
    body = {"model": way.model, "max_tokens": 50, "messages": MESSAGES}
    status, _, text = shapes.post(way.url, "/v1/messages", body, {header: value, "anthropic-version": "2023-06-01"})
    assert status == 200, text
    assert way.key not in json.dumps(mock.calls())


# === errors ===


@ways(*ACROSS)
@pytest.mark.parametrize(
    "mode, kind", [("status-400", anthropic.BadRequestError), ("status-429", anthropic.RateLimitError), ("status-500", anthropic.InternalServerError)]
)
def test_errors_are_the_packages_own_exceptions(way, mock, mode, kind):
    mock.stand(mode)
    with pytest.raises(kind) as failed:
        ask(way)
    body = failed.value.response.json()
    assert body["type"] == "error"
    assert body["error"]["type"].endswith("_error")
    assert body["error"]["message"]


def test_refusals_have_this_dialects_shape(gateway, mock):
    def client(key):
        return anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0)

    secret = [{"role": "user", "content": "Why does this fail? AKIAIOSFODNN7EXAMPLE"}]
    cases = [
        (gateway.keys["casework"], "mockfr/echo@fr", secret, anthropic.PermissionDeniedError, "permission_error"),
        ("comity-not-a-key", "mockfr/echo@fr", MESSAGES, anthropic.AuthenticationError, "authentication_error"),
        (gateway.keys["casework"], "no-such-model", MESSAGES, anthropic.NotFoundError, "not_found_error"),
    ]
    for key, model, messages, kind, name in cases:
        with pytest.raises(kind) as refused:
            client(key).messages.create(model=model, max_tokens=50, messages=messages)
        assert refused.value.response.json()["error"]["type"] == name
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client(gateway.keys["casework"]).messages.create(model="mockfr/echo@fr", max_tokens=50, messages=secret)
    assert "credentials-never-leave" in json.dumps(refused.value.response.json())
    assert mock.calls() == []


@ways("anthropic", "openai", "bedrock")
def test_a_field_that_is_missing_is_a_bad_request(way):
    status, _, text = shapes.post(
        way.url, "/v1/messages", {"model": way.model, "messages": MESSAGES}, {"x-api-key": way.key, "anthropic-version": "2023-06-01"}
    )
    assert (status, json.loads(text)["error"]["type"]) == (400, "invalid_request_error")


@ways(*ACROSS)
@pytest.mark.parametrize("mode", ["truncated", "reset-after", "cut", "error-stream", "error-first"])
def test_a_stream_that_breaks_is_never_taken_for_a_whole_one(way, mock, mode):
    mock.script(mode)
    kinds = []
    try:
        for event in way.anthropic().messages.create(model=way.model, max_tokens=50, messages=MESSAGES, stream=True):
            kinds.append(event.type)
    except (anthropic.APIError, httpx2.HTTPError):
        return
    raise AssertionError(f"no error after {kinds}")


# === retries, timeouts, cancellation ===


class Attempts(httpx2.Client):
    """Counts the requests that the package makes for one call."""

    made = 0

    def send(self, *arguments, **options):
        self.made += 1
        return super().send(*arguments, **options)


@ways("anthropic", "openai")
def test_the_package_retries_what_may_pass_and_nothing_else(way, mock):
    for mode, expected in (("status-503", 2), ("status-429", 2), ("status-400", 1)):
        mock.stand(mode)
        with Attempts(timeout=60) as counting, pytest.raises(anthropic.APIStatusError):
            way.anthropic(max_retries=1, http_client=counting).messages.create(model=way.model, max_tokens=50, messages=MESSAGES)
        assert counting.made == expected, mode


@ways(*ACROSS)
def test_leaving_before_the_first_byte_cancels_the_call_upstream(way, mock):
    mock.script("stall")
    with pytest.raises(anthropic.APITimeoutError):
        way.anthropic(timeout=1).messages.create(model=way.model, max_tokens=50, messages=MESSAGES)
    assert mock.wait(cancelled=1)["cancelled"] == 1


@ways(*ACROSS)
def test_leaving_in_mid_stream_cancels_the_call_upstream(way, mock):
    mock.script("stall-stream")
    client = way.anthropic(timeout=1)
    with pytest.raises((anthropic.APITimeoutError, httpx2.TimeoutException)):
        list(client.messages.create(model=way.model, max_tokens=50, messages=MESSAGES, stream=True))
    client.close()
    assert mock.wait(cancelled=1)["cancelled"] == 1
