import { defineConfig } from 'vitest/config'

/** Where `.ci/run` wants the counts. */
const report = process.env.TEST_REPORT

/** The ordinary run: everything that needs no software but ours. Peers have a run of their own. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/peers/**'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // A process for each file takes a fifth of the run; tests clean up behind themselves, and no file mocks a module.
    isolate: false,
    // Most tests wait for a database, a socket or a process: one more worker than the two cores that we count on.
    maxWorkers: 3,
    // Real databases, sockets and processes share two cores: generous limits, and no test looks at elapsed time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
})
