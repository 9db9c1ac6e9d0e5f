import { isIP } from 'node:net';
import { argument, text, type TemplateFunction } from './values.js';

/** An address with its prefix, as bits. */
interface Network {
  readonly bits: bigint;
  readonly size: 32 | 128;
  readonly prefix: number;
  readonly hasPrefix: boolean;
}

function bitsOf(address: string): bigint {
  if (isIP(address) === 4)
    return address.split('.').reduce((all, part) => (all << 8n) | BigInt(Number(part)), 0n);
  const url = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = '', right] = url.split('::');
  const words = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const gap = 8 - words(left).length - words(right).length;
  const all = [
    ...words(left),
    ...Array<string>(right === undefined ? 0 : gap).fill('0'),
    ...words(right),
  ];
  return all.reduce((bits, word) => (bits << 16n) | BigInt(`0x${word}`), 0n);
}

function textOf(bits: bigint, size: 32 | 128): string {
  if (size === 32) return [24n, 16n, 8n, 0n].map((by) => String((bits >> by) & 255n)).join('.');
  const words = Array.from({ length: 8 }, (_, i) =>
    ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${words.join(':')}]/`).hostname.slice(1, -1);
}

function parse(value: unknown): Network | undefined {
  const [address = '', prefix] = text(value).split('/');
  const kind = isIP(address);
  if (kind === 0) return undefined;
  const size = kind === 4 ? 32 : 128;
  let length = prefix === undefined ? size : Number(prefix);
  if (prefix !== undefined && isIP(prefix) === 4)
    length = bitsOf(prefix).toString(2).replace(/0+$/, '').length;
  if (!Number.isInteger(length) || length < 0 || length > size) return undefined;
  return { bits: bitsOf(address), size, prefix: length, hasPrefix: prefix !== undefined };
}

function mask({ size, prefix }: Network): bigint {
  const host = BigInt(size - prefix);
  return ((1n << BigInt(size)) - 1n) ^ ((1n << host) - 1n);
}

function first(net: Network): bigint {
  return net.bits & mask(net);
}

function last(net: Network): bigint {
  return first(net) | ((1n << BigInt(net.size - net.prefix)) - 1n);
}

/** The forms that `ipaddr('form')` is asked for. */
const FORMS: Readonly<Record<string, (net: Network) => unknown>> = {
  address: (net) => textOf(net.bits, net.size),
  ip: (net) => textOf(net.bits, net.size),
  network: (net) => textOf(first(net), net.size),
  netmask: (net) => textOf(mask(net), net.size),
  broadcast: (net) => (net.size === 32 && net.prefix < 31 ? textOf(last(net), net.size) : null),
  prefix: (net) => net.prefix,
  size: (net) => Number(last(net) - first(net) + 1n),
  subnet: (net) => `${textOf(first(net), net.size)}/${net.prefix}`,
  'network/prefix': (net) => `${textOf(first(net), net.size)}/${net.prefix}`,
  'address/prefix': (net) => `${textOf(net.bits, net.size)}/${net.prefix}`,
  host: (net) => `${textOf(net.bits, net.size)}/${net.prefix}`,
  'host/prefix': (net) => `${textOf(net.bits, net.size)}/${net.prefix}`,
  version: (net) => (net.size === 32 ? 4 : 6),
  int: (net) => Number(net.bits),
  first_usable: (net) => textOf(first(net) + (net.prefix < net.size - 1 ? 1n : 0n), net.size),
  last_usable: (net) =>
    textOf(last(net) - (net.size === 32 && net.prefix < 31 ? 1n : 0n), net.size),
  private: (net) => (isPrivate(net) ? textOf(net.bits, net.size) : false),
  public: (net) => (isPrivate(net) ? false : textOf(net.bits, net.size)),
};

const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
];

function isPrivate(net: Network): boolean {
  return PRIVATE.some((range) => inside(net, parse(range)));
}

function inside(net: Network, outer: Network | undefined): boolean {
  if (outer?.size !== net.size || net.prefix < outer.prefix) return false;
  return first(net) >= first(outer) && last(net) <= last(outer);
}

function one(value: unknown, query: unknown, size: number | undefined): unknown {
  const net = parse(value);
  if (net === undefined || (size !== undefined && net.size !== size)) return false;
  if (query === undefined || query === null || query === '') return text(value);
  if (typeof query === 'number') {
    const at = query < 0 ? last(net) + 1n + BigInt(query) : first(net) + BigInt(query);
    return at > last(net) || at < first(net) ? false : `${textOf(at, net.size)}/${net.prefix}`;
  }
  const form = FORMS[text(query)];
  if (form !== undefined) return form(net);
  const outer = parse(query);
  if (outer === undefined)
    throw new Error(`ipaddr: no form '${text(query)}'; there are ${Object.keys(FORMS).join(', ')}`);
  return inside(net, outer) ? text(value) : false;
}

function ipaddr(size?: number): TemplateFunction {
  return (value, query) => {
    if (!Array.isArray(value)) return one(value, query, size);
    return value.map((item) => one(item, query, size)).filter((found) => found !== false);
  };
}

function ipsubnet(value: unknown, ...args: unknown[]): unknown {
  const net = parse(value);
  if (net === undefined) return false;
  const query = argument(args, 0, 'query');
  if (query === undefined) return `${textOf(first(net), net.size)}/${net.prefix}`;
  const prefix = Number(query);
  const index = argument(args, 1, 'index');
  if (index === undefined) return String(2n ** BigInt(Math.max(0, prefix - net.prefix)));
  const step = 1n << BigInt(net.size - prefix);
  const count = 2n ** BigInt(Math.max(0, prefix - net.prefix));
  const at = BigInt(Number(index));
  const start = first(net) + (at < 0n ? count + at : at) * step;
  return start > last(net) ? false : `${textOf(start, net.size)}/${prefix}`;
}

/** Filters of IP addresses, in the forms that playbooks use. */
export const ADDRESS_FILTERS: Readonly<Record<string, TemplateFunction>> = {
  ipaddr: ipaddr(),
  ipv4: ipaddr(32),
  ipv6: ipaddr(128),
  ipsubnet,
  ipwrap: (value) => (isIP(text(value)) === 6 ? `[${text(value)}]` : value),
};
