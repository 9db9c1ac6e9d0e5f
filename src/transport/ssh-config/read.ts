import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { CaravanError } from '../../values/error.js';
import { expandHome } from '../../values/home-path.js';
import type { SshOption } from '../port.js';
import { globFiles, readConfigFile } from './files.js';
import { checkValue, type ConfigLine } from './lines.js';
import { matchLine } from './match.js';
import { isKnownOption } from './options.js';
import { patternListMatches } from './patterns.js';
import { expandTokens } from './tokens.js';
import { inOwnWords } from './values.js';

/** ssh gives up at this depth too. */
const INCLUDE_DEPTH = 16;
/** Where an option came from that is from no file. */
export const GIVEN = 'options of ssh';
/** Options of which every one counts, not the first. */
const COLLECTED = new Set(['identityfile', 'certificatefile']);
/** The one that comes first keeps the other out. */
const PROXIES = ['proxyjump', 'proxycommand'];

/** Whose configuration is asked for. */
export interface ConfigRequest {
  /** What would be given to `ssh` as its destination. */
  readonly destination: string;
  /** Options that go before any file, the strongest first. */
  readonly options: readonly SshOption[];
  /** Instead of the files of the user and the system; `none` for no file (`ssh -F`). */
  readonly file?: string;
}

/** What the files and options say of one destination. */
export interface SshConfig {
  /** The values of an option, of the first line that set it. */
  get(keyword: string): readonly string[] | undefined;
  /** Where it was set, `file:line`. */
  sourceOf(keyword: string): string | undefined;
  /** All lines of an option that collects them. */
  all(keyword: string): readonly ConfigLine[];
  /** Why only ssh itself can read these files for this destination. */
  readonly undecided?: string;
}

/**
 * Reads ssh's configuration as ssh_config(5) says: the first value wins, the user's file before
 * the system's, `Match final` on a second pass.
 * @throws {CaravanError} input for a file that cannot be read, or a line that is not one
 */
export function readSshConfig(request: ConfigRequest): SshConfig {
  const reader = new Reader(request);
  reader.pass();
  if (reader.wantsFinal) {
    reader.finalPass = true;
    reader.settleHostName();
    reader.pass();
  }
  const { found, undecided } = reader;
  return {
    get: (keyword) => found.get(keyword)?.[0]?.values,
    sourceOf: (keyword) => found.get(keyword)?.[0]?.source,
    all: (keyword) => found.get(keyword) ?? [],
    ...(undecided === undefined ? {} : { undecided }),
  };
}

interface Place {
  readonly file: string;
  readonly folder: string;
  readonly depth: number;
  /** Inside a section that does not apply: read for its mistakes only. */
  readonly never: boolean;
  readonly owned: boolean;
}

class Reader {
  readonly found = new Map<string, ConfigLine[]>();
  undecided: string | undefined;
  wantsFinal = false;
  finalPass = false;

  constructor(private readonly request: ConfigRequest) {
    for (const option of request.options) {
      checkValue(option, GIVEN);
      this.#take({ ...option, source: GIVEN });
    }
  }

  pass(): void {
    const user = join(homedir(), '.ssh');
    const { file } = this.request;
    const top = { depth: 0, never: false };
    if (file?.toLowerCase() === 'none') return;
    if (file !== undefined) {
      this.#read({ ...top, file: expandHome(file), folder: user, owned: false }, false);
      return;
    }
    this.#read({ ...top, file: join(user, 'config'), folder: user, owned: true }, true);
    const system = '/etc/ssh';
    this.#read({ ...top, file: join(system, 'ssh_config'), folder: system, owned: true }, true);
  }

  #read(place: Place, optional: boolean): void {
    let active = true;
    for (const line of readConfigFile(place.file, { optional, owned: place.owned })) {
      if (line.keyword === 'host' || line.keyword === 'match') active = this.#enters(line, place);
      else if (line.keyword === 'include') this.#include(line, place, active);
      else {
        this.#checkKnown(line);
        if (active && !place.never) this.#take(line);
      }
    }
  }

  /** Before its last pass ssh takes the name that it has for the one to connect to. */
  settleHostName(): void {
    this.found.set('hostname', [
      {
        keyword: 'hostname',
        values: [this.#hostName.replaceAll('%', '%%')], // it is expanded when it is used
        source: 'the first pass',
      },
    ]);
  }

  get #hostName(): string {
    const { destination } = this.request;
    const hostName = this.found.get('hostname')?.[0]?.values[0];
    if (hostName === undefined) return destination;
    return expandTokens(hostName, { h: destination, n: destination }, 'HostName');
  }

  #enters(line: ConfigLine, { never }: Place): boolean {
    const { destination } = this.request;
    const matched = matchLine(line, {
      destination,
      // For the last pass of ssh, `Host` too is about the name to connect to.
      asked: this.finalPass ? this.#hostName.toLowerCase() : destination,
      hostName: this.#hostName,
      user: this.found.get('user')?.[0]?.values[0],
      finalPass: this.finalPass,
    });
    // Wherever it stands, as with ssh: on the last pass its section may apply.
    this.wantsFinal ||= matched.wantsFinal === true;
    if (never) return false;
    this.undecided ??= matched.undecided;
    return matched.applies;
  }

  #include({ values, source }: ConfigLine, place: Place, active: boolean): void {
    const depth = place.depth + 1;
    if (depth > INCLUDE_DEPTH)
      throw new CaravanError('input', `${source}: Include is nested deeper than ${INCLUDE_DEPTH}`);
    for (const value of values) {
      const path = expandHome(value);
      const pattern = isAbsolute(path) ? path : join(place.folder, path);
      for (const file of globFiles(pattern))
        this.#read({ ...place, file, depth, never: place.never || !active }, true);
    }
  }

  #checkKnown({ keyword, source }: ConfigLine): void {
    if (isKnownOption(keyword)) return;
    const ignored = this.found
      .get('ignoreunknown')?.[0]
      ?.values.flatMap((one) => one.toLowerCase().split(','));
    if (ignored && patternListMatches(ignored, keyword)) return;
    throw new CaravanError('input', `${source}: ${keyword} is no option of ssh`, {
      hint: 'Mend the line, or name the option in IgnoreUnknown above it.',
    });
  }

  #take(given: ConfigLine): void {
    const line = inOwnWords(given);
    const { keyword, values } = line;
    const known = this.found.get(keyword);
    if (PROXIES.includes(keyword) && PROXIES.some((proxy) => this.found.has(proxy))) return;
    if (!known) this.found.set(keyword, [line]);
    else if (COLLECTED.has(keyword) && !known.some((other) => other.values[0] === values[0]))
      known.push(line);
  }
}
