/** The work that every tool does on every host: what a host is before, and what it must be after. */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Text of the shape and size of a certificate: 1.5 KB, the same for the same `seed`. */
function pem(seed: string): string {
  const lines = Array.from({ length: 22 }, (_, i) =>
    createHash('sha384').update(`${seed}/${i}`).digest('base64'),
  );
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const NAMES = ['ca', 'front-proxy-ca', 'etcd-ca', 'apiserver', 'kubelet', 'proxy', 'etcd', 'peer'];

/** The files that are read on each host. */
export const READ: readonly string[] = NAMES.map((name) => `pki/${name}.crt`);

/** A file that is written, below the host's folder. */
export interface WrittenFile {
  readonly path: string;
  readonly mode: '0600' | '0644';
  readonly content: string;
}

/** The files that are written on each host. */
export const WRITTEN: readonly WrittenFile[] = [
  { path: 'pki/ca-bundle.crt', mode: '0644', content: pem('ca') + pem('ca-new') },
  { path: 'pki/front-proxy-bundle.crt', mode: '0644', content: pem('proxy') + pem('proxy-new') },
  { path: 'kubelet.conf', mode: '0600', content: pem('kubelet-new') },
];

/** The manifest in which one line changes. */
export const MANIFEST = 'manifests/kube-apiserver.yaml';
const FLAG = '    - --client-ca-file=';
/** The line as it must be. */
export const WANTED_LINE = `${FLAG}/etc/kubernetes/pki/ca-bundle.crt`;
/** What finds the line; means the same to Python, JavaScript, sed and grep. */
export const LINE_PATTERN = `^${FLAG}.*`;

function manifest(line: string): string {
  const flags = ['advertise-address=10.0.0.1', 'allow-privileged=true', 'authorization-mode=Node'];
  const more = ['etcd-cafile=/etc/kubernetes/pki/etcd-ca.crt', 'secure-port=6443'];
  const item = (flag: string): string => `    - --${flag}`;
  const head = ['apiVersion: v1', 'kind: Pod', 'metadata:', '  name: kube-apiserver', 'spec:'];
  const start = ['  containers:', '  - command:', '    - kube-apiserver'];
  const all = [...head, ...start, ...flags.map(item), line, ...more.map(item)];
  return `${all.join('\n')}\n    image: registry.k8s.io/kube-apiserver:v1.33.0\n`;
}

/** What must be on a host afterwards, path to content and mode. */
const AFTER: ReadonlyMap<string, { readonly content: string; readonly mode: number }> = new Map([
  ...NAMES.map((name): [string, { content: string; mode: number }] => [
    `pki/${name}.crt`,
    { content: pem(name), mode: 0o644 },
  ]),
  ...WRITTEN.map(({ path, mode, content }): [string, { content: string; mode: number }] => [
    path,
    { content, mode: Number.parseInt(mode, 8) },
  ]),
  [MANIFEST, { content: manifest(WANTED_LINE), mode: 0o600 }],
]);

/** SHA-256 of what is written or edited, by path. */
export const CHECKSUMS: readonly (readonly [path: string, sha256: string])[] = [
  ...WRITTEN.map(({ path }) => path),
  MANIFEST,
].map((path) => [
  path,
  createHash('sha256')
    .update(AFTER.get(path)?.content ?? '')
    .digest('hex'),
]);

/** Puts a host back to what it is before the work: old bundles, the old line. */
export function resetHost(home: string): void {
  rmSync(home, { recursive: true, force: true });
  for (const [path, { content, mode }] of AFTER) {
    const file = join(home, path);
    mkdirSync(dirname(file), { recursive: true });
    const isWritten = WRITTEN.some((one) => one.path === path);
    const old = path === MANIFEST ? manifest(`${FLAG}/etc/kubernetes/pki/ca.crt`) : undefined;
    writeFileSync(file, old ?? (isWritten ? pem(`old ${path}`) : content), { mode });
  }
}

/** What is not as it must be on a host; nothing where all is right. */
export function wrongOn(home: string): string[] {
  const found = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1));
  const left = found.filter((path) => !AFTER.has(path)).map((path) => `${path} was left behind`);
  const wrong = [...AFTER].flatMap(([path, { content, mode }]) => {
    if (!found.includes(path)) return [`${path} is missing`];
    const file = join(home, path);
    const has = statSync(file).mode & 0o777;
    return [
      ...(readFileSync(file, 'utf8') === content ? [] : [`${path} has wrong content`]),
      ...(has === mode ? [] : [`${path} has mode 0${has.toString(8)}, not 0${mode.toString(8)}`]),
    ];
  });
  return [...left, ...wrong];
}

