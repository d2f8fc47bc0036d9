'use strict';
// Jest's part, as `--reporters`: files that could not even be begun, and the end.

const report = require('./report.cjs');
const { told } = require('./jest.cjs');

module.exports = class Reporter {
  onTestResult(test, result) {
    if (result.testExecError && !told.has(test.path) && result.testResults.length === 0) {
      told.add(test.path);
      report.trouble('import', report.name(test.path), result.testExecError);
    }
  }

  onRunComplete(_contexts, results) {
    report.done(results.success ? 0 : 1);
  }
};
