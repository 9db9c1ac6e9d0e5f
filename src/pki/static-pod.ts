import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Document,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { CaravanError } from '../values/error.js';
import {
  cutLines,
  editLines,
  linesAfter,
  lineStart,
  quotedYaml,
  readYaml,
  refuseAliases,
  spliced,
  trimmedEnd,
  yamlText,
  type Splice,
} from './splice.js';

export { setAnnotation } from './annotation.js';

/** What a static pod's process is started with. */
export interface StaticPodFlags {
  /** The name of the container whose flags these are: `kube-apiserver`. */
  readonly component: string;
  /** Flag without dashes to value. A bare `--flag` is `true`; of a repeated flag, the last. */
  readonly flags: ReadonlyMap<string, string>;
  /** All values of each flag, for those that may repeat (`service-account-key-file`). */
  readonly all: ReadonlyMap<string, readonly string[]>;
}

/** Values by flag, without dashes; a list repeats the flag, `undefined` takes it away. */
export type FlagChanges = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One flag as it is written: in one item (`--a=b`) or two (`--a`, `b`). */
interface WrittenFlag {
  readonly name: string;
  readonly value: string;
  readonly list: YAMLSeq;
  readonly items: readonly Scalar[];
}

const WHAT = 'static pod manifest';

function refuse(problem: string, hint?: string): CaravanError {
  return new CaravanError('input', `The ${WHAT} ${problem}.`, hint === undefined ? {} : { hint });
}

function range(node: Scalar | YAMLSeq | YAMLMap): [number, number] {
  if (!node.range) throw new CaravanError('bug', 'A parsed YAML node has no range.');
  return [node.range[0], node.range[1]];
}

/** The container that gives the pod its name, or else the first. */
function container(document: Document): YAMLMap {
  const list = document.getIn(['spec', 'containers']);
  const containers = isSeq(list) ? list.items.filter(isMap) : [];
  const wanted = [
    document.getIn(['metadata', 'labels', 'component']),
    document.getIn(['metadata', 'name']),
  ];
  const found = containers.find((one) => wanted.includes(one.get('name'))) ?? containers[0];
  if (!found) throw refuse('has no container');
  return found;
}

function lists(pod: YAMLMap): YAMLSeq[] {
  const found = [pod.get('command'), pod.get('args')].filter(isNode);
  for (const node of found) refuseAliases(node, WHAT);
  return found.filter(isSeq);
}

function writtenFlags(list: YAMLSeq): WrittenFlag[] {
  const scalars = list.items.filter(isScalar);
  return scalars.flatMap((item, index) => {
    const [, written, given] = /^--([^=]+)(?:=(.*))?$/s.exec(String(item.value)) ?? [];
    if (written === undefined) return [];
    // As Kubernetes reads flags (k8s.io/component-base/cli/flag, WordSepNormalizeFunc).
    const name = written.replaceAll('_', '-');
    if (given !== undefined) return [{ name, value: given, list, items: [item] }];
    const next = scalars[index + 1];
    if (!next || String(next.value).startsWith('-')) {
      return [{ name, value: 'true', list, items: [item] }];
    }
    return [{ name, value: String(next.value), list, items: [item, next] }];
  });
}

/**
 * The flags of a static pod: `--a=b`, `--a b` and `--a` in its command and its arguments.
 *
 * @throws CaravanError `input` when the text is not YAML or has no container.
 */
export function readFlags(manifest: string): StaticPodFlags {
  const pod = container(readYaml(manifest, WHAT));
  const written = lists(pod).flatMap(writtenFlags);
  const all = new Map<string, string[]>();
  for (const { name, value } of written) all.set(name, [...(all.get(name) ?? []), value]);
  return {
    component: String(pod.get('name')),
    flags: new Map(written.map(({ name, value }) => [name, value] as const)),
    all,
  };
}

