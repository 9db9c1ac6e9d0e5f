import { stringify } from 'yaml';
import * as z from 'zod';
import type { StepResult } from '../transport/port.js';
import type { Json } from '../values/json.js';
import { sh, type Script } from '../values/shell.js';
import { commandError } from './host-change.js';
import type { Change, ModuleContext, TaskModule, Verdict } from './module.js';
import { splitWords } from './split-words.js';

const words = z.union([z.string(), z.array(z.string())]);
const manifest = z.union([z.string(), z.record(z.string(), z.json()), z.array(z.json())]);

const VERBS = ['apply', 'get', 'patch', 'rollout', 'wait', 'drain', 'cordon', 'uncordon'] as const;
type Verb = (typeof VERBS)[number];

const input = z
  .strictObject({
    /** Manifest to apply: text, an object or a list of them. */
    apply: manifest.optional(),
    /** What to read: `nodes`, `pod/web -o json` needs no format; it comes as `resources`. */
    get: words.optional(),
    /** What to patch: `deployment/web`. */
    patch: words.optional(),
    /** The patch itself. */
    with: z.union([z.string(), z.record(z.string(), z.json()), z.array(z.json())]).optional(),
    patch_type: z.enum(['strategic', 'merge', 'json']).default('strategic'),
    /** `restart deployment/web`, `status daemonset/x`, `undo ...`. */
    rollout: words.optional(),
    /** `--for=condition=Ready pod/web`. */
    wait: words.optional(),
    /** Node to drain. */
    drain: z.string().optional(),
    cordon: z.string().optional(),
    uncordon: z.string().optional(),
    namespace: z.string().optional(),
    kubeconfig: z.string().optional(),
    context: z.string().optional(),
    /** More options, as kubectl takes them. */
    options: words.default([]),
    server_side: z.boolean().default(false),
    /** The program (default `kubectl`). */
    binary: z.string().default('kubectl'),
  })
  .refine((given) => VERBS.filter((verb) => given[verb] !== undefined).length === 1, {
    message: `needs one of ${VERBS.join(', ')}`,
  })
  .refine(({ patch, with: by }) => (patch === undefined) === (by === undefined), {
    message: "'patch' and 'with' belong together",
  });

/** What the task is given. */
export type KubectlInput = z.infer<typeof input>;

/** What was seen of the objects before. */
export interface KubectlSeen {
  /** Output of `kubectl diff`, of an apply; empty where nothing differs. */
  readonly diff?: string;
  /** What `get` read. */
  readonly resources?: readonly Json[];
  /** Whether the node takes no new pods. */
  readonly cordoned?: boolean;
  /** Whether this is a dry run, in which what only waits is no change. */
  readonly isDryRun?: boolean;
  /** In a dry run of a drain: pods that it would evict. */
  readonly evictable?: number;
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? splitWords(value) : value;
}

function verbOf(given: KubectlInput): Verb {
  return VERBS.find((verb) => given[verb] !== undefined) as Verb;
}

/** The start of every call: program and where it talks to. */
function program({ binary, kubeconfig, context, namespace }: KubectlInput): string[] {
  return [
    binary,
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
  ];
}

function manifestText(value: NonNullable<KubectlInput['apply']>): string {
  if (typeof value === 'string') return value;
  const documents = Array.isArray(value) ? (value as unknown[]) : [value];
  return documents.map((one) => stringify(one, { version: '1.1' })).join('---\n');
}

/** The words behind the program, for each verb. */
export function kubectlWords(given: KubectlInput): readonly string[] {
  const more = list(given.options);
  const side = given.server_side ? ['--server-side'] : [];
  switch (verbOf(given)) {
    case 'apply':
      return ['apply', ...side, '-f', '-', ...more];
    case 'get':
      return ['get', ...list(given.get ?? []), '-o', 'json', ...more];
    case 'patch': {
      const by = given.with;
      const text = typeof by === 'string' ? by : JSON.stringify(by);
      return ['patch', ...list(given.patch ?? []), '--type', given.patch_type, '-p', text, ...more];
    }
    case 'rollout':
      return ['rollout', ...list(given.rollout ?? []), ...more];
    case 'wait':
      return ['wait', ...list(given.wait ?? []), ...more];
    case 'drain':
      return ['drain', given.drain ?? '', '--ignore-daemonsets', '--delete-emptydir-data', ...more];
    case 'cordon':
      return ['cordon', given.cordon ?? '', ...more];
    case 'uncordon':
      return ['uncordon', given.uncordon ?? '', ...more];
  }
}

function call(given: KubectlInput, ...args: readonly string[]): Script {
  return sh`${[...program(given), ...args]}`;
}

async function ask(
  given: KubectlInput,
  args: readonly string[],
  context: ModuleContext,
  { stdin, before = [] }: { readonly stdin?: string; readonly before?: readonly string[] } = {},
): Promise<StepResult> {
  const script = sh`${[...before, ...program(given), ...args]}`;
  return context.connection.run(script, stdin === undefined ? {} : { stdin });
}

/** Objects whole, so that they can be shown as any other change of a text. */
const WHOLE_DIFF = 'KUBECTL_EXTERNAL_DIFF=diff -N -U 1000000';

/** What an apply changes, an object each, from the output of `kubectl diff` with whole objects. */
export function kubectlChanges(diff: string): Change[] {
  return diff.split(/^(?=diff -N)/m).flatMap((part) => {
    const [, path = ''] = /^\+\+\+ \S*?\/([^\s/]+)(?:\s|$)/m.exec(part) ?? [];
    if (path === '') return [];
    const lines = part.slice(part.indexOf('\n@@')).split('\n').slice(2);
    const side = (sign: string): string =>
      lines
        .filter((line) => line !== '' && ` ${sign}`.includes(line[0] ?? ''))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    const before = side('-');
    const shown = { path, after: side('+'), ...(before === '' ? {} : { before }) };
    return [{ summary: `kubectl apply ${path}`, diff: shown }];
  });
}

