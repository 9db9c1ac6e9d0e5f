#!/bin/sh
# Becomes a host of the lab: goes into a cgroup of its own, then is systemd-nspawn.
#
#   $1 name of the host (its network namespace is cvn-NAME)   $2 its folder: merged/, containerd/,
#   kubelet/ and etcd/
#
# cgroup v1 (checked): a folder cvn/NAME in every hierarchy, because nspawn with --keep-unit boots
# systemd in the cgroup that it is started in. cgroup v2 under systemd (written from its manual, not
# checked): a delegated scope.
set -eu
name=$1 dir=$2

enter() {
	mkdir -p "$1/cvn/$name"
	if [ -e "$1/cpuset.cpus" ]; then
		for folder in "$1/cvn" "$1/cvn/$name"; do
			cat "$1/cpuset.cpus" >"$folder/cpuset.cpus"
			cat "$1/cpuset.mems" >"$folder/cpuset.mems"
		done
	fi
	echo $$ >"$1/cvn/$name/cgroup.procs"
}

scope=
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
	if [ -d /run/systemd/system ]; then
		scope="systemd-run --quiet --scope --property=Delegate=yes --unit=cvn-$name"
	else
		enter /sys/fs/cgroup
	fi
else
	for hierarchy in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts); do
		enter "$hierarchy"
	done
fi

export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1
# shellcheck disable=SC2086 # words of the prefix
exec $scope systemd-nspawn --quiet --settings=no --boot --console=read-only \
	--register=no --keep-unit --machine="cvn-$name" --hostname="$name" --directory="$dir/merged" \
	--network-namespace-path="/run/netns/cvn-$name" --resolv-conf=off --timezone=off \
	--link-journal=no --capability=all --system-call-filter='add_key keyctl bpf' \
	--bind=/dev/kmsg \
	--bind="$dir/containerd:/var/lib/containerd" \
	--bind="$dir/kubelet:/var/lib/kubelet" \
	--bind="$dir/etcd:/var/lib/etcd"
