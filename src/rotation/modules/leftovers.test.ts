import { expect, test } from 'vitest';
import { AuthorityStore } from '../authorities.js';
import { leftoversScan } from './leftovers.js';

test('what still holds an authority is said without being asked for', () => {
  const module = leftoversScan(new AuthorityStore('/nowhere'));
  const said = (found: string[]) => module.check(found, { of: 'old', where: 'host' });
  expect(said(['w1:/etc/cni/net.d/kubeconfig', 'w1:/opt/ca.crt'])).toMatchObject({
    reason: 'the old CA is still there',
    result: { msg: 'the old CA is still in w1:/etc/cni/net.d/kubeconfig, w1:/opt/ca.crt' },
  });
  expect(said([])).toEqual({ changes: [], reason: 'the old CA is nowhere' });
});
