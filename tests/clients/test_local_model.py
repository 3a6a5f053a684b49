"""The demonstration model through the `openai` package: what a model on one's own machine must honour. Says nothing of its quality."""

import openai
import pytest

QUESTION = [{"role": "user", "content": "Name one colour."}]


@pytest.fixture
def model(local_client):
    """The only offering of this gateway."""
    names = [model.id for model in local_client.models.list() if model.id.startswith("self/")]
    assert len(names) == 1
    return names[0]


def ask(client, model, **options):
    return client.chat.completions.create(model=model, messages=QUESTION, temperature=0, **options)


def test_confidential_data_is_answered_on_the_own_machine(local_client, model):
    answer = ask(local_client, model, max_tokens=12)
    assert answer.choices[0].message.content.strip()
    assert 0 < answer.usage.completion_tokens <= 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_max_tokens_is_honoured(local_client, model):
    answer = ask(local_client, model, max_tokens=2)
    assert answer.usage.completion_tokens == 2
    assert answer.choices[0].finish_reason == "length"


def test_a_stream_is_the_same_text_in_pieces(local_client, model):
    whole = ask(local_client, model, max_tokens=12)
    chunks = list(ask(local_client, model, max_tokens=12, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert len(chunks) > 3


def test_what_it_cannot_honour_is_an_error_that_names_the_field(local_client, model):
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(local_client, model, n=2)
    assert refused.value.code == "cannot_honour"
    assert "`n`" in refused.value.body["message"]


def test_leaving_frees_the_model_for_the_next_caller(local_client, model):
    stream = ask(local_client, model, max_tokens=4000, stream=True)
    next(iter(stream))
    stream.close()
    assert ask(local_client, model, max_tokens=1).usage.completion_tokens == 1


def test_it_is_marked_as_a_demonstration_model(local_client, model):
    listed = next(m for m in local_client.models.list() if m.id == model)
    assert "demonstration" in listed.model_dump_json()
