// Starts the mock and the gateway (../serve.py), runs every *.test.mjs beside this file one after the other, and stops them again.
// COMITY_CLIENTS: the folder of serve.py; COMITY_PYTHON: a Python that can run it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const script = join(process.env.COMITY_CLIENTS ?? join(here, '..'), 'serve.py');
const server = spawn(process.env.COMITY_PYTHON ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
const { value: stage } = await lines.next();
if (!stage) {
  console.error('error: the mock and the gateway did not start');
  process.exit(1);
}

const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort();
const options = ['--test', '--test-concurrency=1', '--test-reporter=spec'];
const tests = spawn(process.execPath, [...options, ...process.argv.slice(2), ...files.map((name) => join(here, name))], {
  stdio: 'inherit',
  env: { ...process.env, COMITY_STAGE: stage },
});
const [code] = await once(tests, 'exit');
server.stdin.end();
const [drained] = await once(server, 'exit');
process.exit(code || drained);
