"""Responses through the `openai` package: the whole API where the upstream has it, and translated where it has another."""

import json

import openai
import pytest
from pydantic import BaseModel

import shapes
from conftest import ways
from dialects import DIRECT
from wanted import ARGUMENTS, ASK_BOTH, CLOCK, HELLO, PICTURE_SEEN, PICTURE_URL, RESULTS, SAID, TOLD, WEATHER, response_tool

TOOLS = [response_tool(WEATHER), response_tool(CLOCK)]
# Who keeps responses; the others are asked in another dialect.
KEEPERS = (DIRECT, "openai", "azurenew")
GOVERNED = ("openai", "azurenew")
TRANSLATED = ("chat", "azure", "anthropic", "gemini", "bedrock")


class Joke(BaseModel):
    setup: str
    punchline: str
    rating: int


def ask(way, **options):
    return way.openai().responses.create(model=way.model, **{"input": HELLO, **options})


def raw(way, **options):
    body = {"model": way.model, "input": HELLO, **options}
    return shapes.post(way.url, "/v1/responses", body, {"authorization": f"Bearer {way.key}"})


@ways()
def test_an_answer_has_the_declared_shape(way):
    status, _, text = raw(way, max_output_tokens=50)
    assert status == 200, text
    answer = shapes.check(shapes.RESPONSE, json.loads(text))
    assert (answer.status, answer.output_text) == ("completed", SAID)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (2, 4, 6)


@ways()
def test_a_stream_has_the_declared_events_in_order(way):
    status, headers, text = raw(way, stream=True)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), text
    read = shapes.check_response_stream(text)
    assert "".join(event.delta for event in read if event.type == "response.output_text.delta") == SAID
    assert read[-1].response.usage.total_tokens == 6


@ways()
def test_instructions_history_and_limit_arrive(way):
    history = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": [{"type": "input_text", "text": "three four five"}]},
    ]
    answer = ask(way, instructions="Be brief.", input=history, max_output_tokens=4)
    assert answer.output_text.strip() == "You said: three four"
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.usage.input_tokens == 7


@ways()
@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_are_called_and_answered(way, stream):
    question = {"role": "user", "content": ASK_BOTH}
    if stream:
        with way.openai().responses.stream(model=way.model, input=[question], tools=TOOLS) as events:
            first = events.get_final_response()
    else:
        first = ask(way, input=[question], tools=TOOLS)
    calls = [item for item in first.output if item.type == "function_call"]
    assert {call.name: json.loads(call.arguments) for call in calls} == ARGUMENTS
    made = [{"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments} for call in calls]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in calls]
    assert ask(way, input=[question, *made, *results], tools=TOOLS).output_text == TOLD


@ways()
def test_tool_choice_is_kept(way):
    named = ask(way, tools=TOOLS, tool_choice={"type": "function", "name": "clock"})
    assert [item.name for item in named.output if item.type == "function_call"] == ["clock"]
    assert ask(way, tools=TOOLS, tool_choice="none").output_text == SAID


@ways()
def test_structured_output_is_parsed(way):
    answer = way.openai().responses.parse(model=way.model, input="A joke about 'a duck', 5 stars", text_format=Joke)
    assert answer.output_parsed == Joke(punchline="a duck", rating=5, setup="mock setup")


@ways()
def test_a_picture_arrives(way):
    parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PICTURE_URL, "detail": "auto"}]
    answer = ask(way, input=[{"role": "user", "content": parts}])
    assert answer.output_text == f"You said: What is this? {PICTURE_SEEN}"


@ways(DIRECT, "openai", "azurenew", "anthropic", "gemini", "bedrock")
@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_comes_with_its_summary(way, stream):
    options = {"reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 4000}
    if stream:
        _, _, text = raw(way, stream=True, **options)
        answer = shapes.check_response_stream(text)[-1].response
    else:
        answer = ask(way, **options)
    thought = next(item for item in answer.output if item.type == "reasoning")
    assert "short answer" in "".join(part.text for part in thought.summary)
    assert answer.output_text == SAID


# === what the upstream keeps ===


@ways(*KEEPERS)
def test_a_response_is_continued_read_and_deleted(way):
    client = way.openai()
    first = ask(way, input="one two three")
    second = ask(way, input="four", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens == 3 + 5 + 1
    assert client.responses.retrieve(second.id).output_text == "You said: four"
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


@ways(*KEEPERS)
def test_a_tool_result_continues_the_response_that_asked_for_it(way):
    first = ask(way, input=ASK_BOTH, tools=TOOLS)
    calls = [item for item in first.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in calls]
    assert ask(way, input=results, tools=TOOLS, previous_response_id=first.id).output_text == TOLD


@ways(*GOVERNED)
def test_a_streamed_response_can_be_continued_too(way):
    with way.openai().responses.stream(model=way.model, input="one two three") as events:
        first = events.get_final_response()
    assert ask(way, input="four", previous_response_id=first.id).usage.input_tokens == 9


@ways(*GOVERNED)
def test_another_workload_can_neither_read_nor_continue_nor_delete_it(way, wide_gateway, mock):
    first = ask(way)
    before = mock.tally()["calls"]
    other = openai.OpenAI(base_url=wide_gateway.url + "/v1", api_key=wide_gateway.keys["other"], max_retries=0)
    with pytest.raises(openai.NotFoundError):
        other.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        other.responses.create(model=way.model, input="four", previous_response_id=first.id)
    with pytest.raises(openai.NotFoundError):
        other.responses.delete(first.id)
    assert mock.tally()["calls"] == before
    assert way.openai().responses.retrieve(first.id).id == first.id


@ways(*GOVERNED)
def test_an_id_that_nobody_has_is_not_found_and_nothing_is_sent(way, mock):
    with pytest.raises(openai.NotFoundError):
        ask(way, previous_response_id="resp_nobody")
    with pytest.raises(openai.NotFoundError):
        way.openai().responses.retrieve("resp_nobody")
    assert mock.calls() == []


@ways(*TRANSLATED)
def test_where_nothing_is_kept_an_answer_cannot_be_continued(way, mock):
    first = ask(way)
    before = mock.tally()["calls"]
    with pytest.raises(openai.APIStatusError) as refused:
        ask(way, input="four", previous_response_id=first.id)
    assert refused.value.status_code in (404, 422)
    assert mock.tally()["calls"] == before


# === faults ===


@ways("openai", "anthropic", "gemini", "bedrock")
@pytest.mark.parametrize("mode", ["truncated", "reset-after", "cut", "error-stream", "error-first"])
def test_a_stream_that_breaks_is_never_taken_for_a_whole_one(way, mock, mode):
    mock.script(mode)
    try:
        kinds = [event.type for event in way.openai().responses.create(model=way.model, input=HELLO, stream=True)]
    except openai.APIError:
        return
    assert kinds[-1] in ("error", "response.failed")


@ways("openai", "anthropic", "gemini", "bedrock")
def test_errors_are_the_packages_own_exceptions(way, mock):
    for mode, kind in (("status-400", openai.BadRequestError), ("status-429", openai.RateLimitError), ("status-500", openai.InternalServerError)):
        mock.stand(mode)
        with pytest.raises(kind):
            ask(way)
