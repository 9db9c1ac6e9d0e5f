import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { type ConnectionVariable, REFUSED } from './connection-catalogue.js';
import type { InventoryHost } from './inventory.js';
import { SealedText, UnsafeText } from './marked-text.js';

const TRUE = ['yes', 'y', 'on', 'true', 't', '1', '1.0'];
const FALSE = ['no', 'n', 'off', 'false', 'f', '0', '0.0', ''];

/** Connection variables of one host, its templates resolved already. */
export class ConnectionVars {
  readonly #host: Pick<InventoryHost, 'name' | 'vars'>;

  constructor(host: Pick<InventoryHost, 'name' | 'vars'>) {
    this.#host = host;
  }

  /** Refuses variables of Ansible's plugins that cannot be honoured. */
  refuseUnsupported(): void {
    for (const [name, reason] of Object.entries(REFUSED)) {
      if (this.#isSet(name)) throw this.refuse(name, `not supported: ${reason}`);
    }
  }

  /** Text of a variable; undefined where it is not set. Refuses a value that it may not have. */
  text(variable: ConnectionVariable): string | undefined {
    const name = this.#nameOf(variable);
    if (name === undefined) return undefined;
    const value = this.#get(name);
    const text = value instanceof Secret ? (value as Secret).reveal() : value;
    if (typeof text !== 'string' && !['number', 'bigint', 'boolean'].includes(typeof text))
      throw this.refuse(name, 'is neither text nor a number');
    if (String(text).includes('\0')) throw this.refuse(name, 'has a NUL character');
    const { values } = variable;
    if (values !== undefined && !values.includes(String(text)))
      throw this.refuse(
        name,
        `"${String(value)}" is not supported: only ${values.filter((one) => !one.includes('builtin')).join(', ')}`,
      );
    return String(text);
  }

  /** The same, as a number. */
  number(variable: ConnectionVariable): number | undefined {
    const text = this.text(variable);
    if (text === undefined || /^\s*\d+(\.\d+)?\s*$/.test(text))
      return text === undefined ? text : Number(text);
    throw this.refuse(this.#nameOf(variable) ?? '', `"${text}" is not a number`);
  }

  /** The same, as true or false in any of Ansible's words. */
  flag(variable: ConnectionVariable): boolean | undefined {
    const text = this.text(variable)?.toLowerCase();
    if (text === undefined) return undefined;
    if (TRUE.includes(text)) return true;
    if (FALSE.includes(text)) return false;
    throw this.refuse(this.#nameOf(variable) ?? '', `"${text}" is neither true nor false`);
  }

  /** The same, as a secret. */
  secret(variable: ConnectionVariable): Secret | undefined {
    const text = this.text(variable);
    return text === undefined ? undefined : new Secret(text);
  }

  /** An error about one of these variables. */
  refuse(name: string, reason: string, hint?: string): CaravanError {
    return new CaravanError('input', `${name} of ${this.#host.name}: ${reason}`, {
      host: this.#host.name,
      ...(hint !== undefined && { hint }),
    });
  }

  /** An error about the name under which a variable is set. */
  refuseVariable(variable: ConnectionVariable, reason: string, hint?: string): CaravanError {
    return this.refuse(this.#nameOf(variable) ?? '', reason, hint);
  }

  #get(name: string): unknown {
    const value = this.#read(name);
    if (value instanceof UnsafeText) return value.text;
    if (!(value instanceof SealedText)) return value;
    throw this.refuse(
      name,
      'is encrypted and no vault password was given',
      'Give --vault-password-file FILE or --ask-vault-pass.',
    );
  }

  /** Reading may resolve a template, which may fail. */
  #read(name: string): unknown {
    try {
      return this.#host.vars[name];
    } catch (thrown) {
      if (!(thrown instanceof CaravanError)) throw thrown;
      throw this.refuse(name, thrown.message, thrown.detail.hint);
    }
  }

  #isSet(name: string): boolean {
    const value = this.#read(name);
    return value !== undefined && value !== null && value !== '';
  }

  #nameOf({ names }: ConnectionVariable): string | undefined {
    return names.filter((name) => this.#isSet(name)).at(-1);
  }
}
