import { expect, test } from 'vitest';
import { runEvent, runEventSchema } from './event-schema.js';
import type { RunEvent } from './events.js';

test('runEventSchema is what docs publish', async () => {
  const text = `${JSON.stringify(runEventSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../docs/run-events.schema.json');
});

test('runEvent takes an event, and refuses one with a key that is not published', () => {
  const event: RunEvent = {
    ...{ type: 'host-result', at: '2026-01-01T00:00:00.000Z', play: 'p', task: 't' },
    ...{ source: 'p.yml:1:1', host: 'h1', status: 'failed', seconds: 1, changes: [] },
    error: { kind: 'command', message: 'no' },
  };
  expect(runEvent.safeParse(event).success).toBe(true);
  expect(runEvent.safeParse({ ...event, more: 1 }).success).toBe(false);
});
