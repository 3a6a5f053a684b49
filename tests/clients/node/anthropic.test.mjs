// `@anthropic-ai/sdk` in front of every dialect.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import * as stage from './stage.mjs';
import { ALL, ARGUMENTS, ASK_BOTH, CLOCK, DIRECT, HELLO, RESULTS, SAID, TOLD, WEATHER, counting, mock, way } from './stage.mjs';

const client = (to, options = {}) => new Anthropic({ baseURL: to.url, apiKey: to.key, maxRetries: 0, timeout: 60_000, ...options });
const asked = (to, options = {}) => ({ model: to.model, max_tokens: 50, messages: [{ role: 'user', content: HELLO }], ...options });
const tool = ({ name, description, schema }) => ({ name, description, input_schema: schema });
const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');

beforeEach(() => mock.clear());

for (const name of ALL) {
  const to = way(name);
  describe(`anthropic: ${name}`, () => {
    test('a message is answered', async () => {
      const answer = await client(to).messages.create(asked(to));
      assert.equal(textOf(answer), SAID);
      assert.equal(answer.stop_reason, 'end_turn');
      assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [2, 4]);
    });

    test('a message is streamed', async () => {
      const answer = await client(to).messages.stream(asked(to)).finalMessage();
      assert.equal(textOf(answer), SAID);
      assert.equal(answer.usage.output_tokens, 4);
    });

    test('parallel tools are called and answered', async () => {
      const tools = [tool(WEATHER), tool(CLOCK)];
      const question = { role: 'user', content: ASK_BOTH };
      const first = await client(to).messages.stream(asked(to, { messages: [question], tools })).finalMessage();
      const calls = first.content.filter((block) => block.type === 'tool_use');
      assert.deepEqual(Object.fromEntries(calls.map((call) => [call.name, call.input])), ARGUMENTS);
      const used = calls.map(({ id, name, input }) => ({ type: 'tool_use', id, name, input }));
      const results = calls.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: RESULTS[call.name] }));
      const messages = [question, { role: 'assistant', content: used }, { role: 'user', content: results }];
      assert.equal(textOf(await client(to).messages.create(asked(to, { messages, tools }))), TOLD);
    });

    test('a picture arrives', async () => {
      const source = { type: 'base64', media_type: 'image/png', data: stage.PICTURE };
      const content = [{ type: 'text', text: 'Look.' }, { type: 'image', source }];
      const answer = await client(to).messages.create(asked(to, { messages: [{ role: 'user', content }] }));
      assert.equal(textOf(answer), `You said: Look. ${stage.PICTURE_SEEN}`);
    });
  });
}

for (const name of [DIRECT, 'anthropic', 'gemini', 'bedrock']) {
  test(`anthropic: ${name}: thinking comes first`, async () => {
    const to = way(name);
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const answer = await client(to).messages.stream(asked(to, { max_tokens: 4000, thinking })).finalMessage();
    assert.deepEqual(answer.content.map((block) => block.type), ['thinking', 'text']);
  });
}

for (const name of [DIRECT, 'anthropic']) {
  test(`anthropic: ${name}: tokens are counted`, async () => {
    const to = way(name);
    const { max_tokens: _, ...body } = asked(to);
    assert.equal((await client(to).messages.countTokens(body)).input_tokens, 2);
  });
}

test('anthropic: models are listed in its dialect', async () => {
  const to = way('anthropic');
  const names = [];
  for await (const model of client(to).models.list()) names.push(model.id);
  assert.ok(names.includes(to.model));
});

for (const name of ['openai', 'anthropic', 'gemini', 'bedrock']) {
  const to = way(name);
  describe(`anthropic: ${name}: faults`, () => {
    test('errors are the classes of the package', async () => {
      for (const [mode, kind] of [
        ['status-400', Anthropic.BadRequestError],
        ['status-429', Anthropic.RateLimitError],
        ['status-500', Anthropic.InternalServerError],
      ]) {
        await mock.stand(mode);
        await assert.rejects(client(to).messages.create(asked(to)), kind);
      }
    });

    test('what may pass is retried, a refusal is not', async () => {
      await mock.stand('status-503');
      const busy = counting();
      await assert.rejects(client(to, { maxRetries: 1, fetch: busy.fetch }).messages.create(asked(to)));
      assert.equal(busy.made, 2);
      const refused = counting();
      await assert.rejects(client(to, { maxRetries: 1, fetch: refused.fetch }).messages.create(asked(to, { model: 'no-such-model' })));
      assert.equal(refused.made, 1);
    });

    test('leaving cancels the call upstream', async () => {
      await mock.script('stall');
      await assert.rejects(client(to, { timeout: 500 }).messages.create(asked(to)), Anthropic.APIConnectionTimeoutError);
      await mock.cancelled(1);
    });

    test('a stream that breaks is never taken for a whole one', async () => {
      for (const mode of ['truncated', 'cut', 'error-stream']) {
        await mock.script(mode);
        await assert.rejects(client(to).messages.stream(asked(to)).finalMessage(), mode);
      }
    });
  });
}
