/** A variable that says how a host is reached, and what may stand in it. */
export interface ConnectionVariable {
  /** Its names; where several are set, the last wins, as in Ansible's plugins. */
  readonly names: readonly string[];
  readonly type: 'text' | 'number' | 'flag' | 'secret';
  /** The values it may have, where they are few. */
  readonly values?: readonly string[];
  /** What it sets, with its default. */
  readonly says: string;
}

/** Variables of Ansible's ssh, local, sudo and su plugins that are honoured, and one of our own. */
export const USED = {
  connection: {
    names: ['ansible_connection'],
    type: 'text',
    values: ['ssh', 'smart', 'local', 'ansible.builtin.ssh', 'ansible.builtin.local'],
    says: 'ssh (default), or local: this machine, without SSH',
  },
  transport: {
    names: ['caravan_transport'],
    type: 'text',
    values: ['auto', 'ssh2', 'openssh'],
    says: "ssh2, the system's openssh, or auto (default): ssh2 unless the host needs openssh",
  },
  address: {
    names: ['ansible_host', 'ansible_ssh_host'],
    type: 'text',
    says: 'name, address or alias of ssh_config to connect to (default: the name of the host)',
  },
  port: {
    names: ['ansible_port', 'ansible_ssh_port'],
    type: 'number',
    says: 'port (default: ssh_config, else 22)',
  },
  user: {
    names: ['ansible_user', 'ansible_ssh_user'],
    type: 'text',
    says: 'user to log in as (default: ssh_config, else the one who runs caravan)',
  },
  keyFile: {
    names: ['ansible_private_key_file', 'ansible_ssh_private_key_file'],
    type: 'text',
    says: 'private key; relative to the working folder, ~ expanded (default: ssh_config, else ssh-agent, ~/.ssh)',
  },
  keyPassphrase: {
    names: ['ansible_private_key_passphrase', 'ansible_ssh_private_key_passphrase'],
    type: 'secret',
    says: 'opens the private key where it is encrypted',
  },
  password: {
    names: ['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password'],
    type: 'secret',
    says: 'password of the login',
  },
  timeout: {
    names: ['ansible_timeout', 'ansible_ssh_timeout'],
    type: 'number',
    says: 'deadline for connecting and logging in, in seconds (default 10)',
  },
  sshArgs: {
    names: ['ansible_ssh_args'],
    type: 'text',
    says: 'arguments of ssh, read before those of ansible_ssh_common_args',
  },
  commonArgs: {
    names: ['ansible_ssh_common_args'],
    type: 'text',
    says: 'arguments of ssh, such as -J bastion or -o KexAlgorithms=...; what is not honoured is refused',
  },
  extraArgs: {
    names: ['ansible_ssh_extra_args'],
    type: 'text',
    says: 'arguments of ssh, read after those of ansible_ssh_common_args',
  },
  hostKeyChecking: {
    names: ['ansible_host_key_checking', 'ansible_ssh_host_key_checking'],
    type: 'flag',
    says: 'true (default); false is refused: anybody on the way could answer for the host',
  },
  become: {
    names: ['ansible_become'],
    type: 'flag',
    says: 'become another user (default false)',
  },
  becomeMethod: {
    names: ['ansible_become_method'],
    type: 'text',
    values: ['sudo', 'su', 'ansible.builtin.sudo', 'ansible.builtin.su', 'community.general.su'],
    says: 'sudo (default) or su',
  },
  becomeUser: {
    names: ['ansible_become_user'],
    type: 'text',
    says: 'user to become (default root)',
  },
  becomePassword: {
    names: ['ansible_become_password', 'ansible_become_pass'],
    type: 'secret',
    says: 'password that sudo or su asks for',
  },
  sudoUser: { names: ['ansible_sudo_user'], type: 'text', says: 'user to become with sudo' },
  sudoPassword: {
    names: ['ansible_sudo_pass'],
    type: 'secret',
    says: 'password that sudo asks for',
  },
  suUser: { names: ['ansible_su_user'], type: 'text', says: 'user to become with su' },
  suPassword: { names: ['ansible_su_pass'], type: 'secret', says: 'password that su asks for' },
  shellType: {
    names: ['ansible_shell_type'],
    type: 'text',
    values: ['sh', 'csh', 'fish'],
    says: 'login shell of the host: any that can start sh',
  },
  shellExecutable: {
    names: ['ansible_shell_executable'],
    type: 'text',
    values: ['/bin/sh', 'sh'],
    says: 'only sh, in which everything runs',
  },
} as const satisfies Readonly<Record<string, ConnectionVariable>>;

