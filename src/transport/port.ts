import type { Duplex } from 'node:stream';
import type { Secret } from '../values/secret.js';
import type { Script } from '../values/shell.js';

/** What one step on a host gave. Bytes are decoded as UTF-8; `code` is null where a signal ended it. */
export interface StepResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How one step is run. */
export interface StepOptions {
  /** Run as root through `become` of the host (default: the host's own `ansible_become`). */
  readonly become?: boolean;
  /** Bytes for the step's standard input (default: none, `/dev/null`). Sent through the shell, never in argv. */
  readonly stdin?: string | Buffer | Secret | Secret<Buffer>;
  /** Deadline of the step; past it the step and its children are ended (default 60,000). */
  readonly timeoutMs?: number;
  /** Cancels the step and ends its children. */
  readonly signal?: AbortSignal;
  /** Called with each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
  /**
   * The step must never run twice (default false: it does no harm twice, or is not sent twice).
   * Where {@link receipt} is given, the host keeps its end and its output, so that it can be sent
   * again when the connection broke.
   */
  readonly once?: boolean;
  /** Keeps a record on the host, by which a step that is sent again is known. */
  readonly receipt?: ReceiptName;
  /** Steps of one batch, asked for within one turn of the event loop, share a round trip. */
  readonly batch?: StepBatch;
  /** The step fails with {@link StepNotRun} where a chained one before it in the batch failed. */
  readonly chained?: boolean;
}

/** A chained step that did not run, since one before it in its batch failed. */
export class StepNotRun extends Error {
  override readonly name = 'StepNotRun';
}

/** Cause of an error: the connection went before a step was sent, so the step has not begun. */
export class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}

/** Cause of an error: the shell went away under a step, so its end is not known. */
export class ShellEnded extends Error {
  override readonly name = 'ShellEnded';
}

/** Where a step's record is kept: the run's folder and the step's file, both plain words. */
export interface ReceiptName {
  readonly run: string;
  readonly step: string;
  /** Further steps that are done with this one. */
  readonly also?: readonly string[];
}

/** Steps that are sent together; two batches are the same where they are the same object. */
export interface StepBatch {
  /** For error messages and logs. */
  readonly name: string;
}

/** A file to be put in place whole: written beside the target, synced, then renamed over it. */
export interface FileWrite {
  readonly path: string;
  readonly content: string | Buffer | Secret | Secret<Buffer>;
  /** For example 0o600. Default: that of the file there, else 0o644. */
  readonly mode?: number;
  /** `user:group`. Default: that of the file there, else of the writing user. */
  readonly owner?: string;
  /**
   * Folder of the temporary file, on the same file system as `path` (default: the folder of
   * `path`). A folder whose every file is read by a daemon, such as the kubelet's static pod
   * folder, needs another one.
   */
  readonly temporaryFolder?: string;
  /** Runs on the host when all is ready for the rename, which waits for its end, whatever that is. */
  readonly beforeRename?: Script;
  /** Called as soon as the host has renamed the file, before that is synced to its disk. */
  readonly onRenamed?: () => void;
}

