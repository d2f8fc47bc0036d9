// The reporter for Node's own runner.

const { state, report } = globalThis[Symbol.for('coditect.node-test')];

export default async function* reporter(events) {
  const file = report.request.file;
  /** Names of the tests around, by depth. */
  const around = [];
  /** Tests and suites that were begun and have not ended, by their names: those of the same names end in order. */
  const open = new Map();
  state.begin = (name) => {
    for (const waiting of open.values()) {
      const test = waiting.find((each) => each.name === name && !each.began);
      if (!test) continue;
      test.began = true;
      report.collected([test.id]);
      report.begin(test.id);
      return report.leads(test.id);
    }
    return true;
  };
  for await (const { type, data } of events) {
    if (data?.nesting === 0) {
      if (type === 'test:enqueue') state.open += 1;
      if (type === 'test:pass' || type === 'test:fail') state.open -= 1;
    }
    // The whole file is told as a test where it is one of several.
    if (type === 'test:dequeue') {
      around[data.nesting] = data.name;
      const path = [...around.slice(0, data.nesting), data.name];
      const key = path.join('\n');
      open.set(key, [...(open.get(key) ?? []), { name: data.name, id: report.id(file, path), began: false }]);
    } else if (type === 'test:pass' || type === 'test:fail') {
      end(data, type === 'test:pass');
    }
  }

  function end(data, passed) {
    const path = [...around.slice(0, data.nesting), data.name];
    const key = path.join('\n');
    const [test, ...others] = open.get(key) ?? [];
    open.set(key, others);
    const error = data.details?.error;
    if (data.details?.type === 'suite') {
      const ofTests = ['subtestsFailed', 'hookFailed'].includes(error?.failureType);
      // What broke a suite and none of its tests has no other test to show it.
      if (!passed && !ofTests) report.trouble('setup', report.name(file), error?.cause ?? error);
      return;
    }
    const id = test?.id ?? report.id(file, path);
    report.collected([id]);
    state.tests += 1;
    const us = Math.round((data.details?.duration_ms ?? 0) * 1000);
    if (data.skip !== undefined || data.todo !== undefined) {
      report.end(id, { status: 'skipped', us });
    } else if (passed) {
      report.end(id, { status: 'passed', us });
    } else {
      state.red += 1;
      const cause = error?.cause;
      report.end(id, report.failed(cause instanceof Error || typeof cause === 'string' ? cause : error, us));
    }
  }
}
