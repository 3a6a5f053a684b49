"""Embeddings and models through the `openai` package, and what its retries, timeouts and cancellation meet."""

import json

import httpx2
import openai
import pytest

import shapes
from conftest import ways
from dialects import DIRECT, UPSTREAMS
from wanted import HELLO

MESSAGES = [{"role": "user", "content": HELLO}]
SECRET = [{"role": "user", "content": "Why does this fail? AKIAIOSFODNN7EXAMPLE"}]
EMBEDDERS = ("openai", "chat", "azure", "azurenew")


@ways(DIRECT, *EMBEDDERS)
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_have_the_declared_shape(way, encoding):
    body = {"model": way.model, "input": ["one", "two words"], "dimensions": 6, "encoding_format": encoding}
    status, _, text = shapes.post(way.url, "/v1/embeddings", body, {"authorization": f"Bearer {way.key}"})
    assert status == 200, text
    if encoding == "float":  # the package's type knows no other
        shapes.check(shapes.EMBEDDINGS, json.loads(text))
    answer = way.openai().embeddings.create(**{**body, "encoding_format": encoding})
    assert [item.index for item in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens == 3


@ways("anthropic", "gemini", "bedrock")
def test_what_has_no_embeddings_says_so(way, mock):
    with pytest.raises(openai.APIStatusError) as refused:
        way.openai().embeddings.create(model=way.model, input="one")
    assert refused.value.status_code in (404, 422)
    assert mock.calls() == []


def test_models_are_listed_and_read_one_by_one(wide_gateway):
    client = openai.OpenAI(base_url=wide_gateway.url + "/v1", api_key=wide_gateway.keys["open"], max_retries=0)
    names = {model.id for model in client.models.list()}
    assert {upstream.model for upstream in UPSTREAMS.values()} <= names
    for upstream in UPSTREAMS.values():
        assert client.models.retrieve(upstream.model).id == upstream.model
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody/nothing@xx")


# === retries: what the package does of itself ===


class Attempts(httpx2.Client):
    """Counts the requests that the package makes for one call."""

    made = 0

    def send(self, *arguments, **options):
        self.made += 1
        return super().send(*arguments, **options)


def attempts(way, call) -> tuple[int, Exception | None]:
    with Attempts(timeout=60) as counting:
        client = way.openai(max_retries=1, http_client=counting)
        try:
            call(client)
        except openai.APIStatusError as error:
            return counting.made, error
    return counting.made, None


@ways("openai", "anthropic")
def test_a_refusal_is_not_retried(way):
    made, error = attempts(way, lambda client: client.chat.completions.create(model="no-such-model", messages=MESSAGES))
    assert (made, error.code) == (1, "no_offering")
    made, error = attempts(way, lambda client: client.chat.completions.create(model=way.model, messages="hello"))
    assert (made, error.status_code) == (1, 400)


def test_what_the_terms_refuse_is_not_retried(gateway, mock):
    with Attempts(timeout=60) as counting:
        client = openai.OpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys["casework"], max_retries=2, http_client=counting)
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(model="mockfr/echo@fr", messages=SECRET)
    assert (counting.made, mock.calls()) == (1, [])


@ways("openai", "anthropic", "gemini", "bedrock")
@pytest.mark.parametrize("mode, kind", [("status-429", openai.RateLimitError), ("status-503", openai.InternalServerError)])
def test_an_upstream_that_is_busy_is_retried(way, mock, mode, kind):
    mock.stand(mode)
    made, error = attempts(way, lambda client: client.chat.completions.create(model=way.model, messages=MESSAGES))
    assert made == 2
    assert isinstance(error, kind)


@ways("openai", "anthropic", "gemini", "bedrock")
def test_a_short_outage_is_not_noticed(way, mock):
    mock.script("status-503")
    made, error = attempts(way, lambda client: client.chat.completions.create(model=way.model, messages=MESSAGES))
    assert error is None
    assert made <= 2


@ways("openai", "anthropic", "gemini", "bedrock")
def test_a_timeout_of_the_caller_cancels_the_call_upstream(way, mock):
    mock.script("stall")
    with pytest.raises(openai.APITimeoutError):
        way.openai(timeout=1).chat.completions.create(model=way.model, messages=MESSAGES)
    assert mock.wait(cancelled=1)["cancelled"] == 1
