import { expect, test } from 'vitest';
import { systemd, type UnitSeen } from './service.js';

const running: UnitSeen = { active: 'active', file: 'enabled', load: 'loaded' };
const dead: UnitSeen = { active: 'inactive', file: 'disabled', load: 'loaded' };

test.each<[string, UnitSeen, object, string[]]>([
  ['starts what is dead', dead, { state: 'started' }, ['systemctl start web.service']],
  ['leaves what runs', running, { state: 'started', enabled: true }, []],
  ['stops what runs', running, { state: 'stopped' }, ['systemctl stop web.service']],
  ['leaves what is dead', dead, { state: 'stopped' }, []],
  ['restarts', running, { state: 'restarted' }, ['systemctl restart web.service']],
  ['starts instead of a restart', dead, { state: 'restarted' }, ['systemctl start web.service']],
  ['reloads', running, { state: 'reloaded' }, ['systemctl reload web.service']],
  ['enables', dead, { enabled: true }, ['systemctl enable web.service']],
  [
    'reads unit files before it starts',
    dead,
    { state: 'started', daemon_reload: true },
    ['systemctl daemon-reload', 'systemctl start web.service'],
  ],
  ['masks', dead, { masked: true }, ['systemctl mask web.service']],
])('systemd %s', (_name, seen, given, summaries) => {
  const { changes, failure } = systemd.check(seen, systemd.input.parse({ name: 'web', ...given }));
  expect(failure).toBeUndefined();
  expect(changes.map(({ summary }) => summary)).toEqual(summaries);
});

test('systemd refuses a unit that is not there', () => {
  const seen: UnitSeen = { active: 'inactive', file: '', load: 'not-found' };
  const given = systemd.input.parse({ name: 'wbe', state: 'started' });
  expect(systemd.check(seen, given).failure?.message).toBe('the host has no unit wbe.service');
});
