'use strict';
// Mocha's part: as `--require` it keeps files out that nobody asks for, as `--reporter` it tells how tests go.

const { existsSync } = require('fs');
const { resolve } = require('path');

const many = require('./many.cjs');
const report = require('./report.cjs');

const hits = new report.Hits(globalThis);

/** Mocha itself, which is loaded by the time that it loads us. */
function mocha() {
  const key = Object.keys(require.cache).find((path) => /[\\/]mocha[\\/]lib[\\/]mocha\.c?js$/.test(path));
  const found = key && require.cache[key].exports;
  return found && (found.default ?? found);
}

/** Has only files loaded that are asked for, and tells which one could not be. */
function watchFiles(Mocha) {
  const wanted = report.files(report.nearby);
  const inner = Mocha?.prototype.loadFilesAsync;
  if (!inner) return;
  Mocha.prototype.loadFilesAsync = async function load(...args) {
    // Files of set-up come by an option of their own and are always loaded.
    const always = new Set([].concat(this.options?.file ?? []).map((file) => resolve(file)));
    if (wanted) this.files = this.files.filter((file) => wanted.has(file) || always.has(file));
    if (many.many && !this.coditect) return tryEach(Mocha, this, always);
    if (this.coditect) return inner.apply(this, args);
    let under;
    this.suite.on('pre-require', (_global, file) => {
      under = file;
    });
    try {
      return await inner.apply(this, args);
    } catch (error) {
      report.trouble('import', report.name(under ?? '(no file)'), error);
      report.done(1);
      throw error;
    }
  };
}

/** Many candidates: the files are loaded and run once for each, by a Mocha of its own. */
async function tryEach(Mocha, first, always) {
  let under;
  const required = [].concat(first.options?.require ?? []).map((name) => resolve(name));
  await many.each(async () => {
    // What was loaded before the tests may hold on to what is tried.
    for (const path of required) {
      const found = [path, `${path}.js`, `${path}.cjs`].find((file) => loadable(file));
      if (found) require(found);
    }
    const mocha = new Mocha(first.options);
    mocha.coditect = true;
    const wanted = report.files();
    mocha.files = first.files.filter((file) => always.has(file) || wanted.has(file));
    await load(mocha);
    await new Promise((done) => {
      // One that was broken off is over.
      under?.abort();
      under?.dispose?.();
      under = mocha.run(done);
    });
  });
  process.exit(0);
}

/** Loads the files; an error says which one could not be. */
async function load(mocha) {
  let file;
  mocha.suite.on('pre-require', (_global, next) => {
    file = next;
  });
  try {
    await mocha.loadFilesAsync();
  } catch (error) {
    throw file === undefined ? error : many.placed(error, file);
  }
}

function loadable(file) {
  return many.isOwn(file) && existsSync(file);
}

if (many.many) many.hook();
watchFiles(mocha());

function namesOf(runnable) {
  const names = [];
  for (let at = runnable; at && !at.root; at = at.parent) names.unshift(at.title);
  return names;
}

class Reporter {
  constructor(runner) {
    /** Which of many candidates this is about: one that was broken off has no more to say. */
    this.number = many.now[0];
    this.ids = new Map();
    this.began = new Map();
    /** The last green test: a hook after it may yet break it. */
    this.last = undefined;
    this.ended = new Set();
    const all = [];
    this.choose(runner.suite, all);
    runner.total = runner.suite.total();
    report.collected(all);
    const on = (event, told) => runner.on(event, (...of) => this.number === many.now[0] && told(...of));
    on('test', (test) => this.begin(test));
    on('pass', (test) => this.pass(test));
    on('pending', (test) => this.pending(test));
    on('fail', (runnable, error) => this.fail(runnable, error));
    on('end', () => {
      this.settle();
      report.done(runner.failures > 0 ? 1 : 0);
    });
  }

  /** Gives every test its id, and leaves out those that nobody asks for. */
  choose(suite, all) {
    suite.tests = suite.tests.filter((test) => {
      const id = report.id(test.file ?? suite.file ?? '(no file)', namesOf(test));
      all.push(id);
      this.ids.set(test, id);
      return report.wants(id);
    });
    for (const inner of suite.suites) this.choose(inner, all);
  }

  id(test) {
    // A retried test is a copy.
    return this.ids.get(test) ?? this.ids.get(test._retriedTest) ?? report.id(test.file ?? '(no file)', namesOf(test));
  }

  settle() {
    if (!this.last) return;
    const [id, fields] = this.last;
    this.last = undefined;
    report.end(id, fields);
  }

  close(id, fields) {
    this.settle();
    if (this.ended.has(id)) return;
    this.ended.add(id);
    if (fields.status === 'passed') this.last = [id, fields];
    else report.end(id, fields);
  }

  begin(test) {
    this.settle();
    this.began.set(this.id(test), report.hrtime());
    report.begin(this.id(test));
    hits.begin();
  }

  us(id) {
    const began = this.began.get(id);
    return began === undefined ? 0 : report.since(began);
  }

  pass(test) {
    const id = this.id(test);
    this.close(id, { status: 'passed', us: this.us(id), ...hits.end() });
  }

  pending(test) {
    const id = this.id(test);
    this.close(id, { status: 'skipped', us: 0 });
  }

  fail(runnable, error) {
    if (runnable.type !== 'hook') {
      const id = this.id(runnable);
      this.close(id, { ...report.failed(error, this.us(id)), ...hits.end() });
      return;
    }
    // A hook that breaks is a matter of the tests that it was for.
    const touched = hits.end();
    const blame = { ...report.failed(error, 0), ...touched };
    blame.message = `${runnable.title}: ${blame.message}`;
    if (/after/.test(runnable.title) && this.last) {
      const [id] = this.last;
      this.last = undefined;
      report.end(id, { ...blame, us: this.us(id) });
      return;
    }
    this.settle();
    const each = (suite) => {
      for (const test of suite.tests) this.close(this.id(test), blame);
      for (const inner of suite.suites) each(inner);
    };
    each(runnable.parent);
  }
}

module.exports = Reporter;
