import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { SealedText, UnsafeText } from './marked-text.js';
import type { InventoryHost } from './inventory.js';

/** Variables of Ansible's ssh and sudo plugins that would change the connection, and why not here. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  ansible_ssh_executable: 'caravan speaks SSH itself',
  ansible_ssh_private_key: 'name a file with ansible_ssh_private_key_file',
  ansible_private_key: 'name a file with ansible_ssh_private_key_file',
  ansible_ssh_private_key_passphrase: 'put the key into ssh-agent',
  ansible_private_key_passphrase: 'put the key into ssh-agent',
  ansible_ssh_pkcs11_provider: 'put the key into ssh-agent',
  ansible_ssh_args: 'use ansible_ssh_common_args',
  ansible_become_exe: 'only sudo is supported',
  ansible_sudo_exe: 'only sudo is supported',
  ansible_become_flags: 'sudo runs with the flags that caravan needs',
  ansible_sudo_flags: 'sudo runs with the flags that caravan needs',
};

const TRUE = ['yes', 'y', 'on', 'true', 't', '1', '1.0'];
const FALSE = ['no', 'n', 'off', 'false', 'f', '0', '0.0', ''];

/** Connection variables of one host, plain templates in them resolved. */
export class ConnectionVars {
  readonly #host: InventoryHost;

  constructor(host: InventoryHost) {
    this.#host = host;
  }

  /** Refuses variables of Ansible's plugins that cannot be honoured. */
  refuseUnsupported(): void {
    for (const [name, reason] of Object.entries(UNSUPPORTED)) {
      if (this.#set(name)) throw this.refuse(name, `not supported: ${reason}`);
    }
    const method = this.text('ansible_become_method');
    if (method !== undefined && !/^(ansible\.builtin\.)?sudo$/.test(method)) {
      throw this.refuse('ansible_become_method', `"${method}" is not supported: only sudo is`);
    }
  }

  /** Text of the last of `names` that is set, as Ansible's plugins choose. */
  text(...names: readonly string[]): string | undefined {
    const name = this.#last(names);
    if (name === undefined) return undefined;
    const value = this.#resolve(this.#host.vars[name], [name]);
    if (value instanceof Secret) return (value as Secret).reveal();
    if (value instanceof UnsafeText) return value.text;
    if (value instanceof SealedText) throw this.#sealed(name);
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
      return String(value);
    }
    throw this.refuse(name, 'is neither text nor a number');
  }

  /** The same, as a number. */
  number(...names: readonly string[]): number | undefined {
    const text = this.text(...names);
    if (text === undefined || /^\s*\d+(\.\d+)?\s*$/.test(text))
      return text === undefined ? text : Number(text);
    throw this.refuse(names.join('/'), `"${text}" is not a number`);
  }

  /** The same, as true or false in any of Ansible's words. */
  flag(...names: readonly string[]): boolean | undefined {
    const text = this.text(...names)?.toLowerCase();
    if (text === undefined) return undefined;
    if (TRUE.includes(text)) return true;
    if (FALSE.includes(text)) return false;
    throw this.refuse(names.join('/'), `"${text}" is neither true nor false`);
  }

  /** The same, as a secret. */
  secret(...names: readonly string[]): Secret | undefined {
    const name = this.#last(names);
    if (name === undefined) return undefined;
    const value = this.#resolve(this.#host.vars[name], [name]);
    if (value instanceof Secret) return value as Secret;
    if (value instanceof SealedText) throw this.#sealed(name);
    return value === '' ? undefined : new Secret(String(value));
  }

  /** An error about one of these variables. */
  refuse(name: string, reason: string, hint?: string): CaravanError {
    return new CaravanError('input', `${name} of ${this.#host.name}: ${reason}`, {
      host: this.#host.name,
      ...(hint !== undefined && { hint }),
    });
  }

  #sealed(name: string): CaravanError {
    return this.refuse(
      name,
      'is encrypted and no vault password was given',
      'Give --vault-password-file FILE.',
    );
  }

  #set(name: string): boolean {
    const value = this.#host.vars[name];
    return value !== undefined && value !== null && value !== '';
  }

  #last(names: readonly string[]): string | undefined {
    return names.filter((name) => this.#set(name)).at(-1);
  }

  /** `chain` names the variables that led here, for errors and against loops. */
  #resolve(value: unknown, chain: readonly string[]): unknown {
    if (typeof value !== 'string' || !/\{[{%#]/.test(value)) return value;
    const [name = ''] = chain;
    const whole = /^\s*\{\{-?\s*([A-Za-z_][\w.]*)\s*-?\}\}\s*$/.exec(value)?.[1];
    if (whole !== undefined) return this.#lookUp(whole, chain);
    const text = value.replace(/\{\{-?\s*([A-Za-z_][\w.]*)\s*-?\}\}/g, (_, path: string) => {
      const part = this.#lookUp(path, chain);
      if (typeof part === 'string' || typeof part === 'number') return String(part);
      throw this.refuse(name, `"${path}" in it is neither text nor a number`);
    });
    if (!/\{[{%#]/.test(text)) return text;
    throw this.refuse(
      name,
      `the template ${value} is not supported in a connection variable: only plain {{ name }} is`,
      'Set the variable to its value.',
    );
  }

  #lookUp(path: string, chain: readonly string[]): unknown {
    const [name = '', ...keys] = path.split('.');
    const steps = [...chain, path];
    if (chain.includes(path))
      throw this.refuse(chain[0] ?? '', `goes round in circles: ${steps.join(' > ')}`);
    let value: unknown = Object.hasOwn(this.#host.vars, name) ? this.#host.vars[name] : undefined;
    for (const key of keys) {
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined;
    }
    if (value !== undefined && value !== null) return this.#resolve(value, steps);
    throw this.refuse(chain[0] ?? '', `"${path}" is not defined: ${steps.join(' > ')}`);
  }
}
