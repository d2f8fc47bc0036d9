'use strict';
// The part for Node's own runner that is loaded first: its hooks tell that a test begins, and a file that is no test
// suite is one test by its exit code.

const { readFileSync, writeSync } = require('fs');
const report = require('./report.cjs');

const soon = setImmediate;
const reached = new Set();
globalThis.__coditect = (number) => void reached.add(number);

const file = report.request.file;
const began = report.hrtime();
const isSuite = /\bnode:test\b/.test(readFileSync(file, 'utf8'));
/** Shared with the reporter, which is a module of its own. `begin` is the reporter's. */
/** `open`: tests and suites of the file itself that have not ended. */
const state = { tests: 0, red: 0, error: undefined, begun: false, begin: undefined, open: 0, isSuite };
globalThis[Symbol.for('coditect.node-test')] = { state, report };

if (isSuite) {
  // Reports come by a stream, which is read when the tests give it time. So they are made to, before each test: one
  // that hangs has then been told to be under way.
  require('node:test').beforeEach(async (context) => {
    await new Promise((go) => soon(go));
    state.begun = true;
    // What nobody asked for ends here, before its body.
    if (state.begin?.(context.name) === false) throw new Error('not asked for');
  });
}

let over = Boolean(report.request.many);
if (over) {
  const many = require('./many.cjs');
  many.serve();
  many.hook();
}
function finish(code) {
  if (over) return;
  over = true;
  const error = state.error ?? `the process ended with code ${code}`;
  if (!isSuite) {
    const id = report.id(file, ['(whole file)']);
    const us = report.since(began);
    report.collected([id]);
    report.end(id, code === 0 ? { status: 'passed', us } : report.failed(error, us));
  } else if (state.tests === 0 && code !== 0) {
    report.trouble('import', report.name(file), error);
  } else if (state.error && state.red === 0) {
    report.trouble('run', report.name(file), error);
  }
  report.done(code);
}

process.on('uncaughtExceptionMonitor', (error) => {
  state.error ??= error;
  // Node's runner then ends the process without a word.
  if (isSuite && !state.begun) finish(1);
});
process.on('exit', (code) => {
  if (reached.size > 0) writeSync(2, `${[...reached].map((n) => `\u0001coditect-hit ${n}`).join('\n')}\n`);
  finish(code);
});
