// The packages of Node behind terms that ask for pseudonyms: they see what they see without them, in streams that cut pseudonyms anywhere.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { ALL, DIRECT, hidden, mock, way } from './stage.mjs';

const EMAIL = 'ada.lovelace@clinic.example';
const PHONE = '+44 7911 123456';
const CARD = '4111 1111 1111 1111';
const HEARD = `Write to ${EMAIL}, or call ${PHONE}; "é\\n" ${EMAIL}`;
const SAID = `You said: ${HEARD}`;
const ASK = `mail '${EMAIL}' about '${CARD}'`;
const ARGUMENTS = { to: EMAIL, topic: CARD };
const RESULT = `sent to ${EMAIL}`;
const THINKING = { max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } };
const WORDS = /names a pseudonym that this call does not have/;
const UPSTREAMS = ALL.filter((name) => name !== DIRECT);

const Person = z.object({ email: z.string(), phone: z.string() });
const text = { type: 'string' };
const schema = { type: 'object', properties: { to: text, topic: text }, required: ['to', 'topic'], additionalProperties: false };
const chatTools = [{ type: 'function', function: { name: 'mail', description: `Never to ${EMAIL} alone.`, parameters: schema, strict: true } }];
const responseTools = [{ type: 'function', name: 'mail', description: 'Mails.', parameters: schema, strict: true }];
const messageTools = [{ name: 'mail', description: 'Mails.', input_schema: schema }];

const user = (content) => ({ role: 'user', content });
const openai = (to) => new OpenAI({ baseURL: `${to.url}/v1`, apiKey: to.key, maxRetries: 0, timeout: 60_000 });
const anthropic = (to) => new Anthropic({ baseURL: to.url, apiKey: to.key, maxRetries: 0, timeout: 60_000 });
const message = (to, options) => ({ model: to.model, max_tokens: 50, ...options });
const textOf = (answer) => answer.content.filter((block) => block.type === 'text').map((block) => block.text).join('');

beforeEach(async () => {
  await mock.clear();
  await mock.stand('pieces-3');
});

/** Nothing that was sent has a value in it, and all of it has pseudonyms. */
async function expectHidden() {
  const calls = await mock.seen();
  assert.ok(calls.length > 0);
  for (const { path, text: sent } of calls) {
    for (const value of [EMAIL, PHONE, CARD]) assert.ok(!sent.includes(value) && !sent.includes(value.replaceAll(' ', '')), `${path}: ${sent}`);
    assert.ok(sent.includes('PII_'), `${path}: ${sent}`);
  }
}

/** The kinds of events in their order; how many pieces a text comes in is nobody's promise. */
async function order(stream) {
  const kinds = [];
  for await (const { type } of stream) if (kinds.at(-1) !== type) kinds.push(type);
  return kinds;
}

