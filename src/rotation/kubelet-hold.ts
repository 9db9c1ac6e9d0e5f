import type { ModuleContext } from '../modules/module.js';
import { joinScripts, sh, type Script } from '../values/shell.js';

/** Where connections to kubelets are held: `to` the kubelet of a host, or `from` a host to others'. */
export type HoldSide = 'to' | 'from';

/** Whether connections could be held; if not, why. */
export type Held = 'held' | 'not held: no iptables on the host';

/** A hold that nobody ends, since the controller is gone, ends by itself after this. */
const LONGEST_SECONDS = 30;

/** How long a moment without traffic is waited for, in tenths of a second. */
const PATIENCE = 100;

const NEW = sh`-p tcp --dport 10250 --syn`;

/** From a host to the kubelet of the same host. */
const TO_OWN = sh`OUTPUT ${NEW} -o lo -j DROP`;

/**
 * What is held, for iptables and ip6tables. A first packet that is dropped is sent again by the
 * kernel of the other side after 1 s and 3 s (RFC 6298): its call is late instead of refused.
 */
const RULES: Readonly<Record<HoldSide, { readonly v4: Script[]; readonly v6: Script[] }>> = {
  to: {
    v4: [sh`INPUT ${NEW} ! -d 127.0.0.0/8 -j DROP`],
    v6: [sh`INPUT ${NEW} ! -d ::1 -j DROP`],
  },
  from: {
    v4: [TO_OWN, sh`OUTPUT ${NEW} ! -o lo -j DROP`],
    v6: [TO_OWN, sh`OUTPUT ${NEW} ! -o lo -j DROP`],
  },
};

const PATH = sh`PATH=$PATH:/usr/sbin:/sbin`;

function each(side: HoldSide, line: (program: Script, rule: Script) => Script): Script {
  const { v4, v6 } = RULES[side];
  return joinScripts([
    ...v4.map((rule) => line(sh`iptables`, rule)),
    ...v6.map((rule) => line(sh`ip6tables`, rule)),
  ]);
}

const release = (side: HoldSide): Script =>
  each(side, (program, rule) => sh`while ${program} -w -D ${rule} 2>/dev/null; do :; done`);

/** Ends the hold `from` a host for its own kubelet alone. */
export const letOwnThrough = sh`${PATH}
for program in iptables ip6tables; do
  while $program -w -D ${TO_OWN} 2>/dev/null; do :; done
done; true`;

/**
 * Runs `work` while new connections to kubelets wait: between the end of a kubelet and its next
 * start nobody is refused, and what closes connections under kube-apiserver closes fewer. The
 * rule is two lines of iptables; a timer of systemd on the host takes them away should this
 * process not come to it. Without iptables, `work` runs all the same.
 */
export async function withKubeletsHeld<T>(
  side: HoldSide,
  { connection, signal }: ModuleContext,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const unit = `caravan-release-${side}`;
  const begun = await connection.run(
    sh`${PATH}
command -v iptables >/dev/null && command -v systemd-run >/dev/null || exit 0
systemctl stop ${unit}.timer 2>/dev/null
systemd-run --quiet --collect --unit=${unit} --on-active=${LONGEST_SECONDS} --timer-property=AccuracySec=1s sh -c ${release(side).text} || exit 0
${each(side, (program, rule) => sh`${program} -w -I ${rule} && echo held`)}
true`,
    { become: true, signal },
  );
  const held = begun.stdout.includes('held');
  try {
    return await work(held ? 'held' : 'not held: no iptables on the host');
  } finally {
    // Also after Ctrl-C: what leaves a receipt is not cancelled.
    await connection.run(sh`${PATH}\n${release(side)}\nsystemctl stop ${unit}.timer; true`, {
      become: true,
      once: true,
    });
  }
}

/**
 * Waits, at most ten seconds, until nothing was sent or received for 800 ms on any connection of
 * the host that `filter` (of ss, iproute2) names: a call under way is seen so, connections that
 * are kept for later ones and long, silent sessions are not; a process that is being started in a
 * container is silent for some 100 ms, on a busy machine for longer. Without ss nothing is waited for.
 */
export function quietMoment(filter: string): Script {
  return sh`tries=${PATIENCE}
while [ $tries -gt 0 ] &&
  ss -tinHO state established ${filter} 2>/dev/null | grep -qEv 'lastsnd:([89][0-9]{2}|[0-9]{4,}) .*lastrcv:([89][0-9]{2}|[0-9]{4,})'
do
  tries=$((tries - 1))
  sleep 0.1
done`;
}
