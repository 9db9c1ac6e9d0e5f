import { Secret } from '../values/secret.js';
import type { Expectation, Probe, ProbeSummary } from './probe-model.js';

/** A probe as it crosses to the worker: secrets do not survive structured cloning, so in clear. */
export interface WireProbe {
  readonly id: number;
  readonly probe: Omit<Probe, 'client'>;
  readonly client: {
    readonly name: string;
    readonly trust: string;
    readonly certificate?: string;
    readonly key?: string;
    readonly token?: string;
  };
}

/** Expectations of probes by id. */
export type WireExpectations = readonly (readonly [id: number, expectation: Expectation])[];

/** What the main thread asks; the worker answers each with a {@link WorkerAnswer}. */
export type WorkerRequest = { readonly seq: number } & (
  | { readonly type: 'start' | 'stop' | 'summary' }
  | { readonly type: 'expect'; readonly phase: string; readonly expectations: WireExpectations }
  | {
      readonly type: 'add';
      readonly probes: readonly WireProbe[];
      readonly expectations: WireExpectations;
    }
  | { readonly type: 'remove'; readonly ids: readonly number[] }
);

/** The end of one request; the summary as it was then. */
export interface WorkerAnswer {
  readonly seq: number;
  readonly summary?: ProbeSummary;
  readonly error?: { readonly kind: 'input' | 'bug'; readonly message: string };
}

/** For the message channel alone: within this process, and never stored. */
export function toWire(id: number, { client, ...probe }: Probe): WireProbe {
  return {
    id,
    probe,
    client: {
      name: client.name,
      trust: client.trust,
      ...(client.leaf && {
        certificate: client.leaf.certificate,
        key: client.leaf.key.reveal(),
      }),
      ...(client.token && { token: client.token.reveal() }),
    },
  };
}

/** The probe that {@link toWire} was given. */
export function fromWire({ probe, client }: WireProbe): Probe {
  const { name, trust, certificate, key, token } = client;
  return {
    ...probe,
    client: {
      name,
      trust,
      ...(certificate !== undefined &&
        key !== undefined && { leaf: { certificate, key: new Secret(key) } }),
      ...(token !== undefined && { token: new Secret(token) }),
    },
  };
}
