import { defineConfig } from 'vitest/config';

/**
 * Two kinds of tests: those that run in the test's own process, side by side, and those with real PostgreSQL and Envoy,
 * one file at a time: they measure times, and each of them fills a small machine by itself.
 */
const report = process.env.HOWDAH_TEST_REPORT;

export default defineConfig({
  test: {
    // .ci/run counts from this file.
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    environment: 'node',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['node_modules/**', 'dist/**', 'test/integration/**'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          pool: 'forks',
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
