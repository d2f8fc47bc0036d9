'use strict';
// Many candidates in one process: starting a runner takes much longer than the few tests that a candidate must pass.
//
// For each candidate the project's own files are loaded anew, with the candidate's text served in place of what is on
// the disk. Packages stay loaded. A candidate that does not end is broken off, and the next one is tried. The unchanged
// project is tried first and last: where it says another thing at the end, some candidate left something behind, and
// what was said of all of them is worth nothing. And it is a hint anyway: whoever accepts a change runs it by itself.

const fs = require('fs');
const Module = require('module');
const { join, resolve } = require('path');
const { fileURLToPath, pathToFileURL } = require('url');
const { Worker, isMainThread } = require('worker_threads');

const report = require('./report.cjs');

const { root, many } = report.request;
const candidates = many?.candidates ?? [];
const { readFileSync, statSync, readFile } = fs;
const promised = fs.promises.readFile;
const soon = setImmediate;

/** The number of the candidate that is tried, also for threads that load modules; -1: none. */
const now = new Int32Array(new SharedArrayBuffer(4));
now[0] = -1;

/** The files of candidates, by their numbers: texts by path. */
const texts = new Map();
for (const { n, files } of candidates) {
  const of = new Map();
  for (const { path, start, end, new: text } of files) {
    const file = join(root, path);
    let old = Buffer.alloc(0);
    try {
      old = readFileSync(file);
    } catch {
      // A new file.
    }
    of.set(file, Buffer.concat([old.subarray(0, start), Buffer.from(text), old.subarray(end)]));
  }
  texts.set(n, of);
}

/** Numbers of candidates that are tried with further tests, and have their modules loaded once more for these. */
const AGAIN = 2_000_000;
/** Numbers of the unchanged project: nothing is served for them. */
const UNCHANGED = 1_000_000;

function served(path, asked = now[0]) {
  if (asked < 0) return undefined;
  const number = asked >= AGAIN ? asked - AGAIN : asked;
  try {
    if (path instanceof URL || (typeof path === 'string' && path.startsWith('file:'))) path = fileURLToPath(path);
    return typeof path === 'string' ? texts.get(number)?.get(resolve(path)) : undefined;
  } catch {
    return undefined;
  }
}

function decoded(bytes, options) {
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding ? bytes.toString(encoding) : Buffer.from(bytes);
}

/** Whoever reads a candidate's file gets its text. */
function serve() {
  fs.readFileSync = function read(path, options) {
    const bytes = served(path);
    return bytes ? decoded(bytes, options) : readFileSync.apply(this, arguments);
  };
  fs.readFile = function read(path, options, done) {
    const bytes = served(path);
    if (!bytes) return readFile.apply(this, arguments);
    const told = typeof options === 'function' ? options : done;
    return void soon(told, null, decoded(bytes, typeof options === 'function' ? undefined : options));
  };
  fs.promises.readFile = async function read(path, options) {
    const bytes = served(path);
    return bytes ? decoded(bytes, options) : promised.apply(this, arguments);
  };
  // Compilers keep what they compiled by the file's time.
  fs.statSync = function stat(path) {
    const found = statSync.apply(this, arguments);
    const bytes = found && served(path);
    if (bytes && typeof found.size === 'number') {
      found.size = bytes.length;
      found.mtimeMs += now[0] + 1;
      found.mtime = new Date(found.mtimeMs);
    }
    return found;
  };
  Module.syncBuiltinESMExports();
}

/** Has modules that are imported loaded anew for each candidate too. */
function hook() {
  if (!Module.register) return;
  const files = [...texts].flatMap(([n, of]) => [n, AGAIN + n].map((number) => [number, [...of]]));
  Module.register(pathToFileURL(join(__dirname, 'many-hooks.mjs')).href, { data: { now, root, files } });
}

function isOwn(path) {
  return path.startsWith(`${root}/`) && !path.includes('/node_modules/');
}

/** Forgets the project's own modules. */
function unload() {
  for (const path of Object.keys(require.cache)) {
    if (!isOwn(path)) continue;
    const { parent } = require.cache[path];
    // Who loaded it would hold on to every generation of it.
    if (parent?.children) parent.children = parent.children.filter((child) => !isOwn(child.filename ?? ''));
    delete require.cache[path];
  }
}

// ---- candidates that do not end ----

/** Processor time that a candidate has beyond what the unchanged project needs, ms, and how many times that. */
const LEAST_CPU = 150;
const TIMES_CPU = 5;
/** Processor time of a candidate where nobody knows what is needed, ms. */
const UNKNOWN_CPU = 500;

/** Breaks off what runs in the main thread, which is the one that never looks up from it. */
const WATCH = `
const { parentPort, workerData } = require('worker_threads');
const { Session } = require('inspector');
const { now, limit } = workerData;
let seen = -1;
let began;
setInterval(() => {
  const number = Atomics.load(now, 0);
  if (number !== seen) {
    seen = number;
    began = process.cpuUsage();
    return;
  }
  if (number < 0) return;
  const { user, system } = process.cpuUsage(began);
  if (user + system < Atomics.load(limit, 0) * 1000) return;
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution', () => {
    session.disconnect();
    parentPort.postMessage(number);
  });
  seen = -1;
  began = process.cpuUsage();
}, 20);
`;

