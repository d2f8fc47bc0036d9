// The program for many candidates under Node's own runner: it loads the file of tests once for each.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const many = require('./many.cjs');
const { state, report } = globalThis[Symbol.for('coditect.node-test')];
const file = report.request.file;
const url = pathToFileURL(file).href;
const load = createRequire(file);

const soon = setImmediate;
const turn = () => new Promise((go) => soon(go));

/** Whether Node takes the file for a module that is imported. */
function isImported() {
  if (/\.m[jt]s$/.test(file)) return true;
  if (/\.c[jt]s$/.test(file)) return false;
  for (let at = dirname(file); at !== dirname(at); at = dirname(at)) {
    try {
      return JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')).type === 'module';
    } catch {
      // The next one.
    }
  }
  return false;
}

/** Waits until every test that was begun has ended, and told so. */
async function settled() {
  for (let quiet = 0; quiet < 3; ) {
    await turn();
    quiet = state.open === 0 ? quiet + 1 : 0;
  }
}

const imported = isImported();
const { isSuite } = state;
const THROWN = ['unhandledRejection', 'uncaughtException'];
await many.each(async () => {
  state.open = 0;
  // A file that is no suite is one test: whatever it throws, at once or later, is how that ends.
  let failed;
  const keep = (error) => {
    failed ??= { error };
  };
  if (!isSuite) THROWN.forEach((event) => process.on(event, keep));
  try {
    if (imported) await import(url);
    else load(file);
  } catch (error) {
    if (isSuite) throw many.placed(error, file);
    keep(error);
  } finally {
    await settled();
    if (!isSuite) THROWN.forEach((event) => process.off(event, keep));
  }
  if (!isSuite) {
    const id = report.id(file, ['(whole file)']);
    report.end(id, failed ? report.failed(failed.error, 0) : { status: 'passed', us: 0 });
  }
}, { goesOn: () => false });
report.done(0);
process.exit(0);