/** Variables that would change the connection and are refused, with what to do instead. */
export const REFUSED: Readonly<Record<string, string>> = {
  ansible_ssh_executable: 'the ssh of the search path is run, where one is; remove it',
  ansible_ssh_private_key: 'name a file with ansible_ssh_private_key_file',
  ansible_private_key: 'name a file with ansible_ssh_private_key_file',
  ansible_ssh_pkcs11_provider: 'put the key into ssh-agent: ssh-add -s PROVIDER',
  ansible_su_exe: 'only su of the search path is run; remove it',
  ansible_su_flags: 'su runs with the flags that caravan needs; remove it',
  ansible_become_exe: 'only sudo and su of the search path is run; remove it',
  ansible_sudo_exe: 'only sudo of the search path is run; remove it',
  ansible_become_flags: 'sudo and su run with the flags that caravan needs; remove it',
  ansible_sudo_flags: 'sudo runs with the flags that caravan needs; remove it',
  ansible_sudo_chdir: 'name the folder in the task',
};

const ONE_CONNECTION = 'there is one connection a host, kept for the whole run';
const NO_COPIES = 'files go through that connection';
const NO_PYTHON = 'no Python runs on the host';
const NO_TEMPORARY = 'no program is copied to the host';

/** Variables that Ansible reads to reach a host or run on it and that change nothing here, and why. */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  ansible_control_path: ONE_CONNECTION,
  ansible_control_path_dir: ONE_CONNECTION,
  ansible_pipelining: ONE_CONNECTION,
  ansible_ssh_control_path: ONE_CONNECTION,
  ansible_ssh_pipelining: ONE_CONNECTION,
  ansible_ssh_retries: 'a step whose connection was lost is not blindly run again',
  ansible_ssh_use_tty: 'steps never have a terminal',
  ansible_su_prompt_l10n: 'su asks in the C locale',
  ansible_ssh_verbosity: 'caravan speaks SSH itself',
  ansible_ssh_password_mechanism: 'caravan speaks SSH itself',
  ansible_sshpass_prompt: 'caravan speaks SSH itself',
  ansible_scp_executable: NO_COPIES,
  ansible_scp_extra_args: NO_COPIES,
  ansible_scp_if_ssh: NO_COPIES,
  ansible_sftp_batch_mode: NO_COPIES,
  ansible_sftp_executable: NO_COPIES,
  ansible_sftp_extra_args: NO_COPIES,
  ansible_ssh_transfer_method: NO_COPIES,
  ansible_facts_modules: NO_PYTHON,
  ansible_interpreter_python_fallback: NO_PYTHON,
  ansible_module_compression: NO_PYTHON,
  ansible_no_target_syslog: NO_PYTHON,
  ansible_python_interpreter: NO_PYTHON,
  ansible_python_module_rlimit_nofile: NO_PYTHON,
  ansible_target_log_info: NO_PYTHON,
  ansible_admin_users: NO_TEMPORARY,
  ansible_async_dir: NO_TEMPORARY,
  ansible_common_remote_group: NO_TEMPORARY,
  ansible_remote_tmp: NO_TEMPORARY,
  ansible_shell_allow_world_readable_temp: NO_TEMPORARY,
  ansible_system_tmpdirs: NO_TEMPORARY,
  ansible_local_become_strip_preamble: 'sudo on this machine is run as on any host',
  ansible_local_become_success_timeout: 'sudo on this machine is run as on any host',
  ansible_deprecation_warnings: 'there are none',
};
