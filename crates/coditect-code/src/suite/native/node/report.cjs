'use strict';
// What the parts for all runners share: the request, and the lines that tell how tests go.
//
// Everything is taken from the platform before a test can replace it: tests mock clocks, files and globals.

const { readFileSync, writeSync } = require('fs');
const { relative, sep } = require('path');
const { fileURLToPath } = require('url');
const { inspect } = require('util');

const { stringify, parse } = JSON;
const hrtime = process.hrtime.bigint.bind(process.hrtime);
/** What is asked for, see `Request` in `node.rs`. */
const request = parse(readFileSync(`${__dirname}/request.json`, 'utf8'));
const descriptor = Number(process.env.CODITECT_REPORT_FD);
let select = request.select && new Set(request.select);
const skip = new Set(request.skip);

const IMPORT = '::<import>';
const MOST_TEXT = 4096;
const MOST_FRAMES = 30;

/** What is said while it is kept back, see `listen`. */
let kept;
/** Nothing is said. */
let hushed = false;
/** Tests that were red, files included that could not be loaded, and that were green. */
let count = { red: 0, green: 0 };

function send(line) {
  if (hushed) return;
  if (line.e === 'error' || (line.e === 'end' && line.status === 'failed')) count.red += 1;
  if (line.e === 'end' && line.status === 'passed') count.green += 1;
  if (kept) kept.push(line);
  else write(line);
}

