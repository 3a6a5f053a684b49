// The `ai` package with its providers for OpenAI (both APIs), Anthropic and whatever is compatible.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { Output, embed, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import * as stage from './stage.mjs';
import { ARGUMENTS, ASK_BOTH, CLOCK, DIRECT, HELLO, RESULTS, SAID, TOLD, WEATHER, mock, way } from './stage.mjs';

const PROVIDERS = {
  chat: (to) => createOpenAI({ baseURL: `${to.url}/v1`, apiKey: to.key }).chat(to.model),
  responses: (to) => createOpenAI({ baseURL: `${to.url}/v1`, apiKey: to.key }).responses(to.model),
  messages: (to) => createAnthropic({ baseURL: `${to.url}/v1`, apiKey: to.key })(to.model),
  compatible: (to) =>
    createOpenAICompatible({ name: 'comity', baseURL: `${to.url}/v1`, apiKey: to.key, includeUsage: true, supportsStructuredOutputs: true })(to.model),
};

const JOKE = Output.object({ schema: z.object({ setup: z.string(), punchline: z.string() }) });
// The provider for Anthropic asks models it does not know for one call of a function, never several; not every dialect can say that.
const BY_SCHEMA = { anthropic: { structuredOutputMode: 'outputFormat' } };

const tools = (given) =>
  Object.fromEntries(
    [WEATHER, CLOCK].map(({ name, description, schema }) => {
      const execute = async (input) => {
        given[name] = input;
        return RESULTS[name];
      };
      return [name, tool({ description, inputSchema: jsonSchema(schema), execute })];
    }),
  );

beforeEach(() => mock.clear());

for (const [api, provider] of Object.entries(PROVIDERS)) {
  for (const name of [DIRECT, 'openai', 'anthropic', 'gemini', 'bedrock']) {
    const to = way(name);
    const model = provider(to);
    const common = { model, maxRetries: 0, maxOutputTokens: 50 };
    describe(`ai: ${api}: ${name}`, () => {
      test('text', async () => {
        const { text, usage, finishReason } = await generateText({ ...common, prompt: HELLO });
        assert.deepEqual([text, usage.inputTokens, usage.outputTokens, finishReason], [SAID, 2, 4, 'stop']);
      });

      test('stream', async () => {
        const errors = [];
        const result = streamText({ ...common, prompt: HELLO, onError: ({ error }) => errors.push(error) });
        const pieces = [];
        for await (const piece of result.textStream) pieces.push(piece);
        assert.deepEqual(errors, []);
        assert.equal(pieces.join(''), SAID);
        assert.ok(pieces.length > 1);
        assert.equal((await result.usage).outputTokens, 4);
      });

      test('tools, called and answered in one go', async () => {
        const given = {};
        const { text, steps } = await generateText({ ...common, prompt: ASK_BOTH, tools: tools(given), stopWhen: stepCountIs(2) });
        assert.deepEqual(given, ARGUMENTS);
        assert.equal(steps.length, 2);
        assert.equal(text, TOLD);
      });

      test('structured output', async () => {
        const providerOptions = ['gemini', 'bedrock'].includes(name) ? BY_SCHEMA : {};
        const answer = await generateText({ ...common, prompt: HELLO, output: JOKE, providerOptions });
        assert.deepEqual(answer.output, { setup: 'mock setup', punchline: 'mock punchline' });
      });

      test('a picture', async () => {
        const content = [{ type: 'text', text: 'Look.' }, { type: 'image', image: stage.PICTURE, mediaType: 'image/png' }];
        const { text } = await generateText({ ...common, messages: [{ role: 'user', content }] });
        assert.equal(text, `You said: Look. ${stage.PICTURE_SEEN}`);
      });

      test('an error names its status', async () => {
        await mock.stand('status-429');
        await assert.rejects(generateText({ ...common, prompt: HELLO }), (error) => error.statusCode === 429 && error.isRetryable);
      });

      test('a stream that breaks is an error', async () => {
        await mock.script('cut');
        const errors = [];
        const result = streamText({ ...common, prompt: HELLO, onError: ({ error }) => errors.push(error) });
        await assert.rejects(async () => {
          for await (const _ of result.textStream);
          if (errors.length > 0) throw errors[0];
        });
      });
    });
  }
}

for (const name of ['gemini', 'bedrock']) {
  test(`ai: messages: ${name}: one call and never several is an error by name`, async () => {
    const asked = generateText({ model: PROVIDERS.messages(way(name)), maxRetries: 0, prompt: HELLO, output: JOKE });
    await assert.rejects(asked, (error) => error.statusCode === 422 && error.message.includes('disable_parallel_tool_use'));
    assert.deepEqual(await mock.seen(), []);
  });
}

for (const name of [DIRECT, 'openai']) {
  test(`ai: embeddings: ${name}`, async () => {
    const to = way(name);
    const model = createOpenAI({ baseURL: `${to.url}/v1`, apiKey: to.key }).textEmbeddingModel(to.model);
    const { embedding, usage } = await embed({ model, value: HELLO, maxRetries: 0 });
    assert.deepEqual([embedding.length, usage.tokens], [8, 2]);
  });
}
