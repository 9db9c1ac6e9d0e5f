import { CaravanError } from '../values/error.js';

/** A host on the way, as `ProxyJump` names it. */
export interface Jump {
  readonly address: string;
  readonly user?: string;
  readonly port?: number;
}

/**
 * Reads `ProxyJump`: `[user@]host[:port]` or `ssh://...`, several with commas; `none` for none.
 * @throws {CaravanError} input for what is no host
 */
export function parseJumps(text: string): Jump[] {
  if (text.toLowerCase() === 'none') return [];
  return text.split(',').map((word) => parseJump(word.trim()));
}

function parseJump(word: string): Jump {
  const match =
    /^(?:ssh:\/\/)?(?:(?<user>[^/\s]+)@)?(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:@/[\]\s]+))(?::(?<port>\d*))?\/?$/.exec(
      word,
    )?.groups;
  const address = match?.['bracketed'] ?? match?.['plain'];
  const user = match?.['user'];
  const port = match?.['port'] ? Number(match['port']) : undefined;
  if (address === undefined || address.startsWith('-') || port === 0 || (port ?? 1) > 65_535)
    throw new CaravanError('input', `ProxyJump: "${word}" is no [user@]host[:port]`);
  return {
    address,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  };
}
