/** `file:line:column` of a piece of a playbook. */
export type Source = string;

/** A value as it stands in the playbook, not templated, with where it stands. */
export interface Located<T = unknown> {
  readonly value: T;
  readonly source: Source;
}

/** Variables as they stand in a playbook: each may hold templates. */
export type Vars = Readonly<Record<string, Located>>;

/** A `when`, `until`, `changed_when` or `failed_when`: a Jinja expression, or a plain boolean. */
export type Condition = Located<string | boolean>;

/** The arguments of a task's module, not templated. */
export interface Args {
  /** Keys and values; a free-form string is already under the module's `freeForm` key. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where each key stands, by its path: `content`, `env.HOME`, `argv.0`. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** How a task repeats over items. */
export interface Loop {
  /** A list, or an expression that gives one. */
  readonly items: Located;
  /** Variable that holds the item (default `item`). */
  readonly loopVar: string;
  /** Variable that holds the item's index, where asked for. */
  readonly indexVar?: string;
  /** What is shown for an item instead of the item itself. */
  readonly label?: Located;
}

/** One task. What it inherits from blocks and the play (when, tags, vars, become) is merged in. */
export interface Task {
  readonly kind: 'task';
  readonly name: string;
  readonly source: Source;
  readonly module: string;
  readonly args: Args;
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  readonly vars: Vars;
  readonly notify: readonly Located<string>[];
  /** Other names that a handler answers to. */
  readonly listen: readonly string[];
  readonly loop?: Loop;
  readonly register?: string;
  readonly runOnce: boolean;
  readonly delegateTo?: Located<string>;
  readonly become?: boolean;
  readonly noLog: boolean;
  readonly ignoreErrors: boolean;
  readonly changedWhen: readonly Condition[];
  readonly failedWhen: readonly Condition[];
  readonly until: readonly Condition[];
  /** Attempts after the first, with `until` (default 3). */
  readonly retries: number;
  /** Seconds between attempts (default 5). */
  readonly delaySeconds: number;
  /** Deadline of one attempt on one host (default: that of the run). */
  readonly timeoutSeconds?: number;
  /** Overrides the run's check mode for this task. */
  readonly checkMode?: boolean;
  /** Hosts of the batch that run this task at the same time (default: forks). */
  readonly throttle?: number;
}

/** Tasks with a rescue. */
export interface Block {
  readonly kind: 'block';
  readonly name: string;
  readonly source: Source;
  readonly block: readonly TaskNode[];
  /** Runs on the hosts that failed in `block`; those that pass it go on. */
  readonly rescue: readonly TaskNode[];
  /** Runs on all hosts of the block, failed ones too, but not on unreachable ones. */
  readonly always: readonly TaskNode[];
}

/** A task or a block of them. */
export type TaskNode = Task | Block;

/** One item of `serial`: a count of hosts, or a share of the play's hosts. */
export type SerialStep = { readonly count: number } | { readonly percent: number };

/** In which order a play goes through its hosts. */
export type HostOrder = 'inventory' | 'reverse_inventory' | 'sorted' | 'reverse_sorted' | 'shuffle';

/** One play. */
export interface Play {
  readonly kind: 'play';
  readonly name: string;
  readonly source: Source;
  /** An inventory pattern, may hold templates of extra variables and import variables. */
  readonly hosts: Located<string>;
  readonly serial: Located<SerialSpec>;
  readonly vars: Vars;
  readonly tags: readonly string[];
  readonly tasks: readonly TaskNode[];
  readonly handlers: readonly Task[];
  readonly anyErrorsFatal: boolean;
  /** Percentage of a batch; more than this failed ends the play and the run. */
  readonly maxFailPercentage?: number;
  readonly order: HostOrder;
}

/** `serial` as it stands: steps, or a template that gives them; empty means all at once. */
export type SerialSpec = readonly SerialStep[] | string;

/** An `import_playbook`. The imported file is loaded and validated before anything runs. */
export interface ImportPlaybook {
  readonly kind: 'import';
  readonly name: string;
  readonly source: Source;
  readonly playbook: Playbook;
  readonly when: readonly Condition[];
  readonly vars: Vars;
  readonly tags: readonly string[];
  readonly loop?: Loop;
}

/** A file of plays and imports. */
export interface Playbook {
  readonly file: string;
  readonly entries: readonly (Play | ImportPlaybook)[];
}
