'use strict';
// Many candidates in one process: starting a runner takes much longer than the few tests that a candidate must pass.
//
// For each candidate the project's own files are loaded anew, with the candidate's text served in place of what is on
// the disk. Packages stay loaded. What is said here is a hint: whoever accepts a change runs it by itself.

const fs = require('fs');
const Module = require('module');
const { join, resolve } = require('path');
const { fileURLToPath, pathToFileURL } = require('url');

const report = require('./report.cjs');

const { root, many } = report.request;
const { readFileSync, statSync, readFile } = fs;
const promised = fs.promises.readFile;
const soon = setImmediate;

/** The number of the candidate that is tried, also for threads that load modules; -1: none. */
const now = new Int32Array(new SharedArrayBuffer(4));
now[0] = -1;

/** The files of candidates, by their numbers: texts by path. */
const texts = new Map();
for (const { n, files } of many ?? []) {
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

function served(path, number = now[0]) {
  if (number < 0) return undefined;
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
  const files = [...texts].map(([n, of]) => [n, [...of]]);
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

/** Tries each candidate by `run`, which loads the tests and waits for their end. */
async function each(run) {
  for (const { n } of many) {
    report.mark({ e: 'candidate', n });
    now[0] = n;
    report.forgetAll();
    unload();
    try {
      await run(n);
    } catch (error) {
      report.trouble('import', '', error);
    }
    report.flush();
    report.mark({ e: 'candidate_end', n });
  }
  now[0] = -1;
}

module.exports = { many, now, served, serve, hook, each, isOwn };
