/** The fewest probes on the balancer, in one round, that say anything. */
export const ENOUGH_PROBES = 3_000;

/** What `caravan rehearse --output json` prints as its last line. */
export interface RehearsalResult {
  readonly ok: boolean;
  readonly kubernetes: string;
  readonly probes: {
    readonly balancer: ProbeCount;
    readonly direct: ProbeCount;
  };
  /** The most of any one instance on the walk `old` to `new`. */
  readonly restarts: {
    readonly 'kube-apiserver': number;
    readonly 'kube-controller-manager': number;
    readonly 'kube-scheduler': number;
    readonly kubelet: number;
    /** By `namespace/name`. */
    readonly workloads: Readonly<Record<string, number>>;
  };
  readonly seconds: {
    readonly labUp: number;
    readonly rollForward: number;
    readonly rollBack: number;
    readonly rotate: number;
  };
  readonly leftovers: number;
  readonly report: { readonly html: string; readonly json: string };
}

/** Probes sent, and those whose expectation was violated. */
export interface ProbeCount {
  readonly total: number;
  readonly failed: number;
}

/** One thing that a rehearsal looks at in the end. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}
