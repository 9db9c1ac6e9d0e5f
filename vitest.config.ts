import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      {
        // Real parts: sshd on loopback, openssl, processes.
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: ['test/rehearsal/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000 } },
          fileParallelism: false,
        },
      },
      {
        // A real cluster, rotated there and back; see test/rehearsal.
        test: {
          name: 'rehearsal',
          include: ['test/rehearsal/**/*.test.ts'],
          testTimeout: 40 * 60_000,
          hookTimeout: 40 * 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