function write(line) {
  let rest = Buffer.from(`${stringify(line)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') return;
    }
  }
}

/** The path of a file below the project's root; undefined for one of others. */
function below(file) {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const inside = relative(request.root, path).split(sep).join('/');
  return inside.startsWith('..') || inside.startsWith('/') ? undefined : inside;
}

function name(file) {
  return below(file) ?? file;
}

// ---- ids ----

const taken = new Map();

/** The id of a test: its file and the names that lead to it. The second test of the same names gets a number. */
function id(file, names) {
  const plain = `${name(file)}::${names.join(' > ')}`;
  const count = (taken.get(plain) ?? 0) + 1;
  taken.set(plain, count);
  return count === 1 ? plain : `${plain} #${count}`;
}

/** All files, where all of them are loaded again. */
function forgetAll() {
  taken.clear();
}

/** A file whose tests get ids anew, since it is loaded again. */
function forget(file) {
  const start = `${name(file)}::`;
  for (const known of taken.keys()) if (known.startsWith(start)) taken.delete(known);
}

function isWhole(file) {
  return !select || select.has(`${name(file)}${IMPORT}`) || select.has('<build>');
}

/** Whether a test is to be run. */
function wants(test) {
  if (skip.has(test)) return false;
  return !select || select.has(test) || isWhole(test.split('::')[0]);
}

/** Whether a test must run so that those that are asked for do. */
function leads(test) {
  if (wants(test)) return true;
  const start = `${test} > `;
  return !skip.has(test) && Boolean(select) && [...select].some((other) => other.startsWith(start));
}

/** Tests that many candidates may be asked for beside the selected ones. */
const nearby = request.many?.near ?? [];

/** Files with tests that are asked for, and with these others; undefined: all. */
function files(others = []) {
  if (!select || select.has('<build>')) return undefined;
  return new Set([...select, ...others].map((test) => `${request.root}/${test.split('::')[0]}`));
}

/** Asks for other tests from now on. */
function ask(tests) {
  select = new Set(tests);
}

// ---- tests ----

let current;
const waiting = [];
const held = [];

function collected(tests) {
  send({ e: 'collected', tests: tests.filter(wants) });
}

/** A test begins. Only one is told to be under way at a time, also where a runner has several. */
function begin(test) {
  if (!wants(test)) return;
  if (current === undefined) {
    current = test;
    send({ e: 'start', id: test });
  } else {
    waiting.push(test);
  }
}

function end(test, fields) {
  if (!wants(test)) return;
  if (current !== undefined && current !== test) {
    const at = waiting.indexOf(test);
    if (at >= 0) waiting.splice(at, 1);
    held.push([test, fields]);
    return;
  }
  if (current === undefined) send({ e: 'start', id: test });
  send({ e: 'end', id: test, ...fields });
  current = undefined;
  for (const [other, its] of held.splice(0)) {
    send({ e: 'start', id: other });
    send({ e: 'end', id: other, ...its });
  }
  current = waiting.shift();
  if (current !== undefined) send({ e: 'start', id: current });
}

/** A test that never came to its end says so, instead of being waited for. */
function flush() {
  while (current !== undefined) end(current, { status: 'failed', message: 'the run ended before this test did' });
}

function done(code) {
  flush();
  // With many candidates a runner ends many times.
  if (!request.many) send({ e: 'done', exit_code: code });
}

/** A test under way is given up, and nothing is said of it. */
function giveUp() {
  current = undefined;
  waiting.length = 0;
  held.length = 0;
}

function hush(yes) {
  hushed = yes;
}

/** Keeps back what is said from now on. */
function listen() {
  kept = [];
}

/** What was kept back. */
function heard() {
  const lines = kept ?? [];
  kept = undefined;
  return lines;
}

/** Counts tests anew. */
function countAnew() {
  count = { red: 0, green: 0 };
}

/** Tests that ended. */
function counted() {
  return count;
}

/** A line about one of many candidates. */
function mark(line) {
  write(line);
}

/** Trouble outside any test. */
function trouble(stage, place, error) {
  const { message, error_type, frames } = failure(error);
  send({ e: 'error', stage, where: place, message, error_type, frames });
}

// ---- errors ----

function plain(text) {
  // eslint-disable-next-line no-control-regex
  return String(text).replace(/\u001b\[[0-9;]*m/g, '');
}

function cut(text) {
  return text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text;
}

function shown(value) {
  try {
    return cut(typeof value === 'string' ? value : inspect(value, { depth: 4, breakLength: 120 }));
  } catch {
    return undefined;
  }
}

/** Lines of a stack that are the project's own, innermost last. */
function frames(stack) {
  const found = [];
  for (const line of plain(stack ?? '').split('\n')) {
    const at = /^\s*(?:at |\u276f )(?:(.*?) \()?((?:file:\/\/)?\/?[^()\s][^()]*?):(\d+)(?::\d+)?\)?$/.exec(line);
    if (!at || at[2].startsWith('node:')) continue;
    const file = at[2].startsWith('/') || at[2].startsWith('file:') ? below(at[2]) : at[2];
    if (file === undefined || file.includes('node_modules/')) continue;
    const frame = [file, Number(at[3]), (at[1] ?? '').replace(/^async /, '')];
    const last = found.at(-1);
    if (!last || last[0] !== frame[0] || last[1] !== frame[1]) found.push(frame);
    if (found.length >= MOST_FRAMES) break;
  }
  return found.reverse();
}

/** What an error says. Anything can be thrown, and a getter of it may throw again. */
function failure(error) {
  try {
    const object = error !== null && typeof error === 'object';
    if (!object && typeof error !== 'function') return { message: cut(plain(shown(error) ?? '')), frames: [] };
    const fields = { message: cut(plain(error.message ?? shown(error) ?? '')), frames: frames(error.stack) };
    // A parser names the place in its text, and its stack is its own.
    const place = /(?:^|\n)((?:file:\/\/)?\/[^\n:]+):(\d+)\n/.exec(plain(error.stack ?? ''));
    if (place && below(place[1]) && !place[1].includes('node_modules/')) {
      fields.frames.push([below(place[1]), Number(place[2]), '']);
    }
    fields.error_type = String(error.name ?? error.constructor?.name ?? 'Error');
    if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND') {
      const what = /Cannot find (?:module|package) '([^']+)'/.exec(fields.message);
      if (what && !/^[./]/.test(what[1])) fields.missing = what[1];
    }
    if ('expected' in error || 'actual' in error) {
      fields.expected = shown(error.expected);
      fields.actual = shown(error.actual);
    }
    return fields;
  } catch {
    return { message: 'an error that cannot be read', frames: [] };
  }
}

function failed(error, us) {
  const { missing, ...fields } = failure(error);
  return { status: 'failed', us, ...fields };
}

// ---- blocks that were reached, see `trace.rs` ----

/** Counts blocks in a realm. What runs before the first test belongs to all tests of the file. */
class Hits {
  constructor(realm) {
    this.outside = new Set();
    this.now = this.outside;
    Object.defineProperty(realm, '__coditect', { value: (number) => void this.now.add(number), configurable: true });
  }

  begin() {
    this.now = new Set();
  }

  /** What the test reached, as a field of its end. */
  end() {
    const reached = new Set([...this.outside, ...this.now]);
    this.now = this.outside;
    return reached.size > 0 ? { lines: { '<hits>': [...reached] } } : {};
  }
}

function since(start) {
  return Number((hrtime() - start) / 1000n);
}

module.exports = {
  request, below, name, id, forget, forgetAll, wants, leads, nearby, files, ask, collected, begin, end, done, flush, mark,
  giveUp, hush, listen, heard, countAnew, counted, trouble, failed, Hits,
  IMPORT, hrtime, since,
};
