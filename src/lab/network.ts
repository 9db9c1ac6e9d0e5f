import { CaravanError } from '../values/error.js';
import { BRIDGE, CONTROLLER_ADDRESS, NETWORK, PREFIX } from './layout.js';
import { program, tryProgram } from './program.js';
import type { LabContext, LabHost } from './types.js';

interface Link {
  readonly ifname: string;
}

/** Names of the lab's network namespaces that are there. */
export async function labNamespaces(ctx: LabContext): Promise<string[]> {
  const text = await program(ctx, ['ip', 'netns', 'list']);
  return text
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(PREFIX));
}

/** Names of the lab's bridge and links that are there, on this machine's side. */
export async function labLinks(ctx: LabContext): Promise<string[]> {
  const links = JSON.parse(await program(ctx, ['ip', '-json', 'link', 'show'])) as Link[];
  return links.map((link) => link.ifname).filter((name) => name.startsWith(PREFIX));
}

/**
 * The bridge, with this machine on it.
 * @throws CaravanError of kind input where another network of this machine has the addresses
 */
export async function makeBridge(ctx: LabContext): Promise<void> {
  if ((await labLinks(ctx)).includes(BRIDGE)) return;
  const taken = (await program(ctx, ['ip', 'route', 'show', 'root', NETWORK])).trim();
  if (taken !== '') {
    throw new CaravanError(
      'input',
      `needed ${NETWORK} for the lab; found a route there: ${taken}`,
      {
        hint: 'remove that network (podman makes one there) and try again',
      },
    );
  }
  await ip(ctx, `link add ${BRIDGE} type bridge`);
  await ip(ctx, `address add ${CONTROLLER_ADDRESS}/24 dev ${BRIDGE}`);
  await ip(ctx, `link set ${BRIDGE} up`);
}

/** A host's own network namespace and its link to the bridge; what is there already stays. */
export async function makeNamespace(ctx: LabContext, host: LabHost): Promise<void> {
  const name = PREFIX + host.name;
  if ((await labNamespaces(ctx)).includes(name)) return;
  // Built under the name only when whole: a namespace without its link would look finished.
  await ip(ctx, `link add ${name} type veth peer name ${name}-in`).catch(async () => {
    await ip(ctx, `link delete ${name}`);
    await ip(ctx, `link add ${name} type veth peer name ${name}-in`);
  });
  await ip(ctx, `link set ${name} master ${BRIDGE} up`);
  await ip(ctx, `netns add ${name}`);
  await ip(ctx, `link set ${name}-in netns ${name} name eth0`);
  await ip(ctx, `-n ${name} link set lo up`);
  await ip(ctx, `-n ${name} address add ${host.address}/24 dev eth0`);
  await ip(ctx, `-n ${name} link set eth0 up`);
  await ip(ctx, `-n ${name} route add default via ${CONTROLLER_ADDRESS}`);
}

/** Removes all namespaces, links and the bridge of the lab. */
export async function removeNetwork(ctx: LabContext): Promise<void> {
  for (const name of await labNamespaces(ctx)) await ip(ctx, `netns delete ${name}`);
  for (const name of await labLinks(ctx)) await tryProgram(ctx, ['ip', 'link', 'delete', name]);
}

async function ip(ctx: LabContext, words: string): Promise<void> {
  await program(ctx, ['ip', ...words.split(' ')]);
}
