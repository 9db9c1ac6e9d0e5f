/** What a host of the lab is for; also its group in the inventory. */
export type HostRole = 'control_plane' | 'worker' | 'balancer';

/** One host of the lab. */
export interface LabHost {
  /** Host name and Kubernetes node name: `cp1`, `w1`, `lb`. */
  readonly name: string;
  readonly role: HostRole;
  /** IPv4 address on the lab's bridge. */
  readonly address: string;
}

/** What a lab is to be. Defaults are those of {@link labOptionsSchema}. */
export interface LabOptions {
  /** 1 to 5. */
  readonly controlPlanes: number;
  /** 0 to 20. */
  readonly workers: number;
  /** For example `v1.36.3`. */
  readonly kubernetes: string;
  /** A folder that has every program already; nothing is then downloaded or built. */
  readonly binaries?: string | undefined;
  /** Install missing Debian packages instead of naming them. */
  readonly install: boolean;
}

/** A lab as others use it: who the hosts are and where its files lie. */
export interface LabDescription {
  /** For example `v1.36.3`. */
  readonly kubernetes: string;
  readonly hosts: readonly LabHost[];
  /** Where clients reach the API. */
  readonly balancer: { readonly address: string; readonly port: number };
  /** Folder of the files below. */
  readonly inventoryFolder: string;
  readonly inventory: string;
  readonly kubeconfig: string;
  readonly knownHosts: string;
  readonly privateKey: string;
  /** Addresses of all pods. */
  readonly podCidr: string;
  /** Addresses of all Services. */
  readonly serviceCidr: string;
  /** The client of the lab's own version, on this machine. */
  readonly kubectl: string;
}

/** One thing that happened on the way; `seconds` is the step's time so far. */
export interface LabProgress {
  readonly step: string;
  readonly state: 'start' | 'line' | 'done';
  readonly seconds: number;
  readonly text?: string;
}

/** What the lab's functions need from their caller. */
export interface LabContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress: (event: LabProgress) => void;
  /** Where the inventory goes (default `inventory/lab` in the working folder). */
  readonly inventoryFolder?: string | undefined;
}

/** What there is of a lab now. */
export interface LabStatus {
  /**
   * `absent`: nothing; `partial`: something, but not a whole cluster; `stopped`: a whole cluster,
   * of which some hosts do not run; `up`: all hosts run and all nodes are Ready.
   */
  readonly state: 'absent' | 'partial' | 'stopped' | 'up';
  readonly hosts: readonly (LabHost & { readonly running: boolean; readonly ready: boolean })[];
  readonly description?: LabDescription | undefined;
}
