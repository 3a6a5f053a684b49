"""What an application sees when the gateway refuses or an upstream fails: the package's own exceptions, with reasons in the body."""

import openai
import pytest

HELLO = [{"role": "user", "content": "hello there"}]
PERSONAL = [{"role": "user", "content": "Write to jane.miller@example.org about her claim."}]
HEALTH = [{"role": "user", "content": "Sum up the claim of the patient with the NHS number 943 476 5919."}]
CREDENTIAL = [{"role": "user", "content": "Why does this fail? AKIAIOSFODNN7EXAMPLE"}]


def comity_part(error: openai.APIStatusError) -> dict:
    """The `comity` object within `error`, as the package hands it to the application."""
    assert error.body == error.response.json()["error"]
    return error.body["comity"]


def test_a_refusal_is_permission_denied_with_reasons_and_what_would_help(client, mock):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model="mockxx/echo@xx", messages=HEALTH)
    error = refused.value
    assert error.code == "terms_refused"
    assert error.body["message"]
    part = comity_part(error)
    assert part["decision"]
    assert part["would_help"]
    reason = next(reason for reason in part["reasons"] if reason["id"] == "special-category-stays")
    assert reason["goal"] == "privacy"
    assert reason["reason"].startswith("special categories of personal data")
    assert "5919" not in error.response.text
    assert mock.tally()["calls"] == 0


def test_the_same_personal_data_may_go_to_an_approved_country(client, mock):
    answer = client.chat.completions.create(model="mockfr/echo@fr", messages=PERSONAL)
    assert "jane.miller@example.org" in answer.choices[0].message.content
    assert mock.tally()["calls"] == 1


def test_personal_data_may_go_anywhere_under_pseudonyms(client, mock):
    answer = client.chat.completions.create(model="mockxx/echo@xx", messages=PERSONAL)
    assert "jane.miller@example.org" in answer.choices[0].message.content
    assert "jane.miller" not in str(mock.calls()) and "PII_EML_" in str(mock.calls())


def test_a_stream_is_refused_with_a_status_not_in_mid_stream(client, mock):
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="mockxx/echo@xx", messages=HEALTH, stream=True)
    assert mock.tally()["calls"] == 0


def test_a_credential_in_the_call_never_leaves(client, mock):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model="mockfr/echo@fr", messages=CREDENTIAL)
    assert "credentials-never-leave" in {reason["id"] for reason in comity_part(refused.value)["reasons"]}
    assert "AKIAIOSFODNN7EXAMPLE" not in refused.value.response.text
    assert mock.tally()["calls"] == 0


def test_a_declared_class_above_the_clearance_is_refused(public_client, mock):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        public_client.chat.completions.create(
            model="mockfr/echo@fr", messages=HELLO, extra_headers={"comity-classification": "internal"}
        )
    assert "clearance" in {reason["id"] for reason in comity_part(refused.value)["reasons"]}
    assert mock.tally()["calls"] == 0


def test_embeddings_obey_the_same_terms(client, mock):
    with pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model="mockxx/echo@xx", input=HEALTH[0]["content"])
    assert mock.tally()["calls"] == 0


def test_an_unknown_key_is_an_authentication_error(stranger, mock):
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.chat.completions.create(model="mockfr/echo@fr", messages=HELLO)
    assert refused.value.code == "unknown_key"
    assert "comity-not-a-key" not in refused.value.response.text
    assert mock.tally()["calls"] == 0


def test_an_unknown_model_is_not_found(client, mock):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="no-such-model", messages=HELLO)
    assert refused.value.code == "no_offering"
    assert mock.tally()["calls"] == 0


def test_a_malformed_body_is_a_bad_request(client, mock):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="mockfr/echo@fr", messages="hello")
    assert mock.tally()["calls"] == 0


@pytest.mark.parametrize("mode", ["status-500", "status-503", "reset", "cut", "not-json", "redirect"])
def test_a_broken_upstream_is_a_server_error_that_names_no_address(client, mock, mode):
    mock.script(mode, mode, mode)
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO)
    assert failed.value.status_code == 502
    assert failed.value.code == "upstream_failed"
    assert mock.url.removeprefix("http://") not in failed.value.response.text


def test_our_credential_refused_upstream_is_not_the_callers_fault(client, mock):
    mock.script("status-401", "status-401", "status-401")
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO)
    assert failed.value.code == "upstream_failed"


def test_a_busy_upstream_is_a_rate_limit_error(client, mock):
    mock.script("status-429", "status-429", "status-429")
    with pytest.raises(openai.RateLimitError) as failed:
        client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO)
    assert failed.value.code == "rate_limited"
    assert failed.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize("mode", ["truncated", "reset-after", "cut", "error-stream"])
def test_a_stream_that_breaks_is_never_taken_for_a_whole_one(client, mock, mode):
    mock.script(mode)
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="mockfr/echo@fr", messages=HELLO, stream=True))
