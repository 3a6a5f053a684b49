"""Chat, streams, embeddings and the list of models through the gateway, as an application that uses the `openai` package meets them."""

import openai
import pytest

HELLO = [{"role": "user", "content": "hello there"}]


def test_a_chat_is_answered_by_the_offering_and_says_so(client, mock):
    raw = client.chat.completions.with_raw_response.create(model="mockfr/echo@fr", messages=HELLO)
    answer = raw.parse()
    assert answer.choices[0].message.content == "You said: hello there"
    assert answer.usage.completion_tokens == 4
    assert raw.headers["comity-offering"] == "mockfr/echo@fr"
    for name in ("comity-decision", "comity-means", "comity-leaf", "comity-overhead-us"):
        assert raw.headers.get(name), name
    assert len(mock.calls()) == 1


def test_the_upstream_gets_its_own_credential_and_model_and_no_key_of_ours(client, gateway, mock):
    client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO, temperature=0.25, extra_body={"vendor_field": {"kept": True}})
    call = mock.calls()[0]
    assert call["headers"]["authorization"] == "Bearer mock-secret"
    assert gateway.keys["casework"] not in str(call)
    assert not [name for name in call["headers"] if name.startswith("comity-")]
    assert call["json"]["model"] == "echo-1"
    assert call["json"]["temperature"] == 0.25
    assert call["json"]["vendor_field"] == {"kept": True}


def test_a_route_and_a_model_name_find_their_offerings(client):
    by_route = client.chat.completions.with_raw_response.create(model="office", messages=HELLO)
    assert by_route.headers["comity-offering"] == "mockfr/echo@fr"
    by_model = client.chat.completions.with_raw_response.create(model="echo", messages=HELLO)
    assert by_model.headers["comity-offering"].startswith(("mockfr/echo@", "mockxx/echo@"))


def test_a_stream_comes_in_pieces_with_usage_if_asked(client):
    stream = client.chat.completions.create(
        model="mockfr/echo@fr", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello there"
    assert chunks[-1].usage.total_tokens == 6
    assert len(chunks) > 4


def test_a_stream_without_asking_for_usage_has_none(client, mock):
    chunks = list(client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    # The gateway itself asked, for its outcome leaf.
    assert mock.calls()[0]["json"]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_come_for_each_input(client, encoding):
    answer = client.embeddings.create(model="mockfr/echo@fr", input=["one", "two words"], dimensions=6, encoding_format=encoding)
    assert len(answer.data) == 2
    assert answer.usage.prompt_tokens == 3
    assert answer.data[0].embedding != answer.data[1].embedding


def test_the_list_of_models_holds_offerings_and_routes(client):
    names = {model.id for model in client.models.list()}
    assert {"mockfr/echo@fr", "mockxx/echo@xx", "office"} <= names


def test_leaving_in_mid_stream_cancels_the_call_upstream(client, mock):
    mock.script("stall-stream")
    stream = client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()
    assert mock.wait(cancelled=1)["cancelled"] == 1


def test_leaving_before_the_first_byte_cancels_the_call_upstream(client, mock):
    mock.script("stall")
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1).chat.completions.create(model="mockfr/echo@fr", messages=HELLO)
    assert mock.wait(cancelled=1)["cancelled"] == 1
