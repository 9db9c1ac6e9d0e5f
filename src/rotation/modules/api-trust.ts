import * as z from 'zod';
import { kubectl, kubectlJson } from '../../kubernetes/kubectl.js';
import {
  readTrustObjects,
  TRUST_OBJECT_KINDS,
  type TrustObject,
  type TrustObjectKind,
} from '../../kubernetes/trust-objects.js';
import type { Change, ModuleContext, TaskModule } from '../../modules/module.js';
import { parseCertificates } from '../../pki/certificate.js';
import { setKubeconfigData } from '../../pki/kubeconfig.js';
import { CaravanError } from '../../values/error.js';
import { apiPlaces, isOurs, wantedPem } from '../api-places.js';
import type { Authorities, AuthorityStore } from '../authorities.js';
import { describe } from '../changes.js';
import type { Holds } from '../states.js';

const input = z.strictObject({
  object: z.enum(TRUST_OBJECT_KINDS),
  holds: z.enum(['old', 'both', 'new']),
  /** How long Kubernetes' own controllers get to write the object, in seconds. */
  within: z.number().positive().default(120),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly authorities: Authorities;
  readonly objects: readonly TrustObject[];
}

type ObjectChange = Change & { readonly target: TrustObject; readonly pem: string };

/**
 * Objects that Kubernetes writes itself: the root CA publisher and the token controller of
 * kube-controller-manager. They are waited for; only a token Secret that stays behind is patched,
 * and that is said. A hand edit of kube-root-ca.crt would be undone by the publisher.
 */
const WRITTEN_BY_KUBERNETES: ReadonlySet<TrustObjectKind> = new Set<TrustObjectKind>([
  'kube-root-ca.crt',
  'service account token Secret',
]);

/** Makes API objects of one kind hold the old CA, both, or the new one. */
export function apiTrust(store: AuthorityStore): TaskModule<Input, Seen, ObjectChange> {
  const observe = async (
    { object }: Input,
    { connection, signal }: ModuleContext,
  ): Promise<Seen> => {
    const authorities = await store.load();
    const objects = await readTrustObjects([object], connection, signal);
    return { authorities, objects: objects.filter((one) => isOurs(one, authorities)) };
  };
  const check = ({ objects, authorities }: Seen, { holds, object }: Input) => ({
    changes: objects.flatMap((target) => objectChange(target, authorities, holds)),
    reason: `${objects.length} × ${object} hold: ${holds}`,
  });
  return {
    name: 'api_trust',
    doc: 'Make API objects that carry a CA hold the old one, both, or the new one.',
    input,
    observe,
    check,
    apply: async (changes, wanted, context) => {
      let left: readonly ObjectChange[] = changes;
      if (WRITTEN_BY_KUBERNETES.has(wanted.object)) {
        left = await waitFor(
          async () => check(await observe(wanted, context), wanted).changes,
          wanted,
          context,
        );
        if (wanted.object === 'kube-root-ca.crt' && left.length > 0)
          throw notPublished(left, wanted);
      }
      for (const change of left) {
        if (WRITTEN_BY_KUBERNETES.has(wanted.object)) {
          context.record('patched', {
            object: change.target.path,
            why: 'Kubernetes left it as it was',
          });
        }
        await patch(change, context);
      }
      return {};
    },
  };
}

function objectChange(target: TrustObject, authorities: Authorities, holds: Holds): ObjectChange[] {
  const [place] = apiPlaces([target], authorities);
  if (!place || place.seen === holds) return [];
  const pem = wantedPem(target, authorities, holds);
  return [
    {
      target,
      pem,
      summary: `${target.kind} ${target.path}: ${place.seen} → ${holds}`,
      diff: {
        path: target.path,
        before: describe(parseCertificates(target.pem)),
        after: describe(parseCertificates(pem)),
      },
    },
  ];
}

/** Polls until nothing is left or the time is over; gives what is left. */
async function waitFor(
  look: () => Promise<readonly ObjectChange[]>,
  { within, object }: Input,
  context: ModuleContext,
): Promise<readonly ObjectChange[]> {
  const { clock, signal } = context;
  const deadline = clock.now().getTime() + within * 1000;
  for (;;) {
    const left = await look();
    if (left.length === 0 || clock.now().getTime() >= deadline) return left;
    context.progress(`${object}: waiting for ${left.length}, e.g. ${left[0]?.target.path ?? ''}`);
    await clock.sleep(500, signal);
  }
}

function notPublished(left: readonly ObjectChange[], { within, holds }: Input): CaravanError {
  const names = left.map(({ target }) => target.path).join(', ');
  return new CaravanError(
    'verify',
    `Waited ${within} s for kube-controller-manager to publish kube-root-ca.crt with: ${holds}. Still different: ${names}.`,
    {
      hint: 'Check that every kube-controller-manager runs with the bundle, then run the same command again.',
    },
  );
}

async function patch({ target, pem }: ObjectChange, context: ModuleContext): Promise<void> {
  const { connection, signal } = context;
  const [resource, json] = await patchOf(target, pem, context);
  await kubectl(
    connection,
    ['patch', ...resource, '--type', 'json', '--patch-file', '/dev/stdin'],
    {
      stdin: JSON.stringify(json),
      signal,
    },
  );
}

type JsonPatch = readonly {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}[];

async function patchOf(
  target: TrustObject,
  pem: string,
  { connection, signal }: ModuleContext,
): Promise<[readonly string[], JsonPatch]> {
  const replace = (path: string, value: string): JsonPatch => [{ op: 'replace', path, value }];
  const [first = '', second = ''] = target.path.split('/');
  const encoded = Buffer.from(pem).toString('base64');
  switch (target.kind) {
    case 'kube-root-ca.crt':
      return [['configmap', '-n', first, second], replace('/data/ca.crt', pem)];
    case 'service account token Secret':
      return [['secret', '-n', first, second], replace('/data/ca.crt', encoded)];
    case 'extension-apiserver-authentication':
      return [
        ['configmap', '-n', 'kube-system', target.kind],
        replace(`/data/${target.path}`, pem),
      ];
    case 'caBundle':
      return [[first, second], replace(target.pointer ?? '', encoded)];
    case 'cluster-info': {
      const map = await kubectlJson<{ data: { kubeconfig: string } }>(
        connection,
        ['get', 'configmap', '-n', first, second],
        { signal },
      );
      const changed = setKubeconfigData(map.data.kubeconfig, { certificateAuthority: pem });
      return [['configmap', '-n', first, second], replace('/data/kubeconfig', changed)];
    }
  }
}
