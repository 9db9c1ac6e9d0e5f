import { expect, test } from 'vitest';
import { CATALOGUE } from '../pki/catalogue.js';
import { certificatesOf, parseLook } from './host-survey.js';

const MARK = 'caravan-0123456789abcdef';

test('what a host prints is read file by file, whatever the files hold', () => {
  const look = parseLook(
    [
      `${MARK} now 1000.5`,
      `${MARK} process 6040 100 60.5 kubelet --forked=no-program-yet`,
      `${MARK} process 5000 100 60.5 kubelet --kubeconfig=/etc/kubernetes/kubelet.conf`,
      // A link that was switched after its target was written.
      `${MARK} file 990.250 777 root:root /pki/current.pem`,
      `${MARK} file 980.000 600 root:root /pki/current.pem`,
      `${MARK} key /pki/current.pem`,
      `${MARK} text /pki/current.pem`,
      'now 5',
      'file 1 2 3 4',
      '',
      `${MARK} end`,
      `${MARK} file 970.000 644 root:root /a folder/no line end`,
      `${MARK} file 970.000 644 root:root /a folder/no line end`,
      `${MARK} text /a folder/no line end`,
      'text',
      `${MARK} end`,
      '',
    ].join('\n'),
    MARK,
  );
  expect(look.now).toBe(1000.5);
  expect(look.files).toEqual({
    '/pki/current.pem': {
      path: '/pki/current.pem',
      text: 'now 5\nfile 1 2 3 4\n',
      changedAt: 990.25,
      mode: 0o600,
      owner: 'root:root',
      hasKey: true,
    },
    '/a folder/no line end': {
      path: '/a folder/no line end',
      text: 'text',
      changedAt: 970,
      mode: 0o644,
      owner: 'root:root',
      hasKey: false,
    },
  });
  // 1000.5 - (60.5 - 5000 / 100)
  expect(look.processes).toEqual([
    {
      name: 'kubelet',
      ticks: 5000,
      args: ['--kubeconfig=/etc/kubernetes/kubelet.conf'],
      startedAt: 990,
    },
  ]);
});

test('certificatesOf names the file that cannot be read', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE----- # the old one\n';
  const found = { item: CATALOGUE[0]!, path: '/etc/kubernetes/pki/ca.crt', embedded: false, pem };
  expect(() => certificatesOf(found)).toThrow('/etc/kubernetes/pki/ca.crt: Certificate 1 of the');
});
