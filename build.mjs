/**
 * Makes `dist/`: each program with all that it imports in one file, and V8's code cache of the main
 * one. Loading 400 files one by one, and compiling them, would take longer than most commands run
 * (docs/adr/0010-start.md). Types are checked by `npm run check`.
 */
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { build } from 'esbuild';

/**
 * Leaves ssh2's native code where it is, and names it from the package: `./` would be beside `dist/`.
 * Leaves out its agents for HTTP and its server, for which Node would load HTTP and TLS at each start.
 * @type {import('esbuild').Plugin}
 */
const leanSsh2 = {
  name: 'lean-ssh2',
  setup: (build) => {
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({
      path: posix.join('ssh2/lib/protocol', path),
      external: true,
    }));
    build.onLoad({ filter: /ssh2\/lib\/(http-agents|server)\.js$/ }, () => ({ contents: '' }));
  },
};

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli/main.ts', 'src/evidence/probe-thread.ts'],
  outdir: 'dist',
  // As deep as the source, from where the package's own data is found.
  outbase: 'src',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  target: 'node20',
  // Names stay, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  // An error that nobody caught is shown with its line.
  lineLimit: 160,
  // A tagged template keeps what is not ASCII, and bin/start.js reads ASCII.
  supported: { 'template-literal': false, 'dynamic-import': false },
  logLevel: 'warning',
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  plugins: [leanSsh2],
  // Packages that find native code or WebAssembly beside themselves.
  external: ['minijinja-js', 'cpu-features'],
});
// What `require` would put around it, for bin/start.js: there it would be a copy of all of it.
const program = 'dist/cli/main.cjs';
const text = await readFile(program, 'latin1');
await writeFile(
  program,
  `(function (exports, require, module, __filename, __dirname) {${text}\n})`,
  'latin1',
);
try {
  execFileSync(process.execPath, ['build.code-cache.mjs'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
} catch {
  process.stderr.write('Built without a code cache (see above): all works, but starts later.\n');
}