async function observe(given: KubectlInput, context: ModuleContext): Promise<KubectlSeen> {
  const fail = (what: string, result: StepResult): Error =>
    commandError(`kubectl ${what}`, result, context.host.name);
  if (given.get !== undefined) {
    const result = await ask(given, kubectlWords(given), context);
    if (result.code !== 0) throw fail('get', result);
    const value = JSON.parse(result.stdout) as { items?: Json[] } & Record<string, Json>;
    return { resources: value.items ?? [value] };
  }
  if (given.apply !== undefined) {
    const side = given.server_side ? ['--server-side'] : [];
    const result = await ask(given, ['diff', ...side, '-f', '-'], context, {
      stdin: manifestText(given.apply),
      before: ['env', WHOLE_DIFF],
    });
    // 1 means that there is a difference; more, that it could not be told.
    if (result.code === null || result.code > 1) throw fail('diff', result);
    return { diff: result.code === 0 ? '' : result.stdout };
  }
  const node = given.drain ?? given.cordon ?? given.uncordon;
  const isDryRun = context.checkMode;
  if (node === undefined) return { isDryRun };
  const result = await ask(
    given,
    ['get', 'node', node, '-o', 'jsonpath={.spec.unschedulable}'],
    context,
  );
  if (result.code !== 0) throw fail('get node', result);
  const cordoned = result.stdout.trim() === 'true';
  if (given.drain === undefined || !isDryRun) return { cordoned, isDryRun };
  const pods = await ask(
    given,
    ['get', 'pods', '--all-namespaces', '--field-selector', `spec.nodeName=${node}`, '-o', 'json'],
    context,
  );
  if (pods.code !== 0) throw fail('get pods', pods);
  return { cordoned, isDryRun, evictable: evictablePods(pods.stdout) };
}

interface ListedPod {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly controller?: boolean }[];
  };
}

/** How many of a node's pods a drain evicts: all but those of daemon sets and static ones. */
export function evictablePods(json: string): number {
  const { items } = JSON.parse(json) as { items: readonly ListedPod[] };
  return items.filter(
    ({ metadata: { annotations = {}, ownerReferences = [] } }) =>
      !('kubernetes.io/config.mirror' in annotations) &&
      !ownerReferences.some(({ kind, controller }) => kind === 'DaemonSet' && controller === true),
  ).length;
}

/** Whether a verb only looks and waits. */
function isReading(given: KubectlInput): boolean {
  const [what = ''] = list(given.rollout ?? []);
  return given.wait !== undefined || ['status', 'history'].includes(what);
}

function applied(diff: string): Change[] {
  const changes = kubectlChanges(diff);
  return changes.length > 0 ? changes : [{ summary: 'kubectl apply' }];
}

function check(seen: KubectlSeen, given: KubectlInput): Verdict {
  const verb = verbOf(given);
  const change = (summary: string): Verdict => ({ changes: [{ summary }] });
  switch (verb) {
    case 'get':
      return { changes: [], result: { resources: seen.resources ?? [] } };
    case 'apply':
      return seen.diff === ''
        ? { changes: [], reason: 'the objects are as asked' }
        : { changes: applied(seen.diff ?? ''), result: { diff_text: seen.diff ?? '' } };
    case 'cordon':
    case 'uncordon':
      return (seen.cordoned === true) === (verb === 'cordon')
        ? { changes: [], reason: `the node is ${verb}ed` }
        : change(`kubectl ${verb} ${given.cordon ?? given.uncordon ?? ''}`);
    case 'drain':
      if (seen.isDryRun === true && seen.cordoned === true && seen.evictable === 0)
        return { changes: [], reason: 'the node is drained' };
      return change(`kubectl drain ${given.drain ?? ''}`);
    case 'wait':
    case 'rollout':
    case 'patch':
      // Outside of a dry run it has to be listed, or it would not be waited for.
      if (seen.isDryRun === true && isReading(given))
        return { changes: [], reason: 'it only waits: not done in check mode' };
      return change(`kubectl ${kubectlWords(given).slice(0, 3).join(' ')}`);
  }
}

/** Whether what kubectl printed tells of a change. */
export function kubectlChanged(given: KubectlInput, printed: string): boolean {
  const verb = verbOf(given);
  if (verb === 'patch') return !printed.includes('(no change)');
  if (verb === 'drain') return /evicting|cordoned$/m.test(printed);
  return !isReading(given);
}

/** Objects of a cluster. */
export const kubectl: TaskModule<KubectlInput, KubectlSeen> = {
  name: 'kubectl',
  doc: 'Applies, reads, patches, rolls out, waits, drains or uncordons with the kubectl of the host.',
  input,
  observe,
  check,
  apply: async (_changes: readonly Change[], given, context) => {
    const stdin = given.apply === undefined ? undefined : manifestText(given.apply);
    const args = kubectlWords(given);
    const result = await context.connection.run(call(given, ...args), {
      onLine: (line) => {
        context.progress(line);
      },
      ...(stdin === undefined ? {} : { stdin }),
    });
    const { code, stdout, stderr } = result;
    const shown = { result: { rc: code ?? -1, stdout: stdout.trim(), stderr: stderr.trim() } };
    if (code === 0) return { ...shown, changed: kubectlChanged(given, stdout + stderr) };
    const { kind, message } = commandError(`kubectl ${args[0] ?? ''}`, result, context.host.name);
    return { ...shown, failure: { kind, message } };
  },
};
