#!/bin/sh
# Makes a Debian VM a host of the lab with the scripts that its containers are made with, and has it
# form or join the cluster. Runs as root in the VM; may run twice.
#
#   $1 name of this host in hosts.txt
#   $2 folder of what Vagrant uploaded: binaries/, provision/, haproxy.cfg, hosts.txt, join.env;
#      removed at the end
set -eu
name=$1 from=$2
kubeadm_file=/etc/caravan-lab/kubeadm.yaml
formed=/etc/caravan-lab/formed

# Column $2 of host $1.
column() {
	awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$from/hosts.txt"
}
# Names of the hosts that have role $1.
with_role() {
	awk -v role="$1" '!/^#/ && $2 == role { print $1 }' "$from/hosts.txt"
}
role=$(column "$name" 2) address=$(column "$name" 3) pods=$(column "$name" 4)
: "${role:?no host $name in hosts.txt}" "${address:?}" "${pods:?}"

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	# A fresh box may be in the middle of an update of its own.
	set -- -qq --yes -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold
	apt-get "$@" update
	xargs apt-get "$@" install --no-install-recommends <"$from/provision/packages.txt"
}

install_binaries() {
	for program in kubelet kubeadm kubectl; do
		file=$from/binaries/$program
		# The release's .sha256 files hold the digest alone.
		printf '%s  %s\n' "$(cut -c 1-64 "$file.sha256")" "$file" | sha256sum --check --quiet
		install -m 0755 "$file" /usr/local/bin/
	done
}

# kubeadm looks all node names up.
write_etc_hosts() {
	{
		printf '127.0.0.1 localhost\n::1 localhost\n'
		awk '!/^#/ && NF { print $3, $1 }' "$from/hosts.txt"
	} >/etc/hosts
}

# The box's user has the key that Vagrant made for this VM; the inventory's user gets the same.
install_ops_key() {
	install -d -m 0700 -o ops -g ops ~ops/.ssh
	install -m 0600 -o ops -g ops ~vagrant/.ssh/authorized_keys ~ops/.ssh/authorized_keys
}

# host.sh is written for a root file system that does not run; here its services do already.
apply_now() {
	systemctl daemon-reload
	systemctl reload ssh.service
	systemctl stop apt-daily.timer apt-daily-upgrade.timer
	[ "$role" = balancer ] && return
	systemctl stop haproxy.service
	systemctl restart containerd.service
}

connect_pods() {
	awk -v name="$name" '!/^#/ && NF && $4 != "-" && $1 != name { print $4, "via", $3 }' \
		"$from/hosts.txt" >"$from/routes"
	sh "$from/provision/pod-network.sh" "$pods" <"$from/routes"
}

set_balancer_up() {
	awk 'NR == FNR { if ($2 == "control_plane") servers = servers "  server " $1 " " $3 ":6443\n"; next }
		$0 == "@SERVERS@" { printf "%s", servers; next }
		{ print }' "$from/hosts.txt" "$from/haproxy.cfg" >"$from/haproxy.rendered"
	sh "$from/provision/balancer.sh" <"$from/haproxy.rendered"
}

# As in src/lab/kubeadm.ts. A VM's first address is its provider's, the same in each VM, so the
# kubelet is told which is its own.
node_registration() {
	cat <<YAML
nodeRegistration:
  name: $name
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
    - { name: node-ip, value: "$address" }
  ignorePreflightErrors: [NumCPU, Mem, Swap, FileContent--proc-sys-net-bridge-bridge-nf-call-iptables]
YAML
}

# Pods' addresses are those of hosts.txt, so the controller manager hands none out.
init_configuration() {
	cat <<YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
  - { token: "$TOKEN", ttl: 24h0m0s }
certificateKey: "$CERTIFICATE_KEY"
localAPIEndpoint: { advertiseAddress: "$address", bindPort: 6443 }
$(node_registration)
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: caravan-lab
kubernetesVersion: $version
controlPlaneEndpoint: $endpoint
networking: { podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12 }
controllerManager:
  extraArgs:
    - { name: allocate-node-cidrs, value: "false" }
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
failSwapOn: false
YAML
}

# The CA is not known before the first host has made it. What stands for it is the token, which signs
# the cluster's CA in the ConfigMap cluster-info and which only these VMs have; so the digest of its
# key, meant for tokens that many people have, is left out.
join_configuration() {
	cat <<YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: $endpoint
    token: "$TOKEN"
    unsafeSkipCAVerification: true
$(node_registration)
YAML
	[ "$role" = control_plane ] || return 0
	cat <<YAML
controlPlane:
  certificateKey: "$CERTIFICATE_KEY"
  localAPIEndpoint: { advertiseAddress: "$address", bindPort: 6443 }
YAML
}

form_or_join() {
	[ -e "$formed" ] && return
	# shellcheck source=/dev/null # TOKEN and CERTIFICATE_KEY, made by the Vagrantfile
	. "$from/join.env"
	endpoint=$(column "$(with_role balancer)" 3):6443
	script=join configuration=join_configuration
	if [ "$name" = "$(with_role control_plane | head -n 1)" ]; then
		script=control-plane-init configuration=init_configuration
	fi
	(umask 077 && "$configuration" >"$kubeadm_file")
	sh "$from/provision/$script.sh"
	: >"$formed"
}

install_packages
install_binaries
write_etc_hosts
version=$(kubeadm version -o short)
PAUSE_IMAGE=$(kubeadm config images list --kubernetes-version "$version" | grep /pause:)
# Debian 12 boots with cgroup v2.
PAUSE_IMAGE=$PAUSE_IMAGE SYSTEMD_CGROUP=true sh "$from/provision/host.sh"
install_ops_key
apply_now
connect_pods
if [ "$role" = balancer ]; then set_balancer_up; else form_or_join; fi
rm -rf "$from"