/** How long a runner has to end what was broken off within a test, ms. */
const TO_END = 1_000;
const later = setTimeout;
const never = clearTimeout;

/** Watches over candidates by the time that they compute, which a busy machine does not change. */
class Watch {
  limit = new Int32Array(new SharedArrayBuffer(4));

  /** `breakOff`: has the runner end a test that was broken off, where it can; true: it will. */
  constructor(breakOff) {
    this.breakOff = breakOff;
    this.limit[0] = UNKNOWN_CPU * 4;
    if (!isMainThread) return;
    this.worker = new Worker(WATCH, { eval: true, execArgv: [], env: {}, workerData: { now, limit: this.limit } });
    this.worker.on('message', (number) => {
      if (number === now[0]) return this.hung?.();
      // It had just come to its end, and what was broken off is the loop below.
      report.mark({ e: 'lost' });
      process.reallyExit(0);
    });
  }

  /** Does `run` for a candidate. Gives how it ended: 'ended', 'broken' by the watch, or 'stuck' where the runner is. */
  async over(number, run) {
    now[0] = number;
    let timer;
    let broken = false;
    const stuck = new Promise((done) => {
      this.hung = () => {
        broken = true;
        report.giveUp();
        report.hush(true);
        timer = later(() => done('stuck'), this.breakOff() ? TO_END : 0);
      };
    });
    const ended = async () => {
      report.forgetAll();
      report.countAnew();
      unload();
      try {
        await run();
      } catch (error) {
        report.trouble('import', error?.[PLACE] ?? '', error);
      }
      return broken ? 'broken' : 'ended';
    };
    const how = await Promise.race([ended(), stuck]);
    this.hung = undefined;
    never(timer);
    if (broken) report.giveUp();
    else report.flush();
    report.hush(false);
    return how;
  }

  end() {
    now[0] = -1;
    return this.worker?.terminate();
  }
}

/** Where an error says which file could not be loaded. */
const PLACE = Symbol('coditect.place');

/** An error with the file that could not be loaded. */
function placed(error, file) {
  if (error !== null && typeof error === 'object' && Object.isExtensible(error)) error[PLACE] = report.name(file);
  return error;
}

/** Red tests after which a candidate that turned none green is not tried with others. */
const ENOUGH_RED = 3;

/** Whether enough is known of the candidate that is tried. */
function isRefuted() {
  const { red, green } = report.counted();
  return red >= ENOUGH_RED && green === 0 && (texts.get(now[0])?.size ?? 0) > 0;
}

/** How tests ended, in a form to be compared. */
function ends(lines) {
  const told = lines.filter(({ e }) => e === 'end' || e === 'error');
  return told.map(({ id, where, status, error_type }) => `${id ?? where} ${status ?? error_type}`).sort().join('\n');
}

/**
 * Tries each candidate by `run`, which loads the tests and waits for their end.
 *
 * `goesOn`: whether the runner can begin anew after tests that were broken off. `breakOff`: see `Watch`.
 */
async function each(run, { goesOn = () => true, breakOff = () => false } = {}) {
  const watch = new Watch(breakOff);
  const { select } = report.request;
  let near = many.near;
  let how;
  /** What the unchanged project says. */
  const unchanged = async (number, tests) => {
    report.ask(tests);
    report.listen();
    how = await watch.over(number, run);
    const lines = report.heard();
    report.ask(select);
    return lines;
  };
  const isStuck = () => how === 'stuck' && !goesOn();
  let before;
  watch.limit[0] = UNKNOWN_CPU;
  if (!many.hangs) {
    watch.limit[0] = UNKNOWN_CPU * 4;
    before = ends(await unchanged(UNCHANGED, select));
    if (how !== 'ended') return;
    // Once more, when everything is compiled that can be.
    const cpu = process.cpuUsage();
    await unchanged(UNCHANGED + 3, select);
    const { user, system } = process.cpuUsage(cpu);
    if (near.length > 0) {
      const lines = await unchanged(UNCHANGED + 1, near);
      const green = new Set(lines.filter(({ status }) => status === 'passed').map(({ id }) => id));
      near = near.filter((id) => green.has(id));
    }
    watch.limit[0] = LEAST_CPU + (TIMES_CPU * (user + system)) / 1000;
  }
  for (const { n } of candidates) {
    if (isStuck()) break;
    report.mark({ e: 'candidate', n });
    how = await watch.over(n, run);
    if (how === 'ended' && report.counted().red === 0 && near.length > 0) {
      report.mark({ e: 'near', n });
      report.ask(near);
      how = await watch.over(AGAIN + n, run);
      report.ask(select);
    }
    report.mark({ e: 'candidate_end', n, hung: how !== 'ended' });
  }
  if (before !== undefined && !isStuck()) {
    const after = ends(await unchanged(UNCHANGED + 2, select));
    if (after !== before) report.mark({ e: 'spoilt' });
  }
  await watch.end();
  if (isStuck()) process.reallyExit(0);
}

module.exports = { many, now, served, serve, hook, each, placed, isRefuted, isOwn };