for (const name of UPSTREAMS) {
  const to = hidden(name);
  describe(`pseudonyms: ${name}`, () => {
    test('a chat is answered and streamed', async () => {
      const asked = { model: to.model, messages: [user(HEARD)] };
      const { data, response } = await openai(to).chat.completions.create(asked).withResponse();
      assert.equal(data.choices[0].message.content, SAID);
      assert.equal(response.headers.get('comity-means'), 'pseudonymised');
      assert.match(response.headers.get('comity-pseudonym-epoch'), /^\d+$/);
      const streamed = await openai(to).chat.completions.stream(asked).finalChatCompletion();
      assert.equal(streamed.choices[0].message.content, SAID);
      await expectHidden();
    });

    test('a tool of a chat is called and answered', async () => {
      const asked = { model: to.model, tools: chatTools };
      const first = await openai(to).chat.completions.stream({ ...asked, messages: [user(ASK)] }).finalChatCompletion();
      const calls = first.choices[0].message.tool_calls;
      assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [ARGUMENTS]);
      const made = calls.map(({ id, function: { name: tool, arguments: given } }) => ({ id, type: 'function', function: { name: tool, arguments: given } }));
      const results = made.map((call) => ({ role: 'tool', tool_call_id: call.id, content: RESULT }));
      const messages = [user(ASK), { role: 'assistant', content: null, tool_calls: made }, ...results];
      const answer = await openai(to).chat.completions.create({ ...asked, messages });
      assert.equal(answer.choices[0].message.content, `The tools said: ${RESULT}`);
      await expectHidden();
    });

    test('structured output is parsed', async () => {
      const asked = { model: to.model, messages: [user(`Who is '${EMAIL}' at '${PHONE}'?`)], response_format: zodResponseFormat(Person, 'person') };
      const person = { email: EMAIL, phone: PHONE };
      assert.deepEqual((await openai(to).chat.completions.parse(asked)).choices[0].message.parsed, person);
      assert.deepEqual((await openai(to).chat.completions.stream(asked).finalChatCompletion()).choices[0].message.parsed, person);
      const input = { model: to.model, input: `Who is '${EMAIL}' at '${PHONE}'?`, text: { format: zodTextFormat(Person, 'person') } };
      assert.deepEqual((await openai(to).responses.parse(input)).output_parsed, person);
      await expectHidden();
    });

    test('a response is answered, streamed, and its tool called', async () => {
      const asked = { model: to.model, input: HEARD };
      assert.equal((await openai(to).responses.create(asked)).output_text, SAID);
      assert.equal((await openai(to).responses.stream(asked).finalResponse()).output_text, SAID);
      const first = await openai(to).responses.stream({ model: to.model, input: ASK, tools: responseTools }).finalResponse();
      const calls = first.output.filter((item) => item.type === 'function_call');
      assert.deepEqual(calls.map((call) => JSON.parse(call.arguments)), [ARGUMENTS]);
      await expectHidden();
      const kinds = async (at) => order(await openai(at).responses.create({ ...asked, model: at.model, stream: true }));
      assert.deepEqual(await kinds(to), await kinds(way(name)));
    });

    test('a message is answered and streamed', async () => {
      assert.equal(textOf(await anthropic(to).messages.create(message(to, { messages: [user(HEARD)] }))), SAID);
      assert.equal(textOf(await anthropic(to).messages.stream(message(to, { messages: [user(HEARD)] })).finalMessage()), SAID);
      await expectHidden();
      const kinds = async (at) => order(await anthropic(at).messages.create(message(at, { messages: [user(HEARD)], stream: true })));
      assert.deepEqual(await kinds(to), await kinds(way(name)));
    });

    test('a tool of a message is called and answered', async () => {
      const asked = (messages) => message(to, { messages, tools: messageTools });
      const first = await anthropic(to).messages.stream(asked([user(ASK)])).finalMessage();
      const used = first.content.filter((block) => block.type === 'tool_use').map(({ id, name: tool, input }) => ({ type: 'tool_use', id, name: tool, input }));
      assert.deepEqual(used.map((call) => call.input), [ARGUMENTS]);
      const results = used.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: RESULT }));
      const answer = await anthropic(to).messages.create(asked([user(ASK), { role: 'assistant', content: used }, user(results)]));
      assert.equal(textOf(answer), `The tools said: ${RESULT}`);
      await expectHidden();
    });
  });
}

for (const name of ['anthropic', 'bedrock']) {
  test(`pseudonyms: ${name}: a thought goes back as it was signed`, async () => {
    const to = hidden(name);
    const asked = (messages) => message(to, { messages, tools: messageTools, ...THINKING });
    const first = await anthropic(to).messages.stream(asked([user(ASK)])).finalMessage();
    assert.equal(first.content[0].thinking, `They said: ${ASK}`);
    const results = first.content.filter((block) => block.type === 'tool_use').map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: RESULT }));
    // The mock refuses a thought that is another than it signed.
    const answer = await anthropic(to).messages.create(asked([user(ASK), { role: 'assistant', content: first.content }, user(results)]));
    assert.equal(textOf(answer), `The tools said: ${RESULT}`);
    await expectHidden();
  });
}

test('pseudonyms: an unknown one is an error of the packages', async () => {
  const [chat, native] = [hidden('openai'), hidden('anthropic')];
  const asked = { model: chat.model, messages: [user(HEARD)] };
  await mock.script('replay-unknown@0', 'replay-unknown@1', 'replay-unknown@4', 'replay-unknown@5');
  await assert.rejects(openai(chat).chat.completions.create(asked), WORDS);
  const given = [];
  await assert.rejects(async () => {
    for await (const chunk of await openai(chat).chat.completions.create({ ...asked, stream: true })) given.push(chunk);
  }, WORDS);
  await assert.rejects(anthropic(native).messages.create(message(native, { messages: [user(HEARD)] })), WORDS);
  await assert.rejects(anthropic(native).messages.stream(message(native, { messages: [user(HEARD)] })).finalMessage(), WORDS);
  assert.ok(given.length > 0 && !JSON.stringify(given).includes('56789ABCDEF') && !JSON.stringify(given).includes('never'));
});
