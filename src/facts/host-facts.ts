import { sh } from '../values/shell.js';
import { CaravanError } from '../values/error.js';
import type { JsonObject } from '../values/json.js';
import type { Fact } from './fact.js';

/** One question each; a tool that is missing leaves its answer empty. */
const SCRIPT = sh`echo "system $(uname -s)"; echo "kernel $(uname -r)"; echo "machine $(uname -m)"; echo "node $(uname -n)"
echo "fqdn $(hostname -f 2>/dev/null)"; echo "user $(id -un)"; echo "uid $(id -u)"; echo "gid $(id -g)"; echo "home $HOME"; echo "shell $SHELL"
echo "time $(date +%s)"; echo "zone $(date +%Z)"; echo "cpus $(nproc 2>/dev/null)"
[ ! -r /etc/os-release ] || sed 's/^/os /' /etc/os-release
[ ! -r /proc/meminfo ] || sed -n 's/^\\(MemTotal\\|MemFree\\|SwapTotal\\|SwapFree\\): */mem \\1 /p' /proc/meminfo
[ ! -r /proc/uptime ] || echo "uptime $(cat /proc/uptime)"
[ ! -r /proc/1/comm ] || echo "init $(cat /proc/1/comm)"
[ ! -r /proc/sys/kernel/random/boot_id ] || echo "boot $(cat /proc/sys/kernel/random/boot_id)"
ip -o addr show 2>/dev/null | sed 's/^/addr /'
ip route get 1.1.1.1 2>/dev/null | sed 's/^/route /'
[ ! -r /etc/machine-id ] || echo "machine_id $(cat /etc/machine-id)"
:`;

const FAMILIES: Readonly<Record<string, string>> = {
  ...{ debian: 'Debian', ubuntu: 'Debian', raspbian: 'Debian', linuxmint: 'Debian' },
  ...{ rhel: 'RedHat', centos: 'RedHat', fedora: 'RedHat', rocky: 'RedHat', almalinux: 'RedHat' },
  ...{ amzn: 'RedHat', ol: 'RedHat', alpine: 'Alpine', arch: 'Archlinux', suse: 'Suse' },
  ...{ opensuse: 'Suse', sles: 'Suse', gentoo: 'Gentoo', flatcar: 'Flatcar' },
};

const NAMES: Readonly<Record<string, string>> = {
  ...{ debian: 'Debian', ubuntu: 'Ubuntu', rhel: 'RedHat', centos: 'CentOS', fedora: 'Fedora' },
  ...{ rocky: 'Rocky', almalinux: 'AlmaLinux', amzn: 'Amazon', ol: 'OracleLinux' },
  ...{ alpine: 'Alpine', arch: 'Archlinux', sles: 'SLES', flatcar: 'Flatcar' },
};

/** Lines of what the script printed, by their first word. */
function byWord(stdout: string): (word: string) => string[] {
  const lines = stdout.split('\n').map((line) => /^(\w+) (.*)$/.exec(line));
  return (word) => lines.flatMap((line) => (line?.[1] === word ? [line[2]?.trim() ?? ''] : []));
}

function distribution(lines: readonly string[]): JsonObject {
  const release = Object.fromEntries(
    lines.map((line) => {
      const [key = '', ...value] = line.split('=');
      return [key, value.join('=').replace(/^(["'])(.*)\1$/, '$2')];
    }),
  );
  const id = release['ID'] ?? '';
  const like = [id, ...(release['ID_LIKE'] ?? '').split(' ')];
  const family = like.map((one) => FAMILIES[one]).find((one) => one !== undefined);
  const version = release['VERSION_ID'] ?? '';
  return {
    distribution: NAMES[id] ?? release['NAME'] ?? 'NA',
    distribution_version: version,
    distribution_major_version: version.split('.')[0] ?? '',
    distribution_release: release['VERSION_CODENAME'] ?? 'NA',
    os_family: family ?? NAMES[id] ?? 'NA',
  };
}

function memory(lines: readonly string[]): JsonObject {
  const names: Readonly<Record<string, string>> = {
    ...{ MemTotal: 'memtotal_mb', MemFree: 'memfree_mb' },
    ...{ SwapTotal: 'swaptotal_mb', SwapFree: 'swapfree_mb' },
  };
  return Object.fromEntries(
    lines.map((line) => {
      const [key = '', size = '0'] = line.split(' ');
      return [names[key] ?? key, Math.floor(Number(size) / 1024)];
    }),
  );
}

function network(addresses: readonly string[], routes: readonly string[]): JsonObject {
  const found = addresses.map((line) => {
    const [, name = ''] = line.split(/\s+/);
    const [, kind = '', address = '', prefix = ''] =
      /\b(inet6?) ([0-9a-fA-F.:]+)(?:\/(\d+))?/.exec(line) ?? [];
    return { name, kind, address, prefix };
  });
  const of = (kind: string): string[] =>
    found.filter((one) => one.kind === kind && one.name !== 'lo').map(({ address }) => address);
  const [, device = ''] = /\bdev (\S+)/.exec(routes[0] ?? '') ?? [];
  const [, source = ''] = /\bsrc (\S+)/.exec(routes[0] ?? '') ?? [];
  const [, gateway = ''] = /\bvia (\S+)/.exec(routes[0] ?? '') ?? [];
  return {
    interfaces: [...new Set(found.map(({ name }) => name))],
    all_ipv4_addresses: of('inet'),
    all_ipv6_addresses: of('inet6'),
    default_ipv4: source === '' ? {} : { address: source, interface: device, gateway },
  };
}

/** What Ansible's `setup` tells of a host, as far as a POSIX shell can tell it: one round trip. */
export const hostFacts: Fact<JsonObject> = {
  name: 'host facts',
  command: SCRIPT,
  parse: ({ code, stdout, stderr }) => {
    if (code !== 0) throw new CaravanError('command', `gather facts: ${stderr.trim()}`);
    const all = byWord(stdout);
    const one = (word: string): string => all(word)[0] ?? '';
    const node = one('node');
    const time = Number(one('time'));
    const iso = new Date(time * 1000).toISOString();
    return {
      ...{ system: one('system'), kernel: one('kernel'), architecture: one('machine') },
      ...{ machine: one('machine'), nodename: node, hostname: node.split('.')[0] ?? node },
      fqdn: one('fqdn') || node,
      domain: (one('fqdn') || node).split('.').slice(1).join('.'),
      ...{ user_id: one('user'), user_uid: Number(one('uid')), user_gid: Number(one('gid')) },
      ...{ user_dir: one('home'), user_shell: one('shell') },
      processor_vcpus: Number(one('cpus') || '0'),
      processor_nproc: Number(one('cpus') || '0'),
      uptime_seconds: Math.floor(Number(one('uptime').split(' ')[0] ?? '0')),
      service_mgr: one('init'),
      boot_id: one('boot'),
      machine_id: one('machine_id'),
      date_time: {
        ...{ epoch: String(time), iso8601: `${iso.slice(0, 19)}Z`, date: iso.slice(0, 10) },
        ...{ time: iso.slice(11, 19), tz: one('zone') },
      },
      ...distribution(all('os')),
      ...memory(all('mem')),
      ...network(all('addr'), all('route')),
      gather_subset: ['all'],
    };
  },
};
