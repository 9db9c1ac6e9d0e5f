import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/values/secret.js';
import type { ProbeClient } from '../../src/evidence/probe.js';

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

/** A CA made by openssl in a folder of its own; `dispose` removes it. */
export class Authority {
  readonly #dir = mkdtempSync(join(tmpdir(), 'caravan-evidence-'));
  readonly certificate: string;

  constructor(name: string) {
    this.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', `/CN=${name}`, '-days', '2', '-keyout', 'ca.key', '-out', 'ca.crt'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    );
    this.certificate = this.path('ca.crt', true);
  }

  leaf(name: string, san = 'IP:127.0.0.1,DNS:kubernetes'): Leaf {
    writeFileSync(this.path(`${name}.ext`), `subjectAltName=${san}\n`);
    this.#openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`],
    );
    this.#openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key'],
      ...['-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
    );
    return { certificate: this.path(`${name}.crt`, true), key: this.path(`${name}.key`, true) };
  }

  /** The path of one of the authority's files, or its text. */
  path(file: string, read = false): string {
    const path = join(this.#dir, file);
    return read ? readFileSync(path, 'utf8') : path;
  }

  dispose(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#dir, stdio: 'pipe' });
  }
}

export function client(name: string, trust: string, leaf?: Leaf): ProbeClient {
  return {
    name,
    trust,
    ...(leaf && { leaf: { certificate: leaf.certificate, key: new Secret(leaf.key) } }),
  };
}
