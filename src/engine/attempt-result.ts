import type { Change } from '../modules/module.js';
import type { CaravanError, ErrorKind } from '../values/error.js';
import type { JsonObject } from '../values/json.js';

/** What one attempt gave. */
export interface AttemptResult {
  readonly changed: boolean;
  readonly changes: readonly Change[];
  readonly reason?: string;
  readonly result: JsonObject;
  readonly facts?: JsonObject;
  readonly hostFacts?: JsonObject;
  readonly skipped?: boolean;
  readonly failure?: {
    readonly kind: ErrorKind;
    readonly message: string;
    readonly hint?: string;
    /** The error that the module threw, where it did. */
    readonly error?: CaravanError;
  };
}
