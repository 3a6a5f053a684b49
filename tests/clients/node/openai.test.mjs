// The `openai` package of Node in front of every dialect.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import * as stage from './stage.mjs';
import { ALL, ARGUMENTS, ASK_BOTH, CLOCK, DIRECT, HELLO, RESULTS, SAID, TOLD, WEATHER, counting, mock, way } from './stage.mjs';

const client = (to, options = {}) => new OpenAI({ baseURL: `${to.url}/v1`, apiKey: to.key, maxRetries: 0, timeout: 60_000, ...options });
const messages = [{ role: 'user', content: HELLO }];
const chatTool = ({ name, description, schema }) => ({ type: 'function', function: { name, description, parameters: schema, strict: true } });
const responseTool = ({ name, description, schema }) => ({ type: 'function', name, description, parameters: schema, strict: true });
const Joke = z.object({ setup: z.string(), punchline: z.string() });
const byName = (calls) => Object.fromEntries(calls);

beforeEach(() => mock.clear());

for (const name of ALL) {
  const to = way(name);
  describe(`openai: ${name}`, () => {
    test('a chat is answered', async () => {
      const answer = await client(to).chat.completions.create({ model: to.model, messages });
      assert.equal(answer.choices[0].message.content, SAID);
      assert.equal(answer.usage.total_tokens, 6);
    });

    test('a chat is streamed', async () => {
      const stream = await client(to).chat.completions.create({ model: to.model, messages, stream: true, stream_options: { include_usage: true } });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), SAID);
      assert.equal(chunks.at(-1).usage.total_tokens, 6);
    });

    test('parallel tools are called and answered', async () => {
      const tools = [chatTool(WEATHER), chatTool(CLOCK)];
      const question = { role: 'user', content: ASK_BOTH };
      const first = await client(to).chat.completions.stream({ model: to.model, messages: [question], tools }).finalChatCompletion();
      const { message } = first.choices[0];
      assert.deepEqual(byName(message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])), ARGUMENTS);
      const made = message.tool_calls.map(({ id, function: { name, arguments: text } }) => ({ id, type: 'function', function: { name, arguments: text } }));
      const results = made.map((call) => ({ role: 'tool', tool_call_id: call.id, content: RESULTS[call.function.name] }));
      const second = [question, { role: 'assistant', content: null, tool_calls: made }, ...results];
      const answer = await client(to).chat.completions.create({ model: to.model, messages: second, tools });
      assert.equal(answer.choices[0].message.content, TOLD);
    });

    test('structured output of a chat is parsed', async () => {
      const answer = await client(to).chat.completions.parse({ model: to.model, messages, response_format: zodResponseFormat(Joke, 'joke') });
      assert.deepEqual(answer.choices[0].message.parsed, { setup: 'mock setup', punchline: 'mock punchline' });
    });

    test('a picture arrives', async () => {
      const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${stage.PICTURE}` } };
      const content = [{ type: 'text', text: 'Look.' }, image];
      const answer = await client(to).chat.completions.create({ model: to.model, messages: [{ role: 'user', content }] });
      assert.equal(answer.choices[0].message.content, `You said: Look. ${stage.PICTURE_SEEN}`);
    });

    test('a response is answered, streamed, and its tools called', async () => {
      const tools = [responseTool(WEATHER), responseTool(CLOCK)];
      const answer = await client(to).responses.create({ model: to.model, input: HELLO });
      assert.equal(answer.output_text, SAID);
      const first = await client(to).responses.stream({ model: to.model, input: ASK_BOTH, tools }).finalResponse();
      const calls = first.output.filter((item) => item.type === 'function_call');
      assert.deepEqual(byName(calls.map((call) => [call.name, JSON.parse(call.arguments)])), ARGUMENTS);
    });

    test('structured output of a response is parsed', async () => {
      const answer = await client(to).responses.parse({ model: to.model, input: HELLO, text: { format: zodTextFormat(Joke, 'joke') } });
      assert.deepEqual(answer.output_parsed, { setup: 'mock setup', punchline: 'mock punchline' });
    });
  });
}

for (const name of [DIRECT, 'openai', 'azurenew']) {
  test(`openai: ${name}: a response is continued, read and deleted`, async () => {
    const to = way(name);
    const first = await client(to).responses.create({ model: to.model, input: 'one two three' });
    const second = await client(to).responses.create({ model: to.model, input: 'four', previous_response_id: first.id });
    assert.equal(second.usage.input_tokens, 9);
    assert.equal((await client(to).responses.retrieve(second.id)).output_text, 'You said: four');
    await client(to).responses.delete(second.id);
    await assert.rejects(client(to).responses.retrieve(second.id), OpenAI.NotFoundError);
  });
}

for (const name of [DIRECT, 'openai', 'chat']) {
  test(`openai: ${name}: embeddings`, async () => {
    const to = way(name);
    const answer = await client(to).embeddings.create({ model: to.model, input: ['one', 'two words'], dimensions: 6 });
    assert.deepEqual(answer.data.map((item) => item.embedding.length), [6, 6]);
  });
}

for (const name of ['openai', 'anthropic', 'gemini', 'bedrock']) {
  const to = way(name);
  describe(`openai: ${name}: faults`, () => {
    test('errors are the classes of the package', async () => {
      for (const [mode, kind] of [['status-400', OpenAI.BadRequestError], ['status-429', OpenAI.RateLimitError], ['status-500', OpenAI.InternalServerError]]) {
        await mock.stand(mode);
        await assert.rejects(client(to).chat.completions.create({ model: to.model, messages }), kind);
      }
    });

    test('what may pass is retried, a refusal is not', async () => {
      await mock.stand('status-503');
      const busy = counting();
      await assert.rejects(client(to, { maxRetries: 1, fetch: busy.fetch }).chat.completions.create({ model: to.model, messages }));
      assert.equal(busy.made, 2);
      const refused = counting();
      await assert.rejects(client(to, { maxRetries: 1, fetch: refused.fetch }).chat.completions.create({ model: 'no-such-model', messages }));
      assert.equal(refused.made, 1);
    });

    test('a timeout cancels the call upstream', async () => {
      await mock.script('stall');
      await assert.rejects(client(to, { timeout: 500 }).chat.completions.create({ model: to.model, messages }), OpenAI.APIConnectionTimeoutError);
      await mock.cancelled(1);
    });

    test('leaving a stream cancels the call upstream', async () => {
      await mock.script('hold-stream');
      const stream = await client(to).chat.completions.create({ model: to.model, messages, stream: true });
      stream.controller.abort();
      await mock.cancelled(1);
    });

    test('a stream that breaks is never taken for a whole one', async () => {
      for (const mode of ['truncated', 'cut', 'error-stream']) {
        await mock.script(mode);
        await assert.rejects(async () => {
          const stream = await client(to).chat.completions.create({ model: to.model, messages, stream: true });
          for await (const _ of stream);
        }, mode);
      }
    });
  });
}
