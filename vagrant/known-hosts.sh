#!/bin/sh
# Prints the VMs' host keys as lines of known_hosts, read over Vagrant's own connection to each.
set -eu
cd "$(dirname "$0")"
awk '!/^#/ && NF { print $1, $3 }' hosts.txt | while read -r name address; do
	# Vagrant gives the command a terminal, so lines end with CR.
	keys=$(vagrant ssh "$name" -c 'cat /etc/ssh/ssh_host_*_key.pub' </dev/null | tr -d '\r')
	: "${keys:?"$name gave no host key"}"
	printf '%s\n' "$keys" | while read -r kind key _; do
		printf '%s,%s %s %s\n' "$name" "$address" "$kind" "$key"
	done
done