function rewritten(manifest: string, item: Scalar, text: string): Splice {
  const [start] = range(item);
  const end = trimmedEnd(manifest, range(item));
  const quoted = /^["']/.test(manifest.slice(start, end));
  return { start, end, with: quoted ? quotedYaml(text) : yamlText(text) };
}

function blockLists(list: YAMLSeq): void {
  if (list.flow === true) {
    throw refuse('lists its command in flow style', 'Write one flag a line, as kubeadm does.');
  }
}

function removed(manifest: string, { list, items }: WrittenFlag): Splice {
  blockLists(list);
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last) throw new CaravanError('bug', 'A flag without items.');
  return cutLines(manifest, range(first)[0], trimmedEnd(manifest, range(last)) - 1);
}

/** New `- --flag=value` lines at the end of the list, indented as its last item. */
function appended(manifest: string, list: YAMLSeq, flags: readonly string[]): Splice[] {
  if (flags.length === 0) return [];
  blockLists(list);
  const last = list.items.filter(isScalar).at(-1);
  if (!last) throw refuse('has an empty command');
  const [start] = range(last);
  const dash = manifest.slice(lineStart(manifest, start), start);
  // The list may start on a line of its key; `- ` of the first item stands alone in all others.
  const indent = /^\s*(?=-\s)/.exec(dash)?.[0] ?? '';
  const end = trimmedEnd(manifest, range(last)) - 1;
  return [
    linesAfter(
      manifest,
      end,
      flags.map((flag) => `${indent}- ${yamlText(flag)}`),
    ),
  ];
}

function changesOf(
  manifest: string,
  name: string,
  wanted: readonly string[],
  found: readonly WrittenFlag[],
): { readonly splices: readonly Splice[]; readonly added: readonly string[] } {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
    throw new CaravanError('input', `"${name}" is not a flag's name.`, {
      hint: 'Write it without dashes in front: client-ca-file.',
    });
  }
  const splices = found.flatMap((flag, index) => {
    const value = wanted[index];
    if (value === undefined) return [removed(manifest, flag)];
    const [first, second] = flag.items;
    if (value === flag.value || !first) return [];
    return [rewritten(manifest, second ?? first, second ? value : `--${name}=${value}`)];
  });
  return { splices, added: wanted.slice(found.length).map((value) => `--${name}=${value}`) };
}

function flagsEdited(
  manifest: string,
  wanted: readonly (readonly [name: string, values: readonly string[]])[],
): string {
  const all = lists(container(readYaml(manifest, WHAT)));
  const written = all.flatMap(writtenFlags);
  const home = written.at(-1)?.list ?? all[0];
  if (!home) throw refuse('has no command');
  const edits = wanted.map(([name, values]) => {
    const found = written.filter((flag) => flag.name === name);
    return changesOf(manifest, name, values, found);
  });
  return spliced(manifest, [
    ...edits.flatMap((edit) => edit.splices),
    ...appended(
      manifest,
      home,
      edits.flatMap((edit) => edit.added),
    ),
  ]);
}

/**
 * The manifest with other flags, and no other line touched. A flag that is there is rewritten in
 * its place, a new one goes after the last of its list, `undefined` takes the flag's line away.
 * Taking away what was added gives the original bytes back.
 *
 * @throws CaravanError `input` when the text is not YAML, has no container with a command, has the
 * command in flow style where a line must come or go, or a name is not a flag's.
 */
export function setFlags(manifest: string, changes: FlagChanges): string {
  const wanted = Object.entries(changes).map(
    ([name, value]) => [name, value === undefined ? [] : [value].flat()] as const,
  );
  const edited = editLines(manifest, (text) => flagsEdited(text, wanted));
  const { all } = readFlags(edited);
  for (const [name, values] of wanted) {
    if (JSON.stringify(all.get(name) ?? []) === JSON.stringify(values)) continue;
    throw new CaravanError('bug', `Editing the flag ${name} did not give what was asked for.`);
  }
  return edited;
}
