#!/usr/bin/env node
// A run does much, but little of it often: most of what V8 would compile for speed has ended before
// that pays, and its compiler takes the cores that hosts may be on too (docs/adr/0010-start.md).
import { setFlagsFromString } from 'node:v8';

for (const flag of ['--interrupt-budget=1000000', '--always-sparkplug', '--liftoff-only'])
  setFlagsFromString(flag);
await import('../dist/cli/main.js');