/** Numbers of the files that the work writes: they stay where nothing had to change. */
export function inodes(home: string): string {
  return CHECKSUMS.map(([path]) => statSync(join(home, path)).ino).join(' ');
}

/** The same work in one POSIX script, for tools that run scripts. `base` holds a folder a host. */
export function fixedScript(base: string): string {
  const put = WRITTEN.map(
    ({ path, mode, content }) => `put ${mode} ${path} <<'EOT'\n${content}EOT`,
  );
  return `set -eu
umask 077
set -- $SSH_CONNECTION
cd "${base}/$3"
cat ${READ.join(' ')}
put() {
  cat >"$2.tmp$$"
  chmod "$1" "$2.tmp$$"
  sync "$2.tmp$$"
  mv -f "$2.tmp$$" "$2"
}
${put.join('\n')}
sed 's|${LINE_PATTERN}|${WANTED_LINE}|' ${MANIFEST} | put 0600 ${MANIFEST}
uname -r
sha256sum -c --quiet <<'EOT'
${CHECKSUMS.map(([path, sum]) => `${sum}  ${path}`).join('\n')}
EOT
echo ${DONE}
`;
}

/** What {@link fixedScript} prints when all was right. */
export const DONE = 'work-done';

/** The same work as a playbook of ordinary modules, for caravan and Ansible alike. */
export function playbook(): string {
  const read = READ.map(
    (path) =>
      `    - name: read ${path}\n      ansible.builtin.slurp: { src: "{{ home }}/${path}" }\n`,
  );
  const write = WRITTEN.map(
    ({ path, mode }) =>
      `    - name: write ${path}\n      ansible.builtin.copy: { src: ${basenameOf(path)}, ` +
      `dest: "{{ home }}/${path}", mode: "${mode}" }\n`,
  );
  const look = CHECKSUMS.map(
    ([path], i) =>
      `    - name: look at ${path}\n      ansible.builtin.stat: { path: "{{ home }}/${path}", ` +
      `checksum_algorithm: sha256 }\n      register: seen_${i}\n`,
  );
  const sound = CHECKSUMS.map(([, sum], i) => `          - seen_${i}.stat.checksum == '${sum}'\n`);
  return `- name: converge
  hosts: all
  gather_facts: false
  tasks:
${read.join('')}${write.join('')}    - name: name the new authority in the manifest
      ansible.builtin.lineinfile:
        path: "{{ home }}/${MANIFEST}"
        regexp: '${LINE_PATTERN}'
        line: '${WANTED_LINE}'
    - name: ask the kernel
      ansible.builtin.command: uname -r
      changed_when: false
${look.join('')}    - name: all is as written
      ansible.builtin.assert:
        that:
${sound.join('')}`;
}

/** Writes the playbook and its files; gives the playbook's path. */
export function writePlaybook(folder: string): string {
  mkdirSync(join(folder, 'files'), { recursive: true });
  for (const { path, content } of WRITTEN)
    writeFileSync(join(folder, 'files', basenameOf(path)), content);
  const file = join(folder, 'converge.yml');
  writeFileSync(`${file}.tmp`, playbook());
  renameSync(`${file}.tmp`, file);
  return file;
}

function basenameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
