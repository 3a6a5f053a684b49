"""Chat Completions through the `openai` package, in front of every dialect: the same call, the same answer, whatever stands behind."""

import json

import openai
import pytest
from pydantic import BaseModel

import shapes
from conftest import ways
from dialects import DIRECT, sent_path
from wanted import ARGUMENTS, ASK_BOTH, CLOCK, HELLO, PICTURE_SEEN, PICTURE_URL, RESULTS, SAID, TOLD, WEATHER, chat_tool

MESSAGES = [{"role": "user", "content": HELLO}]
TOOLS = [chat_tool(WEATHER), chat_tool(CLOCK)]
PATHS = {
    "openai": "/v1/chat/completions",
    "chat": "/v1/chat/completions",
    "azure": "/openai/deployments/echo-1/chat/completions",
    "azurenew": "/openai/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/echo-1:generateContent",
    "bedrock": "/model/anthropic.echo/converse",
}


class Joke(BaseModel):
    setup: str
    punchline: str
    rating: int


def ask(way, **options):
    return way.openai().chat.completions.create(model=way.model, **{"messages": MESSAGES, **options})


def raw(way, **options):
    body = {"model": way.model, "messages": MESSAGES, **options}
    return shapes.post(way.url, "/v1/chat/completions", body, {"authorization": f"Bearer {way.key}"})


@ways()
def test_an_answer_has_the_declared_shape(way, mock):
    status, _, text = raw(way, max_completion_tokens=50)
    assert status == 200, text
    answer = shapes.check(shapes.CHAT, json.loads(text))
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2, 4, 6)
    if way.name != DIRECT:
        assert [sent_path(call) for call in mock.calls()] == [PATHS[way.name]]


@ways()
def test_a_stream_has_the_declared_events_in_order(way):
    status, headers, text = raw(way, stream=True, stream_options={"include_usage": True})
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), text
    chunks = shapes.check_chat_stream(text)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 6


@ways()
def test_a_stream_without_asking_for_usage_has_none(way):
    chunks = list(ask(way, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@ways()
def test_system_prompt_history_and_limits_arrive(way):
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three four five"},
    ]
    answer = ask(way, messages=history, max_completion_tokens=4)
    assert answer.choices[0].message.content.strip() == "You said: three four"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.prompt_tokens == 7
    stopped = ask(way, messages=history, stop=["four"])
    assert stopped.choices[0].message.content.strip() == "You said: three"


@ways()
@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_are_called_and_answered(way, stream):
    question = {"role": "user", "content": ASK_BOTH}
    if stream:
        with way.openai().chat.completions.stream(model=way.model, messages=[question], tools=TOOLS) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = ask(way, messages=[question], tools=TOOLS).choices[0].message
    calls = message.tool_calls
    assert {call.function.name: json.loads(call.function.arguments) for call in calls} == ARGUMENTS
    assert len({call.id for call in calls}) == 2
    assistant = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(exclude={"function": {"parsed_arguments"}}) for call in calls]}
    results = [{"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in calls]
    answer = ask(way, messages=[question, assistant, *results], tools=TOOLS)
    assert answer.choices[0].message.content == TOLD
    assert answer.choices[0].finish_reason == "stop"


@ways()
def test_tool_choice_is_kept(way):
    named = ask(way, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "clock"}})
    assert [call.function.name for call in named.choices[0].message.tool_calls] == ["clock"]
    assert named.choices[0].finish_reason in ("stop", "tool_calls")
    required = ask(way, tools=TOOLS[:1], tool_choice="required")
    assert len(required.choices[0].message.tool_calls) == 1
    assert ask(way, tools=TOOLS, tool_choice="none").choices[0].message.content == SAID


@ways(DIRECT, "openai", "chat", "azure", "anthropic")
def test_one_call_at_a_time_if_asked(way):
    answer = ask(way, tools=TOOLS, parallel_tool_calls=False)
    assert len(answer.choices[0].message.tool_calls) == 1


