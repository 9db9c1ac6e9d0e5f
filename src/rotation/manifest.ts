import { setAnnotation, setFlags } from '../pki/static-pod.js';
import type { HostSurvey, StaticPod } from './host-survey.js';
import { signerFiles, signerFlags } from './signer.js';
import type { Knobs } from './states.js';

/** What a manifest says while a rotation is under way, so that its pod reads its files again. */
const READ_ANNOTATION = 'caravan/has-read';

/** What decides how a manifest reads: the knobs of a state but trust by its name in the recipe. */
export interface WantedManifest extends Pick<Knobs, 'clients' | 'servers'> {
  readonly holds: Knobs['trust'];
  /** `always` restarts kube-apiserver in each state too. */
  readonly restart: 'needed' | 'always';
}

/**
 * The manifest of a control plane pod as a state needs it, from the one that is there.
 *
 * @throws CaravanError `input`: it is written in a way that cannot be edited line by line.
 */
export function wantedManifest(
  survey: HostSurvey,
  component: StaticPod,
  { holds, clients, servers, restart }: WantedManifest,
): string {
  const before = survey.manifests[component] ?? '';
  const under = holds === 'both';
  if (component === 'kube-apiserver') {
    // What `always` put in goes at either end, whoever comes there.
    if (restart === 'needed' && under) return before;
    return setAnnotation(before, READ_ANNOTATION, under ? `${clients}-${servers}` : undefined);
  }
  const annotated = setAnnotation(before, READ_ANNOTATION, under ? clients : undefined);
  const files = component === 'kube-controller-manager' ? signerFiles(survey) : undefined;
  return files ? setFlags(annotated, signerFlags(files, under)) : annotated;
}
