import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startSite, type Controller, type Ended, type Site } from './interrupted-site.js';

// CARAVAN_INTERRUPTIONS=1 makes 200 runs, and a greater number as many; CARAVAN_SEED repeats them.
const asked = Number(process.env['CARAVAN_INTERRUPTIONS'] ?? 20);
const RUNS = asked === 1 ? 200 : asked;
const SEED = Number(process.env['CARAVAN_SEED'] ?? Date.now() % 1_000_000_000);
/** Runs at the same time, each with an sshd of its own: they mostly wait. */
const LANES = 6;
/** A stopped controller finishes what is under way within this. */
const STOP_MS = 20_000;
/** Any run is over within this. */
const END_MS = 60_000;
/** The second signal follows the first within this. */
const TWICE_MS = 400;
/** How long an operator looks at a run that stands still before ending it for good. */
const PATIENCE_MS = 2_000;

/** A machine's load changes: a length that was not seen again may have grown. */
const LENGTHEN = 1.05;

/** Every kind of interruption: what is done at its moment. */
const KINDS = {
  'SIGINT to the controller': ({ controller }) => {
    controller.kill('SIGINT');
  },
  // What is under way goes on on the hosts, and is awaited by the next run.
  'SIGINT to the controller, twice': async ({ controller, random }) => {
    controller.kill('SIGINT');
    await Promise.race([controller.ended, wait(random() * TWICE_MS)]);
    controller.kill('SIGINT');
  },
  'SIGTERM to the controller': ({ controller }) => {
    controller.kill('SIGTERM');
  },
  'SIGKILL to the controller': ({ controller }) => {
    controller.kill('SIGKILL');
  },
  "SIGKILL to sshd's session": async ({ controller, site, random }) => {
    const isReady = (): boolean => site.sessions().length > 0 || controller.isOver();
    await expect.poll(isReady, { timeout: END_MS, interval: 2 }).toBe(true);
    const sessions = site.sessions();
    const one = sessions[Math.floor(random() * sessions.length)];
    try {
      if (one !== undefined) process.kill(one, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  },
  'network stopped': async ({ controller, site }) => {
    site.proxy.freeze();
    await Promise.race([controller.ended, wait(PATIENCE_MS)]);
    controller.kill('SIGKILL');
  },
  'network reset': ({ site }) => {
    site.proxy.reset();
  },
} satisfies Record<string, (at: Moment) => void | Promise<void>>;

type Kind = keyof typeof KINDS;

interface Moment {
  readonly controller: Controller;
  readonly site: Site;
  readonly random: () => number;
}

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function within(ms: number, controller: Controller, what: string): Promise<Ended> {
  const late = new AbortController();
  try {
    const over = wait(ms, undefined, { signal: late.signal });
    const ended = await Promise.race([controller.ended, over]);
    if (ended !== undefined) return ended;
  } finally {
    late.abort();
  }
  controller.kill('SIGKILL');
  const { out } = await controller.ended;
  throw new Error(`${what} was not over after ${ms / 1000} s: ${out.slice(-1500)}`);
}

/** Looks at the big files as often as it may, until told to stop; gives what it saw wrong. */
function watch(site: Site): () => string | undefined {
  let seen: string | undefined;
  const timer = setInterval(() => (seen ??= site.halfWritten()), 5);
  return () => {
    clearInterval(timer);
    return seen ?? site.halfWritten();
  };
}

const told = ({ code, signal, out, err }: Ended): string =>
  `exit ${String(code)} ${String(signal)}\n${out.slice(-2500)}\n${err}`;

/** How long an undisturbed run is at present, as far as is known. */
interface Lengths {
  ms: number;
}

/** How the first run of a controller ended, in a word. */
type How = 'done' | 'resumed' | 'not begun';

/** One run that is interrupted, and what an operator does then. @throws what is wrong */
async function interrupted(site: Site, { kind, share, random }: Plan, runs: Lengths) {
  site.renew();
  const began = performance.now();
  const moment = share * runs.ms;
  const stopWatch = watch(site);
  try {
    const controller = site.start();
    await Promise.race([wait(moment), controller.ended]);
    runs.ms = controller.isOver() ? performance.now() - began : runs.ms * LENGTHEN;
    await KINDS[kind]({ controller, site, random });
    const isAsked = kind.startsWith('SIGINT') || kind.startsWith('SIGTERM');
    const first = await within(isAsked ? STOP_MS : END_MS, controller, 'the run');
    const how = await finish(site, first, isAsked);
    site.proxy.reset(); // what a stopped network holds is no fault of the runner
    await settled(site, first);
    // The last thing of a run is that hosts forget it: one that is cut off there leaves it to time.
    if (how !== 'done') expect(site.receipts()).toEqual([]);
    return how;
  } finally {
    const seen = stopWatch();
    site.proxy.reset();
    await expect.poll(() => site.left(), { timeout: 10_000 }).toEqual([]);
    if (seen !== undefined) throw new Error(seen);
  }
}

/** Runs again with `--resume`, if need be. */
async function finish(site: Site, first: Ended, isAsked: boolean): Promise<How> {
  if (first.code === 0) return 'done';
  // Before there is a handler, and after there is one, the signal does what it does by itself.
  if (isAsked && first.code !== 99 && first.signal === null)
    throw new Error(`a run that is to stop ends with 99: ${told(first)}`);
  const second = await within(END_MS, site.start('--resume'), 'the run that resumes');
  if (second.code === 0) return 'resumed';
  const isUnknown = second.code === 1 && second.err.includes('no run of site.yml is known');
  if (!isUnknown)
    throw new Error(`it was not resumed: ${told(second)}\n--- the first:\n${told(first)}`);
  if (!site.isUntouched()) return 'done';
  const anew = await within(END_MS, site.start(), 'the run anew');
  if (anew.code !== 0) throw new Error(`it was not run: ${told(anew)}`);
  return 'not begun';
}

/** Waits until all is as it should be on the hosts. */
async function settled(site: Site, first: Ended): Promise<void> {
  const wrong = (): string[] => [...site.faults(), ...site.left()];
  try {
    await expect.poll(wrong, { timeout: 5_000 }).toEqual([]);
  } catch {
    throw new Error(`${wrong().join('\n')}\n--- the first:\n${told(first)}`);
  }
}

interface Plan {
  readonly index: number;
  readonly kind: Kind;
  readonly share: number;
  readonly random: () => number;
}

function planOf(index: number): Plan {
  const random = randomOf(SEED + index);
  const kinds = Object.keys(KINDS) as Kind[];
  // As many of each kind, whatever the seed.
  const kind = kinds[index % kinds.length] as Kind;
  return { index, kind, share: random(), random };
}

test(
  'A run that is interrupted at any moment leaves whole files, and the next one finishes it',
  async () => {
    const sites = await Promise.all(Array.from({ length: LANES }, startSite));
    onTestFinished(async () => {
      await Promise.all(sites.map((site) => site.stop()));
    });
    const only = process.env['CARAVAN_ONLY'];
    const plans = Array.from({ length: RUNS }, (_, index) => planOf(index)).filter(
      ({ index }) => only === undefined || index === Number(only),
    );
    const counts: Record<string, number> = {};
    const failures: string[] = [];
    const lane = async (site: Site): Promise<void> => {
      site.renew();
      const began = performance.now();
      const undisturbed = await within(END_MS, site.start(), 'the undisturbed run');
      expect(undisturbed.code, told(undisturbed)).toBe(0);
      const runs = { ms: performance.now() - began };
      await settled(site, undisturbed);
      expect(site.receipts()).toEqual([]);
      for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
        const { index, kind, share } = plan;
        const moment = Math.round(share * runs.ms);
        let how: string;
        try {
          how = await interrupted(site, plan, runs);
        } catch (thrown) {
          how = 'FAILED';
          const failure = `run ${index}, ${kind} at ${moment} ms: ${(thrown as Error).message}`;
          console.error(failure);
          failures.push(failure);
        }
        const key = `${kind}: ${how}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
    };
    await Promise.all(sites.map(lane));
    const lines = Object.entries(counts).sort();
    console.log([`seed ${SEED}`, ...lines.map(([key, n]) => `${n} × ${key}`)].join('\n'));
    expect(failures.join('\n\n'), `CARAVAN_SEED=${SEED}`).toBe('');
  },
  60 * 60_000,
);
