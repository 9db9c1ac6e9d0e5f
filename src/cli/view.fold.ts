interface Numbered {
  readonly number: number;
  readonly digits: string;
}

function ranges(members: readonly Numbered[]): string[] {
  const parts: string[] = [];
  let first = 0;
  members.forEach((member, i) => {
    const next = members[i + 1];
    if (next?.number === member.number + 1) return;
    const start = members[first] ?? member;
    parts.push(start === member ? member.digits : `${start.digits}-${member.digits}`);
    first = i + 1;
  });
  return parts;
}

/** The last number of the first label, where that is not all a number: what follows is the site. */
const IN_LABEL = /^((?=[^.]*[^.\d])[^.]*?)(\d+)([^.\d]*(?:\..*)?)$/;
const LAST = /^(.*?)(\d+)(\D*)$/;

/**
 * Host names in short: `web[01-40]`, `db[1,3].dc2.example.com`, `10.0.0.[7-9]`, and those without a
 * number as they are. Names of one group stand together, in the order of the first of each.
 */
export function foldHosts(hosts: readonly string[]): string {
  const groups = new Map<string, { prefix: string; suffix: string; members: Numbered[] }>();
  for (const host of hosts) {
    const match = IN_LABEL.exec(host) ?? LAST.exec(host);
    const [prefix, digits, suffix] =
      match === null ? [host, '', ''] : [match[1] ?? '', match[2] ?? '', match[3] ?? ''];
    // 9 and 10 fold together, 09 and 9 do not.
    const width = digits.startsWith('0') ? digits.length : 0;
    const key = [prefix, suffix, digits === '' ? 'none' : width].join('\0');
    const group = groups.get(key) ?? { prefix, suffix, members: [] };
    groups.set(key, group);
    if (digits !== '') group.members.push({ number: Number(digits), digits });
  }
  return [...groups.values()]
    .map(({ prefix, suffix, members }) => {
      if (members.length === 0) return prefix;
      members.sort((a, b) => a.number - b.number);
      const only = members.length === 1 ? members[0] : undefined;
      if (only !== undefined) return `${prefix}${only.digits}${suffix}`;
      return `${prefix}[${ranges(members).join(',')}]${suffix}`;
    })
    .join(', ');
}