/** A file of the controller that is sent by a stream, with what is known of it. */
export interface FileSource {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** A large file to be put in place, as {@link FileWrite}; what has arrived outlives a connection. */
export interface FileSend extends Omit<FileWrite, 'content' | 'beforeRename' | 'onRenamed'> {
  readonly source: FileSource;
  /** Command line for the host's shell that must accept the file; `%s` is its path. */
  readonly validate?: string;
  /** Called with the bytes that are on the host or on their way to it, also those of an earlier time. */
  readonly onProgress?: (bytes: number) => void;
}

/** A large file of the host to be brought to the controller, with what was seen of it. */
export interface FileReceive extends Omit<FileSource, 'path'> {
  /** On the host. */
  readonly path: string;
  /** File of the controller; one that is there is taken for the beginning. */
  readonly to: string;
  /** Called with the bytes that have come, also those of an earlier time. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * A connection to one host: one SSH connection, one persistent `sh` a privilege level.
 * Errors: `CaravanError` of kind connect, auth, host-key, timeout or cancelled, each with the
 * host. An exit code other than 0 is a result, not an error.
 */
export interface Connection {
  readonly host: string;
  /** Runs a script in a subshell of the persistent shell: one round trip. */
  run(script: Script, options?: StepOptions): Promise<StepResult>;
  /** Puts files in place, each atomically, their SHA-256 checked on arrival; all or none begins. */
  writeFiles(files: readonly FileWrite[], options?: FileOptions): Promise<void>;
  /** The same for one file. */
  writeFile(file: FileWrite, options?: FileOptions): Promise<void>;
  /**
   * Puts a file of the controller in place, atomically, by a stream that never holds it whole. Where
   * it is cut short, what arrived stays beside the target, and the next call goes on from there.
   */
  sendFile(file: FileSend, options?: FileOptions): Promise<void>;
  /** Brings a file from the host, checked by its digest, by a stream that never holds it whole. */
  receiveFile(file: FileReceive, options?: FileOptions): Promise<void>;
  /** A TCP stream from the host to `address:port` (SSH direct-tcpip), e.g. to the API server there. */
  forward(address: string, port: number): Promise<Duplex>;
  /** @param forget whether the records of its steps are of no more use, and go (default false) */
  close(forget?: boolean): Promise<void>;
}

/** How a file is written. */
export type FileOptions = Omit<StepOptions, 'stdin' | 'onLine' | 'once'>;

/** An option of ssh_config(5): its keyword in lower case, and its values as words. */
export interface SshOption {
  readonly keyword: string;
  readonly values: readonly string[];
}

/** `auto` is ssh2, and the system's OpenSSH for a host that needs what ssh2 lacks. */
export type TransportName = 'auto' | 'ssh2' | 'openssh';

/**
 * What is needed to reach a host; made by the inventory from Ansible's connection variables. What
 * is left out comes from `sshOptions`, then from the files of ssh_config(5), then from defaults.
 */
export interface ConnectionTarget {
  /** Name in the inventory. */
  readonly host: string;
  /** `ansible_connection`: `ssh` (default) or `local`. */
  readonly kind: 'ssh' | 'local';
  /** What `ssh` would be given as its destination: an address, a name, or an alias of ssh_config. */
  readonly address: string;
  /** Default 22. */
  readonly port?: number;
  /** Default: who runs caravan. */
  readonly user?: string;
  readonly privateKeyFile?: string;
  /** Opens `privateKeyFile` where it is encrypted. */
  readonly privateKeyPassphrase?: Secret;
  readonly password?: Secret;
  readonly become: BecomeTarget;
  /** Files of known hosts in the order they are asked (default `~/.ssh/known_hosts`, `/etc/ssh/ssh_known_hosts`). */
  readonly knownHostsFiles?: readonly string[];
  /**
   * `strict` (default) refuses an unknown host; `ask` asks on a terminal, and is `strict` without
   * one; `accept-new` adds it to the first known_hosts file.
   */
  readonly hostKeyPolicy?: HostKeyPolicy;
  /** Deadline from dialling to being logged in (default 10,000). */
  readonly connectTimeoutMs?: number;
  /** Options given to ssh, the strongest first. */
  readonly sshOptions?: readonly SshOption[];
  /** Instead of `~/.ssh/config` and `/etc/ssh/ssh_config`; `none` for no file (`ssh -F`). */
  readonly sshConfigFile?: string;
  /** Default `auto`. */
  readonly transport?: TransportName;
}

/** What is done about a host whose key is not known. */
export type HostKeyPolicy = 'strict' | 'ask' | 'accept-new';

/** How a step gets the rights of another user. */
export interface BecomeTarget {
  /** Whether steps become another user unless they say otherwise. */
  readonly enabled: boolean;
  readonly user: string;
  readonly password?: Secret;
  /** Default `sudo`. */
  readonly method?: 'sudo' | 'su';
}

/** Opens connections. The only thing that engine and lab know of how hosts are reached. */
export interface Transport {
  connect(target: ConnectionTarget, options?: { signal?: AbortSignal }): Promise<Connection>;
}
