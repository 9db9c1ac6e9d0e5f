#!/bin/sh
# Inside a host that is a systemd-nspawn container: gives it what a VM has by itself. nspawn mounts
# /sys, /proc/sys and the cgroups read-only, and the kubelet writes to all three.
set -eu
mount --make-rshared /
awk '$2 == "/sys" || $2 ~ "^/sys/fs/cgroup" || $2 ~ "^/proc/sys(/|$)" { print $2 }' /proc/mounts |
	while read -r place; do
		mount -o remount,bind,rw "$place" 2>/dev/null || mount -o remount,rw "$place" 2>/dev/null || true
	done
[ -e /dev/kmsg ] || ln -s /dev/null /dev/kmsg
