import * as z from 'zod';

const at = z.iso.datetime({ precision: 3 });
const count = z.int().min(0);
const status = z.enum(['ok', 'changed', 'skipped', 'failed', 'unreachable']);
const hosts = z.array(z.string());
const kind = z.enum([
  ...(['input', 'privilege', 'connect', 'auth', 'host-key', 'command', 'timeout'] as const),
  ...(['cancelled', 'gate', 'locked', 'verify', 'bug'] as const),
]);
const diff = z.strictObject({ path: z.string(), before: z.string().optional(), after: z.string() });
const error = z.strictObject({
  kind,
  message: z.string(),
  hint: z.string().optional(),
  source: z.string().optional(),
});
const recap = z.strictObject({
  ...{ ok: count, changed: count, skipped: count, failed: count, unreachable: count },
  ...{ rescued: count, ignored: count },
});

/** The lines of `--output json`, as `docs/run-events.schema.json` publishes them. */
export const runEvent = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('run-start'),
    at,
    playbook: z.string(),
    check: z.boolean(),
    hosts,
  }),
  z.strictObject({
    type: z.literal('play-start'),
    at,
    play: z.string(),
    hosts,
    batch: z.strictObject({ index: count, count }),
  }),
  z.strictObject({
    type: z.literal('task-start'),
    at,
    ...{ play: z.string(), task: z.string(), source: z.string(), hosts, handler: z.boolean() },
  }),
  z.strictObject({
    type: z.literal('progress'),
    at,
    ...{ task: z.string(), host: z.string(), line: z.string() },
  }),
  z.strictObject({
    type: z.literal('host-result'),
    at,
    ...{ play: z.string(), task: z.string(), source: z.string(), host: z.string() },
    item: z.string().optional(),
    status,
    seconds: z.number(),
    changes: z.array(z.strictObject({ summary: z.string(), diff: diff.optional() })),
    reason: z.string().optional(),
    result: z.record(z.string(), z.json()).optional(),
    says: z.boolean().optional(),
    error: error.optional(),
    ignored: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('record'),
    at,
    ...{ host: z.string(), task: z.string(), name: z.string(), data: z.json() },
  }),
  z.strictObject({
    type: z.literal('run-end'),
    at,
    outcome: z.enum(['ok', 'failed', 'unreachable', 'cancelled']),
    seconds: z.number(),
    recap: z.record(z.string(), recap),
  }),
]);

/** The schema as JSON Schema. */
export function runEventSchema(): object {
  return { title: 'A line of caravan run --output json', ...z.toJSONSchema(runEvent) };
}
