'use strict';
// Starts a runner's own program as `npx` would, from the packages that the project has.

const { createRequire } = require('module');
const { readFileSync } = require('fs');
const { dirname, join } = require('path');
const { pathToFileURL } = require('url');

const [, , runner, ...args] = process.argv;

const many = require('./many.cjs');
// Before anything keeps what it found in `fs`.
if (many.many) many.serve();

function program() {
  const from = createRequire(join(process.cwd(), 'package.json'));
  for (const folder of from.resolve.paths(runner) ?? []) {
    const manifest = join(folder, runner, 'package.json');
    let text;
    try {
      text = readFileSync(manifest, 'utf8');
    } catch {
      continue;
    }
    const { bin } = JSON.parse(text);
    return join(dirname(manifest), typeof bin === 'string' ? bin : bin[runner]);
  }
  console.error(`there is no package \`${runner}\` in node_modules`);
  process.exit(127);
}

const file = program();
process.argv.splice(1, 2, file);
import(pathToFileURL(file));
