// Vitest's part that is loaded where the tests run.

import { createRequire } from 'node:module';

const here = createRequire(import.meta.url);
const report = here('./report.cjs');
const many = here('./many.cjs');
const { warn } = console;
console.warn = () => {};
const base = await import(/* @vite-ignore */ process.env.CODITECT_VITEST);
console.warn = warn;
const Base = base.VitestTestRunner ?? base.TestRunner;

const hits = new report.Hits(globalThis);

export default class Runner extends Base {
  ids = new Map();
  began = new Map();
  toRun = new Set();
  /** Has the test under way fail, while it is run. */
  fail = undefined;
  /** The candidate was broken off: no further test of it is begun. */
  broken = false;

  async onCollected(files) {
    await super.onCollected?.(files);
    for (const file of files) {
      report.forget(file.filepath);
      const all = [];
      this.choose(file, file, [], all);
      const [error] = file.result?.errors ?? [];
      if (!this.trying && many.many) continue;
      if (error) report.trouble('import', report.name(file.filepath), error);
      else report.collected(all);
    }
  }

  /** Gives every test its id, and leaves out those that nobody asks for. True: some are left. */
  choose(task, file, names, all) {
    if (task.type !== 'suite') {
      const id = report.id(file.filepath, [...names, task.name]);
      this.ids.set(task, id);
      all.push(id);
      const wanted = report.wants(id) && (this.trying || !many.many);
      if (wanted && task.mode === 'run') this.toRun.add(task);
      if (!wanted) task.mode = 'skip';
      return wanted;
    }
    const inner = task === file ? names : [...names, task.name];
    let some = false;
    for (const child of task.tasks) some = this.choose(child, file, inner, all) || some;
    if (!some) task.mode = 'skip';
    return some;
  }

  /** Many candidates: once the file was loaded as it is, it is loaded and run for each. */
  async onAfterRunFiles(files) {
    await super.onAfterRunFiles?.(files);
    if (!many.many || this.trying) return;
    this.trying = true;
    const { startTests, getCurrentTest, getFn } = await import(/* @vite-ignore */ process.env.CODITECT_VITEST_RUN);
    const { vi } = await import(/* @vite-ignore */ new URL('index.js', process.env.CODITECT_VITEST).href);
    this.serve();
    // What breaks off a test must not break off the one who waits for it.
    this.runTask = (test) =>
      new Promise((done, fail) => {
        this.fail = fail;
        Promise.resolve().then(getFn(test)).then(done, fail);
      });
    await many.each(async () => {
      this.ids.clear();
      this.began.clear();
      this.broken = false;
      vi.useRealTimers();
      vi.resetModules();
      await startTests([...(report.files() ?? files.map((file) => file.filepath))], this);
    }, { goesOn: () => getCurrentTest() === undefined, breakOff: () => this.breakOff() });
    this.trying = false;
  }

  breakOff() {
    this.broken = true;
    this.fail?.(new Error('it does not end'));
    return this.fail !== undefined;
  }

  /** Has files of candidates asked for by their numbers. */
  serve() {
    const { options } = this.__vitest_executor;
    const { fetchModule } = options;
    options.fetchModule = (id, ...rest) => {
      // Vite names files from its own root.
      const [plain] = id.split('?');
      const paths = plain.startsWith('/@fs/') ? [plain.slice(4)] : [plain, `${this.config.root}${plain}`];
      const path = paths.find((each) => many.served(each));
      return fetchModule(path === undefined ? id : `${path}?coditect=${many.now[0]}`, ...rest);
    };
  }

  async onBeforeRunTask(task) {
    if (this.broken && task.mode === 'run') task.mode = 'skip';
    if (task.type !== 'suite' && task.mode === 'run' && many.isRefuted()) {
      task.mode = 'skip';
      this.ids.delete(task);
    }
    const id = this.ids.get(task);
    if (id && task.mode === 'run') {
      this.began.set(id, report.hrtime());
      report.begin(id);
      hits.begin();
    }
    await super.onBeforeRunTask?.(task);
  }

  async onAfterRunTask(task) {
    this.fail = undefined;
    await super.onAfterRunTask?.(task);
    this.ended(task);
  }

  ended(task) {
    const id = this.ids.get(task);
    if (!id || !this.began.has(id)) return;
    const us = report.since(this.began.get(id));
    this.began.delete(id);
    const { state, errors } = task.result ?? {};
    if (state === 'fail') report.end(id, { ...report.failed(errors?.[0], us), ...hits.end() });
    else report.end(id, { status: state === 'pass' ? 'passed' : 'skipped', us, ...hits.end() });
    this.ids.delete(task);
  }

  async onAfterRunSuite(suite) {
    await super.onAfterRunSuite?.(suite);
    const [error] = suite.result?.errors ?? [];
    const told = this.rest(suite, error);
    if (error && !told) report.trouble('setup', report.name(suite.file.filepath), error);
  }

  /** Ends tests of a suite that never began: they were skipped, or what stands around them broke. True: one did. */
  rest(task, error) {
    if (task.type === 'suite') {
      let some = false;
      for (const child of task.tasks) some = this.rest(child, error) || some;
      return some;
    }
    const id = this.ids.get(task);
    if (!id || this.began.has(id)) return false;
    this.ids.delete(task);
    const broken = error && this.toRun.has(task);
    report.end(id, broken ? { ...report.failed(error, 0), ...hits.end() } : { status: 'skipped', us: 0 });
    return Boolean(broken);
  }
}
