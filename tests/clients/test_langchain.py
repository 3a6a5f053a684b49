"""The standard suite of `langchain-tests`, as it is, for `langchain-openai` in front of the mock. It says of each model what that can do;
what the mock's model cannot, is declared here with the reason."""

import openai
import pytest
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models

from conftest import ways
from dialects import DIRECT
from wanted import picture

FILES = {".png": picture(), ".pdf": b"%PDF-1.4\n", ".wav": b"RIFF\x24\0\0\0WAVEfmt "}


class Fetched:
    """What the suite would fetch from the network."""

    def __init__(self, content: bytes):
        self.content = content


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    """The suite's pictures and documents come from the network; here they are made."""

    def get(url: str, **_options) -> Fetched:
        return Fetched(next(content for ending, content in FILES.items() if url.endswith(ending)))

    monkeypatch.setattr(chat_models.httpx, "get", get)


class Standard(ChatModelIntegrationTests):
    """What holds for both APIs."""

    @pytest.fixture(autouse=True)
    def behind(self, way):
        """The way to the mock; set before the suite makes its model."""
        self.way = way

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"model": self.way.model, "base_url": self.way.url + "/v1", "api_key": self.way.key, "max_retries": 0, "stream_usage": True}

    @property
    def model_override_value(self):
        return "mock-echo" if self.way.is_direct else "echo"

    @property
    def supports_json_mode(self):
        return self.way.name in (DIRECT, "openai", "chat")

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_pdf_inputs(self):
        return self.way.name in (DIRECT, "openai", "anthropic")

    @property
    def supports_image_tool_message(self):
        return False  # chat's tool results are text

    @property
    def supports_image_urls(self):
        return False  # an address makes the upstream reach out; what the terms say of that is tested elsewhere

    @property
    def supports_audio_inputs(self):
        return False  # the mock hears nothing

    @property
    def supports_anthropic_inputs(self):
        return False  # this class writes OpenAI's dialect


@ways(DIRECT, "openai", "anthropic")
class TestChat(Standard):
    """Chat Completions."""

    @pytest.fixture(autouse=True)
    def what_cannot_be_said(self, request, behind):
        """An error by name, on purpose; the suite does not let its tests be marked in another way."""
        if request.node.originalname == "test_message_with_name" and self.way.name == "anthropic":
            reason = "Anthropic has no word for the `name` of a message, and the gateway drops nothing"
            request.applymarker(pytest.mark.xfail(strict=True, raises=openai.UnprocessableEntityError, reason=reason))

    @property
    def has_tool_choice(self):
        return True


@ways(DIRECT, "openai")
class TestResponses(Standard):
    """Responses."""

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "use_responses_api": True}
