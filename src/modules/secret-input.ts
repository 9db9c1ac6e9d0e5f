import * as z from 'zod';
import { Secret } from '../values/secret.js';

/** Text, which may be secret. */
export const textOrSecret = z.union([
  z.string(),
  z.custom<Secret>((value) => value instanceof Secret, 'must be text'),
]);
