/*
 * What is replaced of ssh2 (1.17), where it has no option (docs/adr/0011-less-on-the-wire.md).
 */
import type { Client, ParsedKey } from 'ssh2';

/** The parts of ssh2's protocol object that are replaced. */
interface Ssh2Protocol {
  readonly _handlers: {
    GLOBAL_REQUEST: (answerer: Answerer, name: string, wantReply: boolean, data: unknown) => void;
    SERVICE_ACCEPT: (protocol: Ssh2Protocol, name: string) => void;
  };
  service(name: string): void;
  authPK(user: string, key: ParsedKey, algorithm?: string, sign?: Sign): void;
}

interface Answerer {
  requestSuccess(): void;
}

type Sign = (data: Buffer, give: (signature: Buffer) => void) => void;

/**
 * Takes round trips and work out of the login of a client that has just begun to connect.
 * @param isEager whether the first request to log in goes with the one for the service
 */
export function shortenLogin(client: Client, isEager: boolean): void {
  const { _protocol: protocol } = client as unknown as { readonly _protocol: Ssh2Protocol };
  ignoreHostKeyList(protocol);
  signAtOnce(protocol);
  if (isEager) requestAtOnce(protocol);
}

/**
 * After a login sshd names all its host keys, and ssh2 has it prove each one, for an event that
 * nothing here listens to: a signature a key on the host, and as many verifications here, which cost
 * more than the rest of the login.
 */
function ignoreHostKeyList({ _handlers: handlers }: Ssh2Protocol): void {
  const usual = handlers.GLOBAL_REQUEST;
  handlers.GLOBAL_REQUEST = (answerer, name, wantReply, data) => {
    if (name !== 'hostkeys-00@openssh.com') usual(answerer, name, wantReply, data);
    else if (wantReply) answerer.requestSuccess();
  };
}

/** Hashes of the algorithms that name one beside the key's own; SHA-1 is left to ssh2's way. */
const HASHES: Readonly<Record<string, string>> = {
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
};

/**
 * ssh2 asks whether the server would take a key before it signs with it. A signature may come at once
 * (RFC 4252, 7): a round trip less, and less work for both. What an agent holds is asked for as before:
 * signing may need a touch there.
 */
function signAtOnce(protocol: Ssh2Protocol): void {
  const usual = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, sign) => {
    const atOnce: Sign = (data, give) => {
      give(key.sign(data, HASHES[algorithm ?? '']));
    };
    const isOurs = key.isPrivateKey() && algorithm !== 'ssh-rsa';
    usual(user, key, algorithm, sign ?? (isOurs ? atOnce : undefined));
  };
}

/**
 * ssh2 waits until the server has accepted the service of logging in before it sends a request to it.
 * A server reads one after the other, and one that refuses the service disconnects either way: so
 * the request follows at once, as Dropbear's client does it: another round trip less.
 */
function requestAtOnce(protocol: Ssh2Protocol): void {
  const { _handlers: handlers } = protocol;
  const ask = protocol.service.bind(protocol);
  const begin = handlers.SERVICE_ACCEPT;
  handlers.SERVICE_ACCEPT = () => undefined;
  protocol.service = (name) => {
    ask(name);
    begin(protocol, name);
  };
}
