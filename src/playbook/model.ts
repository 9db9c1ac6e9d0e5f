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
  /** `loop`, or the plugin behind `with_` (`items`, `dict`, ...). */
  readonly kind: LoopKind;
  /** Where `first_found` looks beside the folders of the task: `files`, `templates` or `vars`. */
  readonly folder?: string;
  /** A list, or an expression that gives one. */
  readonly items: Located;
  /** Variable that holds the item (default `item`). */
  readonly loopVar: string;
  /** Variable that holds the item's index, where asked for. */
  readonly indexVar?: string;
  /** What is shown for an item instead of the item itself. */
  readonly label?: Located;
  /** Whether `ansible_loop` is set, with index, length, first, last, ... */
  readonly extended: boolean;
  /** Seconds between items. */
  readonly pauseSeconds: number;
  /** Ends the loop after the item where all hold. */
  readonly breakWhen: readonly Condition[];
}

/** How the items of a loop are made of what stands there. */
export type LoopKind =
  | 'loop'
  | 'items'
  | 'list'
  | 'flattened'
  | 'dict'
  | 'indexed_items'
  | 'nested'
  | 'together'
  | LookupLoop;

/** Loops over what the lookup of that name gives. */
export type LookupLoop = 'first_found' | 'file' | 'fileglob' | 'subelements';

/** What plays, blocks and tasks may say alike; the innermost wins. */
export interface Keywords {
  readonly become: boolean;
  readonly becomeUser: string;
  /** `sudo` or `su`. */
  readonly becomeMethod: string;
  /** `ssh` or `local`. */
  readonly connection: string;
  readonly remoteUser: string;
  readonly noLog: boolean;
  readonly ignoreErrors: boolean;
  readonly ignoreUnreachable: boolean;
  /** A failure of one host fails all. */
  readonly anyErrorsFatal: boolean;
  readonly runOnce: boolean;
  /** Overrides the run's check mode. */
  readonly checkMode: boolean;
  /** Overrides the run's wish for diffs. */
  readonly diff: boolean;
  /** Hosts of the batch that run a task at the same time (default: forks). */
  readonly throttle: number;
  /** Deadline of one attempt on one host (default: that of the run). */
  readonly timeoutSeconds: number;
}

/** The role that a task belongs to. */
export interface Role {
  readonly name: string;
  /** Its folder on the controller. */
  readonly path: string;
  readonly vars: Vars;
  readonly defaults: Vars;
}

/** One task. What it inherits from blocks and the play (when, tags, vars, become) is merged in. */
export interface Task extends Partial<Keywords> {
  readonly kind: 'task';
  readonly name: string;
  readonly source: Source;
  readonly module: string;
  readonly args: Args;
  /** Keywords whose value a run must resolve, by field. */
  readonly templated: Readonly<Record<string, Located>>;
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  readonly vars: Vars;
  readonly role?: Role;
  /** Folders of the controller where files are looked for, the nearest first. */
  readonly folders: readonly string[];
  /** Mappings for the environment of what runs on the host, outermost first. */
  readonly environment: readonly Located[];
  readonly notify: readonly Located<string>[];
  /** Other names that a handler answers to. */
  readonly listen: readonly string[];
  readonly loop?: Loop;
  readonly register?: string;
  readonly delegateTo?: Located<string>;
  /** Whether facts that a delegated task sets are those of the other host. */
  readonly delegateFacts: boolean;
  readonly changedWhen: readonly Condition[];
  readonly failedWhen: readonly Condition[];
  readonly until: readonly Condition[];
  /** Attempts after the first (default 3 with `until`, else 0). */
  readonly retries?: Located;
  /** Seconds between attempts (default 5). */
  readonly delaySeconds?: Located;
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

/** Tasks that are known when the run gets there: `include_tasks` and `include_role`. */
export interface Include {
  readonly kind: 'include';
  /** The include itself: its conditions, loop, variables and tags. */
  readonly task: Task;
  /** File of tasks, or name of a role; may hold templates. */
  readonly file: Located<string>;
  /** The tasks of a file, validated. Throws a CaravanError of kind `input` at the first mistake. */
  readonly load: (file: string) => Promise<readonly TaskNode[]>;
}

/** A task, a block of them, or an include. */
export type TaskNode = Task | Block | Include;

/** One item of `serial`: a count of hosts, or a share of the play's hosts. */
export type SerialStep = { readonly count: number } | { readonly percent: number };

/** In which order a play goes through its hosts. */
export type HostOrder = 'inventory' | 'reverse_inventory' | 'sorted' | 'reverse_sorted' | 'shuffle';

/** A variable that a play asks for on the terminal. */
export interface Prompt {
  readonly name: string;
  readonly text: string;
  readonly source: Source;
  /** Whether what is typed is not shown; it is a secret then. */
  readonly isPrivate: boolean;
  /** Whether it must be typed twice. */
  readonly confirm: boolean;
  /** Whether braces in the answer are no template. */
  readonly unsafe: boolean;
  /** What nothing typed means. */
  readonly fallback?: string;
}

/** An item of `vars_files` that is found when a host is about to run a task. */
export interface VarsFile {
  readonly source: Source;
  /** Names, which may hold templates: the first whose file is there counts. */
  readonly names: readonly Located<string>[];
  /** Where a name is looked for, as messages show it. */
  readonly places: (name: string) => readonly string[];
  /** The variables of a file; undefined where it is not there. */
  readonly load: (name: string) => Promise<Vars | undefined>;
}

/** One play. */
export interface Play {
  readonly kind: 'play';
  readonly name: string;
  readonly source: Source;
  /** An inventory pattern, may hold templates of extra variables and import variables. */
  readonly hosts: Located<string>;
  readonly serial: Located<SerialSpec>;
  /** `linear`: all hosts of a batch task by task; `free`: each host at its own pace. */
  readonly strategy: 'linear' | 'free';
  readonly vars: Vars;
  /** From the first of `vars_files` whose name is a template on: above `vars`, the last wins. */
  readonly varsFiles: readonly VarsFile[];
  /** What is asked for before the run, in order. */
  readonly prompts: readonly Prompt[];
  /** Variables of the play's roles, which all its tasks see: above and below the others. */
  readonly roles: { readonly vars: Vars; readonly defaults: Vars };
  readonly tags: readonly string[];
  /** `pre_tasks`, roles, `tasks` and `post_tasks`, each followed by its handlers. */
  readonly tasks: readonly TaskNode[];
  readonly handlers: readonly Task[];
  /** Whether hosts that failed run the handlers that they have notified. */
  readonly forceHandlers: boolean;
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
