const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const PROGRAM = join(__dirname, '../dist/cli/main.cjs');

/** V8's code cache of the program; made by `npm run build`. */
const CODE_CACHE = `${PROGRAM}.cache`;

// A run does much, but little of it often: most of what V8 would compile for speed has ended before
// that pays, and its compiler takes the cores that hosts may be on too (docs/adr/0010-start.md).
const FLAGS = ['--interrupt-budget=1000000', '--always-sparkplug', '--liftoff-only'];

// Node brings its own modules compiled, for V8 without those flags: loaded after them, they would
// be compiled anew.
const NODE_MODULES = [
  'assert',
  'child_process',
  'crypto',
  'dns',
  'readline/promises',
  'timers/promises',
  'zlib',
];

/**
 * Starts the program as `require` would, but as V8 compiled it at the build. Where the cache is
 * missing, or of another version of V8, the program is compiled anew.
 */
function start() {
  for (const name of NODE_MODULES) require(`node:${name}`);
  for (const flag of FLAGS) setFlagsFromString(flag);
  // The build leaves nothing in it but ASCII, which takes half the memory of other text.
  const text = readFileSync(PROGRAM, 'latin1');
  const script = new Script(text, { filename: PROGRAM, cachedData: codeCache() });
  const module = { exports: {} };
  const main = script.runInThisContext();
  main(module.exports, createRequire(PROGRAM), module, PROGRAM, dirname(PROGRAM));
  return script;
}

function codeCache() {
  try {
    return readFileSync(CODE_CACHE);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

module.exports = { CODE_CACHE, start };
