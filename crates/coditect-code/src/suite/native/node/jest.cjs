'use strict';
// Jest's part, as `--testRunner`: its own runner, with an ear at its events.

const { createRequire } = require('module');
const { join } = require('path');

const many = require('./many.cjs');
const report = require('./report.cjs');

/** Many candidates: whether one is being tried. */
let trying = false;

/** A part of Jest, as Jest itself finds it. */
function part(config, name) {
  let from = createRequire(join(config.rootDir, 'package.json'));
  for (const step of ['jest', '@jest/core', 'jest-config', name]) {
    try {
      const found = from.resolve(step);
      if (step === name) {
        const loaded = require(found);
        return loaded.default ?? loaded;
      }
      from = createRequire(found);
    } catch {
      // Packages that lie side by side are found from any of them.
    }
  }
  throw new Error(`this Jest has no ${name}: it is older than version 27`);
}

/** Many candidates: Jest runs the file for each, in an environment of its own. */
async function tryEach(globalConfig, config, runtime, path) {
  const Runner = part(config, 'jest-runner');
  const watcher = { isInterrupted: () => false, isWatchMode: () => false };
  const test = { context: { config, resolver: runtime._resolver }, path };
  await many.each(async () => {
    trying = true;
    await new Runner(globalConfig, {}).runTests([test], watcher, { serial: true });
    trying = false;
  });
  trying = false;
}

function namesOf(test) {
  const names = [test.name];
  for (let at = test.parent; at && at.parent; at = at.parent) names.unshift(at.name);
  return names.map(String);
}

module.exports = async function run(globalConfig, config, environment, runtime, testPath, ...rest) {
  if (many.many && !trying) await tryEach(globalConfig, config, runtime, testPath);
  const runner = part(config, 'jest-circus/runner');
  const hits = new report.Hits(environment.global);
  const ids = new Map();
  const began = new Map();
  report.forget(testPath);

  const wanted = (id) => (trying || !many.many) && report.wants(id);

  /** Gives every test its id, and leaves out those that nobody asks for. True: some are left. */
  function choose(block) {
    const keep = (child) => {
      if (child.type === 'describeBlock' || child.children) return choose(child);
      const id = report.id(testPath, namesOf(child));
      ids.set(child, id);
      return wanted(id);
    };
    block.children = block.children.filter(keep);
    if (block.tests) block.tests = block.tests.filter((test) => ids.has(test) && wanted(ids.get(test)));
    return block.children.length > 0;
  }

  function heard(event, state) {
    const { name, test } = event;
    const id = test && ids.get(test);
    if (name === 'run_start') {
      choose(state.rootDescribeBlock);
      report.collected([...ids.values()]);
    } else if (name === 'test_start' && id) {
      began.set(id, report.hrtime());
      report.begin(id);
      hits.begin();
    } else if ((name === 'test_skip' || name === 'test_todo') && id) {
      report.end(id, { status: 'skipped', us: 0 });
    } else if (name === 'test_done' && id) {
      const us = report.since(began.get(id));
      const [first] = test.errors ?? [];
      const error = Array.isArray(first) ? (first[0] ?? first[1]) : first;
      const red = (test.errors ?? []).length > 0;
      report.end(id, { ...(red ? report.failed(error, us) : { status: 'passed', us }), ...hits.end() });
    } else if (name === 'hook_failure' && event.hook?.type === 'afterAll') {
      report.trouble('setup', report.name(testPath), event.error);
    }
  }

  const number = many.now[0];
  const inner = environment.handleTestEvent;
  environment.handleTestEvent = async function handle(event, state) {
    // One of many candidates, which was broken off, goes no further.
    if (many.now[0] !== number) return new Promise(() => {});
    if (inner) await inner.call(environment, event, state);
    heard(event, state);
  };
  try {
    return await runner(globalConfig, config, environment, runtime, testPath, ...rest);
  } catch (error) {
    report.trouble('import', report.name(testPath), error);
    told.add(testPath);
    throw error;
  }
};

const told = new Set();
module.exports.told = told;
