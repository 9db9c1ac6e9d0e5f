import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CaravanError } from '../values/error.js';
import { readKubeconfig, setKubeconfigData } from './kubeconfig.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const kubeconfig = (authority: string, certificate: string, key = base64('key')) =>
  `# kept
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${authority} # kept too
    server: https://10.0.0.1:6443
  name: "prod"
-   name: other
    cluster: {server: 'https://x', certificate-authority: /etc/ca.crt}
contexts: []
kind:   Config
users:
- name: admin
  user:
    client-certificate-data: "${certificate}"
    client-key-data: ${key}
- name: kubelet
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem`;

test('readKubeconfig tells files from embedded PEM', () => {
  expect(readKubeconfig(kubeconfig(base64('CA'), base64('CERT')))).toMatchObject({
    clusters: [
      { name: 'prod', server: 'https://10.0.0.1:6443', certificateAuthority: { pem: 'CA' } },
      { name: 'other', server: 'https://x', certificateAuthority: { file: '/etc/ca.crt' } },
    ],
    users: [
      { name: 'admin', clientCertificate: { pem: 'CERT' }, hasKeyData: true },
      {
        name: 'kubelet',
        clientCertificate: { file: '/var/lib/kubelet/pki/kubelet-client-current.pem' },
        clientKeyFile: '/var/lib/kubelet/pki/kubelet-client-current.pem',
        hasKeyData: false,
      },
    ],
  });
});

test('readKubeconfig finds what the current context names', () => {
  const text = `clusters: [{ name: a, cluster: { server: 1 } }, { name: b, cluster: { server: "2" } }]
users: [{ name: u, user: {} }, { name: v, user: {} }]
contexts: [{ name: x, context: { cluster: b, user: v } }]
`;
  const { current } = readKubeconfig(`${text}current-context: x\n`);
  expect([current.cluster?.name, current.user?.name]).toEqual(['b', 'v']);
  expect(readKubeconfig(text).current).toMatchObject({
    cluster: { name: 'a' },
    user: { name: 'u' },
  });
});

test.each(['[secret]', '***', 'kept-on-host', '<redacted>', '@x: y', '"a b"', '%', '`'])(
  'setKubeconfigData changes the embedded data alone when the key is %s',
  (key) => {
    const before = kubeconfig(base64('CA'), base64('CERT'), key);
    const after = setKubeconfigData(before, {
      certificateAuthority: 'CA2',
      clientCertificate: 'C2',
    });
    expect(after).toBe(kubeconfig(base64('CA2'), base64('C2'), key));
    const back = setKubeconfigData(after, {
      certificateAuthority: 'CA',
      clientCertificate: 'CERT',
    });
    expect(back).toBe(before);
  },
);

test('setKubeconfigData works on JSON and on block scalars', () => {
  const json = '{"clusters":[{"name":"a","cluster":{"certificate-authority-data":"Q0E="}}]}';
  expect(setKubeconfigData(json, { certificateAuthority: 'CB' })).toBe(
    json.replace('Q0E=', 'Q0I='),
  );
  const block =
    'users:\n- name: a\n  user:\n    client-certificate-data: >-\n      Q0\n      E=\n    token: x\n';
  expect(setKubeconfigData(block, { clientCertificate: 'CB' })).toBe(
    'users:\n- name: a\n  user:\n    client-certificate-data: Q0I=\n    token: x\n',
  );
});

test('setKubeconfigData refuses when nothing is embedded, or the text is no kubeconfig', () => {
  const files = 'clusters: [{name: a, cluster: {certificate-authority: /ca}}]';
  const set = (text: string) => () => setKubeconfigData(text, { certificateAuthority: 'CA' });
  expect(set(files)).toThrow('embeds no certificate-authority-data');
  expect(set('just text')).toThrow(CaravanError);
  expect(set('token: hunter2: [')).toThrow(/not YAML at line 1/);
  expect(set('token: hunter2: [')).not.toThrow(/hunter2/);
});

test('readKubeconfig refuses what stands elsewhere under an anchor', () => {
  const data = `certificate-authority-data: ${base64('CA')}`;
  for (const text of [
    `x: &c {${data}}\nclusters: [{name: a, cluster: *c}]`,
    `x: &c {${data}}\nclusters: [{name: a, cluster: {<<: *c, server: b}}]`,
    `clusters:\n- cluster: {certificate-authority-data: &c ${base64('CA')}}\n- cluster: {certificate-authority-data: *c}`,
  ]) {
    expect(() => readKubeconfig(text)).toThrow('The kubeconfig uses the YAML alias *c.');
  }
});

test('setKubeconfigData there and back gives the same bytes for any data', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, two) => {
      const before = kubeconfig(base64(one), base64(one));
      const pair = (pem: string) => ({ certificateAuthority: pem, clientCertificate: pem });
      const after = setKubeconfigData(before, pair(two));
      expect(setKubeconfigData(after, pair(Buffer.from(one).toString()))).toBe(before);
    }),
  );
});
