import { defineConfig } from 'vitest/config'

/** Where `.ci/run` wants the counts. */
const report = process.env.TEST_REPORT

/** The peers' run: record systems that we did not write, installed and started here. One file at a time: they share peers. */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.peer.test.ts'],
    globalSetup: ['test/support/global-setup.ts', 'test/peers/hapi/hapi-setup.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
})
