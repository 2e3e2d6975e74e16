// The last line of .ci/run: how many tests passed and failed, from vitest's JSON report, and the exit code of it all.
import { readFileSync } from 'node:fs';

const [report = '', testsCode = '1'] = process.argv.slice(2);

/** Undefined when the tests never began, or never came to their end. */
function counts(): { passed: number; failed: number } | undefined {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that can't be loaded has no tests to fail, but is a failure.
    return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites };
  } catch {
    return undefined;
  }
}

const { passed, failed } = counts() ?? { passed: 0, failed: 1 };
// Something failed besides the tests, such as an unhandled error.
const failures = failed === 0 && testsCode !== '0' ? 1 : failed;
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 && passed > 0 ? 0 : 1;
