/**
 * Makes `dist/`: each program with all that it imports in few files. Loading 400 files one by one
 * would take longer than most commands run (docs/adr/0010-bundle.md). Types are checked by
 * `npm run check`.
 */
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli/main.ts', 'src/evidence/probe-thread.ts'],
  outdir: 'dist',
  outbase: 'src',
  // As deep as the source, from where the package's own data is found.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  // CommonJS that finds files of its own.
  external: ['ssh2', 'minijinja-js'],
  // What CommonJS packages ask `require` for.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
});