@ways("gemini", "bedrock")
def test_what_a_dialect_cannot_say_is_an_error_that_names_the_field(way, mock):
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(way, tools=TOOLS, parallel_tool_calls=False)
    assert refused.value.code == "cannot_honour"
    assert "parallel_tool_calls" in refused.value.message
    assert mock.calls() == []


@ways()
def test_several_calls_at_once_may_be_asked_for(way):
    answer = ask(way, messages=[{"role": "user", "content": ASK_BOTH}], tools=TOOLS, parallel_tool_calls=True)
    assert len(answer.choices[0].message.tool_calls) == 2


@ways()
def test_structured_output_is_parsed(way):
    answer = way.openai().chat.completions.parse(
        model=way.model, messages=[{"role": "user", "content": "A joke about 'a duck', 5 stars"}], response_format=Joke
    )
    assert answer.choices[0].message.parsed == Joke(punchline="a duck", rating=5, setup="mock setup")


@ways()
def test_a_picture_arrives(way):
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PICTURE_URL}}]
    answer = ask(way, messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == f"You said: What is this? {PICTURE_SEEN}"


@ways(DIRECT, "openai", "anthropic", "bedrock")
def test_a_document_arrives(way):
    data = "data:application/pdf;base64,JVBERi0xLjQ="
    parts = [{"type": "text", "text": "Read."}, {"type": "file", "file": {"filename": "a.pdf", "file_data": data}}]
    answer = ask(way, messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "You said: Read. [application/pdf, 8 bytes]"


@ways()
def test_reasoning_is_counted(way):
    usage = ask(way, reasoning_effort="low", max_completion_tokens=4000).usage
    assert usage.completion_tokens == 4 + 10
    if way.name not in ("anthropic", "bedrock"):  # they do not say how many of the tokens were thought
        assert usage.completion_tokens_details.reasoning_tokens == 10


@ways()
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_model_is_told(way, mock, stream):
    mock.script("refuse")
    if stream:
        choices = [chunk.choices[0] for chunk in ask(way, stream=True) if chunk.choices]
        told = "".join((choice.delta.refusal or choice.delta.content or "") for choice in choices)
        finish = choices[-1].finish_reason
    else:
        choice = ask(way).choices[0]
        told, finish = choice.message.refusal or choice.message.content, choice.finish_reason
    assert told == "I cannot help with that." or finish == "content_filter"


@ways()
def test_comments_between_events_do_no_harm(way, mock):
    mock.script("comments")
    chunks = list(ask(way, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID


@ways("openai", "azurenew", "anthropic", "gemini", "bedrock")
@pytest.mark.parametrize("mode", ["truncated", "reset-after", "cut", "error-stream", "error-first"])
def test_a_stream_that_breaks_is_never_taken_for_a_whole_one(way, mock, mode):
    mock.script(mode)
    with pytest.raises(openai.APIError):
        list(ask(way, stream=True))


@ways("openai", "azure", "anthropic", "gemini", "bedrock")
def test_a_call_that_the_upstream_calls_bad_is_a_bad_request(way, mock):
    mock.script("status-400")
    with pytest.raises(openai.BadRequestError) as refused:
        ask(way)
    assert "Invalid value" in refused.value.message


@ways("openai", "azure", "anthropic", "gemini", "bedrock")
def test_the_first_piece_comes_before_the_last_is_there(way, mock):
    mock.script("hold-stream")
    stream = iter(ask(way, stream=True))
    next(stream)
    mock.release()
    assert list(stream)[-1].choices[0].finish_reason == "stop"


@ways("openai", "azure", "anthropic", "gemini", "bedrock")
def test_leaving_in_mid_stream_cancels_the_call_upstream(way, mock):
    mock.script("stall-stream")
    body = {"model": way.model, "messages": MESSAGES, "stream": True}
    client = way.openai(timeout=1)
    with pytest.raises(openai.APITimeoutError):
        list(client.chat.completions.create(**body))
    client.close()
    assert mock.wait(cancelled=1)["cancelled"] == 1
