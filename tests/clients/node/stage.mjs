// Where the mock and the gateway are, and what the tests ask for. Knows no client package.

import assert from 'node:assert/strict';

const stage = JSON.parse(process.env.COMITY_STAGE);

/** A way to the mock: an upstream behind the gateway, or the mock itself. */
export function way(name) {
  if (name === stage.direct) {
    return { name, url: stage.mock, key: 'mock-secret', model: 'echo-1' };
  }
  return { name, url: stage.gateway, key: stage.key, model: stage.models[name] };
}

/** The same upstream behind the gateway whose terms ask for pseudonyms. */
export function hidden(name) {
  return { name, ...stage.hidden, model: stage.models[name] };
}

export const DIRECT = stage.direct;
export const ALL = [DIRECT, ...Object.keys(stage.models)];

/** One control call of the mock; a body makes it a POST. */
async function control(path, body) {
  const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(stage.mock + path, options);
  return answer.json();
}

export const mock = {
  clear: () => control('/_clear', {}),
  script: (...modes) => control('/_script', modes),
  stand: (mode) => control('/_stand', [mode]),
  seen: async () => (await control('/_seen')).calls,
  /** Returns once so many calls were left by their client; fails after half a minute. */
  cancelled: async (count) => assert.equal((await control(`/_wait?cancelled=${count}`)).cancelled, count),
};

/** Counts the requests that a package makes of itself. */
export function counting() {
  const counter = { made: 0 };
  counter.fetch = (...options) => {
    counter.made += 1;
    return fetch(...options);
  };
  return counter;
}

export const HELLO = 'hello there';
export const SAID = 'You said: hello there';
export const ASK_BOTH = "The weather in 'York', and the clock in 'Leeds' with 24 hours?";
export const ARGUMENTS = { weather: { town: 'York' }, clock: { hours: 24, town: 'Leeds' } };
export const RESULTS = { weather: 'rain', clock: 'noon' };
export const TOLD = 'The tools said: rain; noon';

const town = { type: 'string' };
const object = (properties) => ({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false });
export const WEATHER = { name: 'weather', description: 'The weather in a town.', schema: object({ town }) };
export const CLOCK = { name: 'clock', description: 'The time in a town.', schema: object({ town, hours: { type: 'integer' } }) };

// A PNG of one point.
export const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';
export const PICTURE_SEEN = `[image/png, ${Buffer.from(PICTURE, 'base64').length} bytes]`;
