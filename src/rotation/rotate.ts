import { fileURLToPath } from 'node:url';
import type { RunOptions, RunOutcome } from '../engine/options.js';
import { runPlaybook } from '../engine/run.js';
import type { Inventory } from '../inventory/inventory.js';
import { kubernetesGroups } from '../inventory/kubernetes-groups.js';
import { coreModules } from '../modules/registry.js';
import type { AuthorityStore } from './authorities.js';
import { withLock } from './lock.js';
import { rotationModules } from './modules/index.js';
import { STATE_KNOBS, type TrustState } from './states.js';

/** The recipe and its parts, as installed with this package. */
const PLAYBOOKS = new URL('../../playbooks/', import.meta.url);

/** What a rotation is asked to do; the rest is how any playbook is run. */
export interface RotationOptions extends Omit<
  RunOptions,
  'file' | 'modules' | 'extraVars' | 'inventory'
> {
  readonly inventory: Inventory;
  readonly store: AuthorityStore;
  readonly to: TrustState;
  /**
   * Default `rotate-ca`; `survey` only reads, `prepare` and `recover` only fill the state folder: for a
   * rotation that begins, or from what one under way keeps on control planes.
   */
  readonly playbook?: 'rotate-ca' | 'survey' | 'prepare' | 'recover';
  /** `needed` (default): what is not seen to have read its files. `always`: as the Kubernetes page says. */
  readonly restart?: 'needed' | 'always';
  /** A folder with the operator's own new CAs; default: they are made. */
  readonly newCa?: string;
  /** Who can open the backups of hosts, as age recipients; default: who has the state folder. */
  readonly backupRecipients?: readonly string[];
  /** Nodes of the cluster that may be missing in the inventory: a rotation locks them out. */
  readonly withoutNodes?: readonly string[];
  /** Workers in work at once, as `serial` (default `10%`). */
  readonly workerBatch?: string;
  readonly groups?: { readonly controlPlane?: string; readonly workers?: string };
}

/**
 * Walks a fleet to a trust state by running `playbooks/rotate-ca.yml`.
 *
 * @throws CaravanError input: the inventory names no control plane, or a playbook does not load.
 */
export function runRotation(options: RotationOptions): Promise<RunOutcome> {
  const { store, to, playbook = 'rotate-ca', restart = 'needed', newCa, groups, ...rest } = options;
  const { workerBatch = '10%', backupRecipients = [], withoutNodes = [], ...run } = rest;
  const { controlPlane, workers } = kubernetesGroups(run.inventory, groups);
  const names = (hosts: readonly { name: string }[]): string =>
    hosts.map((host) => host.name).join(',');
  const play = () =>
    runPlaybook({
      ...run,
      file: fileURLToPath(new URL(`${playbook}.yml`, PLAYBOOKS)),
      modules: [...coreModules, ...rotationModules(store)],
      extraVars: {
        to,
        trust_states: STATE_KNOBS,
        restart,
        new_ca: newCa ?? '',
        backup_recipients: [...backupRecipients],
        control_plane: names(controlPlane),
        workers: names(workers),
        worker_batch: workerBatch,
        without_nodes: [...withoutNodes],
      },
    });
  // What only reads may look at a fleet that is being rotated.
  return playbook === 'survey' ? play() : withLock(store.folder, play);
}
