#!/bin/sh
# Makes what all hosts of a lab share, once: over the bare Debian root file system, runs
# provision/host.sh, and imports the images into a containerd folder that each host gets a copy of.
#
#   $1 bare root file system   $2 folder with layer/ (changes to it), containerd/ and images/
#   $3 folder of this script
#
# Runs in a mount namespace of its own (unshare --mount), so that its mounts end with it.
set -eu
rootfs=$1 made=$2 here=$3
root=$made/root
mount --make-rprivate /
mkdir -p "$root" "$made/work"
mount -t overlay overlay -o "lowerdir=$rootfs,upperdir=$made/layer,workdir=$made/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/var/lib/containerd" "$root/mnt"

chroot "$root" sh -s <"$here/../provision/host.sh"

install -m 0755 "$here/container-mounts.sh" "$root/usr/local/lib/caravan-lab/container-mounts"
cat >"$root/etc/systemd/system/caravan-lab-mounts.service" <<'EOF'
[Unit]
Description=Writable kernel settings and cgroups, as on a machine of its own
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/caravan-lab/container-mounts
[Install]
WantedBy=sysinit.target
EOF
chroot "$root" systemctl --quiet enable caravan-lab-mounts.service
# Most kernel settings are the machine's, and not the host's to set.
chroot "$root" systemctl --quiet mask systemd-sysctl.service
# Each host gets its own.
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"

mount --bind "$made/containerd" "$root/var/lib/containerd"
mount --bind "$made/images" "$root/mnt"
chroot "$root" containerd --log-level error >"$made/containerd.log" 2>&1 &
daemon=$!
trap 'kill "$daemon" 2>/dev/null || true; wait "$daemon" || true' EXIT
tries=0
until chroot "$root" ctr version >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || { cat "$made/containerd.log" >&2; exit 1; }
	sleep 0.1
done
for archive in "$made"/images/*.tar; do
	echo "import ${archive##*/}"
	chroot "$root" ctr --namespace k8s.io images import "/mnt/${archive##*/}" >/dev/null
done
