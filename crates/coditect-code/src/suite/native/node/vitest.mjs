// Starts Vitest by its own interface, so that nothing of the project's settings must be rewritten.

import childProcess from 'node:child_process';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { existsSync, promises, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const here = createRequire(import.meta.url);
const report = here('./report.cjs');
const many = here('./many.cjs');
const { options, filters } = report.request.vitest;

/** Where Vitest is. Its parts are no business of `require`, so they are looked for. */
function home() {
  const from = createRequire(join(process.cwd(), 'package.json'));
  for (const folder of from.resolve.paths('vitest') ?? []) {
    if (existsSync(join(folder, 'vitest', 'package.json'))) return join(folder, 'vitest');
  }
  console.error('there is no package `vitest` in node_modules');
  process.exit(127);
}

// Vite puts a compiled copy of its settings into node_modules, or beside them where it may not write there. It
// knows one of the two ways in which that is told.
const { mkdir } = promises;
promises.mkdir = async (path, ...rest) => {
  try {
    return await mkdir(path, ...rest);
  } catch (error) {
    if (error.code === 'EROFS') error.code = 'EACCES';
    throw error;
  }
};

// A process that runs tests gets the channel too, under another number: its own to us has ours.
const { fork } = childProcess;
childProcess.fork = (file, words, given) => {
  const [args, options] = Array.isArray(words) ? [words, given ?? {}] : [[], words ?? {}];
  const each = options.stdio ?? (options.silent ? 'pipe' : 'inherit');
  const stdio = Array.isArray(each) ? [...each] : [each, each, each, 'ipc'];
  const env = { ...(options.env ?? process.env), CODITECT_REPORT_FD: String(stdio.length) };
  return fork(file, args, { ...options, stdio: [...stdio, Number(process.env.CODITECT_REPORT_FD)], env });
};
syncBuiltinESMExports();

class Reporter {
  /** Vitest before version 3 says it in this way, later ones in the other. */
  onFinished(files = [], errors = []) {
    this.finish(files, errors);
  }

  onTestRunEnd(modules, errors) {
    this.finish(modules.map((module) => module.task), errors);
  }

  finish(files, errors) {
    if (this.finished) return;
    this.finished = true;
    // An error of a file is told by the runner, unless the runner itself could not be loaded.
    for (const file of files) {
      const [error] = file.result?.errors ?? [];
      if (error && file.tasks.length === 0) report.trouble('import', report.name(file.filepath), error);
    }
    for (const error of errors) report.trouble('run', '', error);
    const red = errors.length > 0 || files.some((file) => file.result?.state === 'fail');
    report.done(red ? 1 : 0);
  }
}

const folder = home();
process.env.CODITECT_VITEST = pathToFileURL(join(folder, 'dist', 'runners.js')).href;
const { startVitest } = await import(pathToFileURL(join(folder, 'dist', 'node.js')).href);
/** The package that runs tests where they are, as Vitest itself finds it. */
const runs = createRequire(join(realpathSync(folder), 'package.json')).resolve.paths('@vitest/runner') ?? [];
const run = runs.map((at) => join(at, '@vitest/runner/dist/index.js')).find((file) => existsSync(file));
if (run) process.env.CODITECT_VITEST_RUN = pathToFileURL(realpathSync(run)).href;
/** Many candidates: a file of one has its number, see `many` in the runner's part. */
const served = {
  name: 'coditect',
  enforce: 'pre',
  load(id) {
    const number = /[?&]coditect=(\d+)/.exec(id)?.[1];
    return number === undefined ? undefined : many.served(id.split('?')[0], Number(number))?.toString();
  },
};
const plugins = many.many ? [served] : [];
// Each file has a process of its own. With many candidates that of the first one tries them with the others too.
const asked = report.files();
const only = many.many && asked ? [...asked].slice(0, 1) : asked;
const chosen = {
  ...options,
  run: true,
  watch: false,
  update: false,
  reporters: [new Reporter()],
  runner: join(dirname(here.resolve('./report.cjs')), 'vitest-runner.mjs'),
  coverage: { enabled: false },
  fileParallelism: false,
  maxWorkers: 1,
  minWorkers: 1,
  passWithNoTests: true,
};
const vitest = await startVitest('test', only ? [...only] : filters, chosen, { cacheDir: '/cache/vite', plugins });
await vitest?.close();
process.exit();
