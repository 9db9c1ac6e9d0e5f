import type { Secret } from '../values/secret.js';

/** An address that is probed, and the name that its certificate must carry. */
export interface ProbeTarget {
  /** As reports name it: `balancer`, `cp1`. */
  readonly name: string;
  /** Through the load balancer, where no probe may fail, or straight to one API server. */
  readonly kind: 'balancer' | 'direct';
  /** Host name or IP address to connect to. */
  readonly address: string;
  readonly port: number;
  /** DNS name or IP address that the served certificate is checked against. */
  readonly servername: string;
}

/** Who asks: whom this client trusts and what it shows. */
export interface ProbeClient {
  /** As reports name it: `old trust, old leaf`. */
  readonly name: string;
  /** CA certificates, PEM, one or more; nothing else is trusted. */
  readonly trust: string;
  /** PEM certificate (chain) and PEM private key. */
  readonly leaf?: { readonly certificate: string; readonly key: Secret };
  /** A bearer token. */
  readonly token?: Secret;
}

/** A plain GET; passes on a 2xx. */
export interface GetCall {
  readonly kind: 'get';
  readonly path: string;
}

/** The last line of a container's log, as `kubectl logs --tail=1`; passes on a 2xx. */
export interface LogsCall {
  readonly kind: 'logs';
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A command in a container, as `kubectl exec`; passes when its stream ends with Success. */
export interface ExecCall {
  readonly kind: 'exec';
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Text that standard output must contain; without it, there must be some output. */
  readonly stdout?: string;
}

/** What one probe asks of the API. `logs` and `exec` go on from the API server to a kubelet. */
export type ProbeCall = GetCall | LogsCall | ExecCall;

/** One question, asked again and again on fresh connections. */
export interface Probe {
  readonly target: ProbeTarget;
  readonly client: ProbeClient;
  readonly call: ProbeCall;
  /** From one sending to the next; a slow answer does not delay the next one. */
  readonly intervalMs: number;
  /** From connecting to the end; that of the set unless given. */
  readonly deadlineMs?: number;
}

/** What should happen to a probe: `either` measures without judging. */
export type Expectation = 'pass' | 'refuse' | 'either';

/**
 * How a call ended: answered as it should be; refused by the server (401, 403, or a TLS alert
 * about the certificate shown); refused by the client (the served chain is not trusted); or
 * anything else, such as a closed port, a reset, a deadline or a 5xx.
 */
export type OutcomeKind = 'pass' | 'refused-by-server' | 'refused-by-client' | 'error';

/** The end of one call. `reason` holds no secret and is at most 200 characters. */
export interface ProbeOutcome {
  readonly kind: OutcomeKind;
  readonly reason: string;
  /** HTTP status, when an answer came. */
  readonly status?: number;
  /** From the first packet to the end. */
  readonly ms: number;
}

/** Counts of a group of probes: `total` is `passed` + `refused` + `errors`. */
export interface Tally {
  readonly total: number;
  readonly passed: number;
  /** Refused by the server or by the client. */
  readonly refused: number;
  /** Neither: the call broke. */
  readonly errors: number;
  /** Expectation violated: `pass` expected and none came, or `refuse` expected and it passed. */
  readonly failed: number;
  /** Slowest call of the group. */
  readonly slowestMs: number;
}

/** A probe whose expectation was violated. */
export interface Violation {
  /** When it was sent; ISO 8601, UTC. */
  readonly at: string;
  readonly phase: string;
  readonly target: string;
  readonly client: string;
  readonly call: ProbeCall['kind'];
  readonly expected: Expectation;
  readonly outcome: OutcomeKind;
  readonly reason: string;
}

/** A stretch of time with one set of expectations. */
export interface PhaseSpan {
  readonly name: string;
  readonly from: string;
  /** Missing while it lasts. */
  readonly to?: string;
}

/** What a target answered in one bucket of time. */
export interface TimelineCell {
  readonly passed: number;
  readonly refused: number;
  readonly errors: number;
  readonly failed: number;
}

/** Answers over time; a bucket is one second unless a long run made them coarser. */
export interface ProbeTimeline {
  readonly bucketSeconds: number;
  readonly buckets: readonly {
    /** Start of the bucket; ISO 8601, UTC. */
    readonly at: string;
    readonly targets: Readonly<Record<string, TimelineCell>>;
  }[];
}

/** All that is known about a run of probes; plain data, safe to store. */
export interface ProbeSummary {
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly overall: Tally;
  readonly byKind: Readonly<Record<string, Tally>>;
  readonly byTarget: Readonly<Record<string, Tally>>;
  readonly byClient: Readonly<Record<string, Tally>>;
  readonly byCall: Readonly<Record<string, Tally>>;
  readonly byPhase: Readonly<Record<string, Tally>>;
  /** How often each way of not passing was seen, most frequent first; bounded. */
  readonly reasons: readonly {
    readonly outcome: OutcomeKind;
    readonly reason: string;
    readonly count: number;
  }[];
  /** The first 50. `overall.failed` has the number of all. */
  readonly violations: readonly Violation[];
  readonly phases: readonly PhaseSpan[];
  readonly timeline: ProbeTimeline;
  /** Sendings left out because the prober itself was late: above 0, it was starved of CPU. */
  readonly missed: number;
}
