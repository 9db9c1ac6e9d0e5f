import type { AnyModule } from '../../modules/module.js';
import type { AuthorityStore } from '../authorities.js';
import { apiServerProof } from './api-server-proof.js';
import { apiTrust } from './api-trust.js';
import { authoritiesPrepare } from './authorities-prepare.js';
import { authoritiesRecover } from './authorities-recover.js';
import { bundleServers } from './bundle-servers.js';
import { caLeaf } from './ca-leaf.js';
import { caSigner } from './ca-signer.js';
import { caTidy } from './ca-tidy.js';
import { caTrust } from './ca-trust.js';
import { hostBackup } from './host-backup.js';
import { hostSurvey } from './host-survey.js';
import { kubeletRead } from './kubelet-read.js';
import { leftoversScan } from './leftovers.js';
import { rotationSurvey } from './rotation-survey.js';
import { staticPods } from './static-pods.js';
import { tlsErrors } from './tls-errors.js';
import { workloadsRead } from './workloads-read.js';

/** The modules that the rotation adds to the runner, on one state folder. */
export function rotationModules(store: AuthorityStore): readonly AnyModule[] {
  return [
    hostSurvey,
    hostBackup(store),
    rotationSurvey(store),
    authoritiesPrepare(store),
    authoritiesRecover(store),
    caSigner(store),
    caTrust(store),
    caLeaf(store),
    staticPods(store),
    kubeletRead(store),
    apiServerProof(store),
    apiTrust(store),
    bundleServers(store),
    workloadsRead(store),
    caTidy,
    leftoversScan(store),
    tlsErrors,
  ];
}
