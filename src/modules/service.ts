import * as z from 'zod';
import type { Fact } from '../facts/fact.js';
import { readFact } from '../facts/fact.js';
import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import { applyHostChanges, type HostChange, type RunChange } from './host-change.js';
import type { TaskModule, Verdict } from './module.js';

const input = z
  .strictObject({
    /** Unit; `.service` may be left out. */
    name: z.string().optional(),
    state: z.enum(['started', 'stopped', 'restarted', 'reloaded']).optional(),
    enabled: z.boolean().optional(),
    masked: z.boolean().optional(),
    /** Reads unit files again before anything else. */
    daemon_reload: z.boolean().default(false),
    daemon_reexec: z.boolean().default(false),
    scope: z.enum(['system', 'user', 'global']).default('system'),
    no_block: z.boolean().default(false),
  })
  .refine(
    ({ name, daemon_reload: reload, daemon_reexec: reexec }) =>
      name !== undefined || reload || reexec,
    {
      message: "needs 'name'",
    },
  );

type Input = z.infer<typeof input>;

/** A unit as systemd shows it. */
export interface UnitSeen {
  readonly active: string;
  /** `enabled`, `disabled`, `static`, `masked`, ... */
  readonly file: string;
  /** `not-found` where there is no such unit. */
  readonly load: string;
}

function scopeFlag({ scope }: Input): string[] {
  return scope === 'system' ? [] : [`--${scope}`];
}

function unit({ name = '' }: Input): string {
  return /\.\w+$/.test(name) ? name : `${name}.service`;
}

function unitFact(given: Input): Fact<UnitSeen> {
  return {
    name: `unit ${unit(given)}`,
    command: sh`command -v systemctl > /dev/null || { echo 'systemctl is not there: only systemd is supported' >&2; exit 127; }
systemctl ${scopeFlag(given)} show -p ActiveState -p UnitFileState -p LoadState -- ${unit(given)}`,
    parse: ({ code, stdout, stderr }) => {
      if (code !== 0)
        throw new CaravanError('command', `look at ${unit(given)}: ${stderr.trim() || 'failed'}`);
      const value = (key: string): string =>
        new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
      return {
        active: value('ActiveState'),
        file: value('UnitFileState'),
        load: value('LoadState'),
      };
    },
  };
}

function systemctl(given: Input, verb: string, ...words: string[]): RunChange {
  const block = given.no_block ? ['--no-block'] : [];
  return {
    kind: 'run',
    summary: `systemctl ${[verb, ...words].join(' ')}`,
    script: sh`systemctl ${[...scopeFlag(given), ...block, verb, ...words]}`,
  };
}

function stateChange(seen: UnitSeen, given: Input): HostChange[] {
  const isActive = ['active', 'activating', 'reloading'].includes(seen.active);
  const name = unit(given);
  switch (given.state) {
    case 'started':
      return isActive ? [] : [systemctl(given, 'start', name)];
    case 'stopped':
      return isActive || seen.active === 'deactivating' ? [systemctl(given, 'stop', name)] : [];
    case 'restarted':
      return [systemctl(given, isActive ? 'restart' : 'start', name)];
    case 'reloaded':
      return [systemctl(given, isActive ? 'reload' : 'start', name)];
    case undefined:
      return [];
  }
}

function check(seen: UnitSeen | undefined, given: Input): Verdict<HostChange> {
  const reload = [
    ...(given.daemon_reexec ? [systemctl(given, 'daemon-reexec')] : []),
    ...(given.daemon_reload ? [systemctl(given, 'daemon-reload')] : []),
  ];
  if (seen === undefined) return { changes: reload };
  const name = unit(given);
  if (seen.load === 'not-found' && given.state !== 'stopped' && !given.daemon_reload)
    return {
      changes: [],
      failure: { kind: 'verify', message: `the host has no unit ${name}` },
    };
  const isMasked = seen.load === 'masked' || seen.file.startsWith('masked');
  const isEnabled = /^(enabled|static|indirect|generated|alias)/.test(seen.file);
  const enables = given.enabled !== undefined && given.enabled !== isEnabled;
  const masks = given.masked !== undefined && given.masked !== isMasked;
  const changes = [
    ...(masks ? [systemctl(given, given.masked === true ? 'mask' : 'unmask', name)] : []),
    ...(enables ? [systemctl(given, given.enabled === true ? 'enable' : 'disable', name)] : []),
    ...stateChange(seen, given),
  ];
  const result = {
    name: given.name ?? '',
    ...(given.state === undefined
      ? {}
      : { state: given.state === 'stopped' ? 'stopped' : 'started' }),
    ...(given.enabled === undefined ? {} : { enabled: given.enabled }),
    status: { ActiveState: seen.active, UnitFileState: seen.file, LoadState: seen.load },
  };
  // To read unit files again changes nothing by itself, so alone it is no change.
  if (changes.length > 0) return { changes: [...reload, ...changes], result };
  return reload.length > 0
    ? { changes: reload, result }
    : { changes: [], reason: `${name} is as asked`, result };
}

/** A unit of systemd. */
export const systemd: TaskModule<Input, UnitSeen | undefined, HostChange> = {
  name: 'systemd',
  doc: 'Starts, stops, restarts, enables or masks a unit of systemd.',
  input,
  aliases: { service: 'name', unit: 'name', 'daemon-reload': 'daemon_reload' },
  observe: (given, { connection }) =>
    given.name === undefined ? Promise.resolve(undefined) : readFact(connection, unitFact(given)),
  check,
  apply: async (changes, given, context) => {
    await applyHostChanges(changes, context);
    // With nothing but a reload Ansible reports no change either.
    return {
      changed:
        given.name !== undefined && !changes.every((one) => one.summary.includes('daemon-re')),
    };
  },
};

/** The same under its names in Ansible. */
export const service = { ...systemd, name: 'service' } as const;
export const systemdService = { ...systemd, name: 'systemd_service' } as const;
