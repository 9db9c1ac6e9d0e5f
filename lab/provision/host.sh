#!/bin/sh
# Makes a Debian host ready for the cluster: the admin user, containerd, the kubelet's unit, the
# pod network's routes. Runs as root, in a VM or in a root file system (chroot); may run twice.
#
#   PAUSE_IMAGE     image of the pod sandbox, as kubeadm names it
#   SYSTEMD_CGROUP  true on a cgroup v2 machine, false on v1
set -eu
: "${PAUSE_IMAGE:?}" "${SYSTEMD_CGROUP:?}"

# An ordinary admin, who is what the inventory logs in as; root is for the lab itself.
id ops >/dev/null 2>&1 || useradd --create-home --shell /bin/bash ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
mkdir -p /etc/ssh/sshd_config.d
cat >/etc/ssh/sshd_config.d/caravan-lab.conf <<'EOF'
PasswordAuthentication no
PermitRootLogin prohibit-password
EOF

mkdir -p /etc/containerd
cat >/etc/containerd/config.toml <<EOF
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # A container without CAP_SYS_RESOURCE may not lower oom_score_adj; runc dies trying.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = $SYSTEMD_CGROUP
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
EOF

# As in Kubernetes' own packages: kubeadm writes the two environment files.
cat >/etc/systemd/system/kubelet.service <<'EOF'
[Unit]
Description=kubelet: the Kubernetes node agent
After=containerd.service network.target
Wants=containerd.service
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
Restart=always
StartLimitInterval=0
RestartSec=2
[Install]
WantedBy=multi-user.target
EOF

# Routes to the pods of the other hosts: /etc/caravan-lab/routes has "CIDR via ADDRESS" a line.
mkdir -p /etc/caravan-lab /usr/local/lib/caravan-lab
cat >/usr/local/lib/caravan-lab/routes <<'EOF'
#!/bin/sh
set -eu
sysctl -qw net.ipv4.ip_forward=1
[ -f /etc/caravan-lab/routes ] || exit 0
while read -r route; do
	# shellcheck disable=SC2086 # words of one route
	ip route replace $route
done </etc/caravan-lab/routes
EOF
chmod 0755 /usr/local/lib/caravan-lab/routes
cat >/etc/systemd/system/caravan-lab-routes.service <<'EOF'
[Unit]
Description=Routes to the pods of the other hosts of the lab
After=network.target
Before=kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/caravan-lab/routes
[Install]
WantedBy=multi-user.target
EOF
systemctl --quiet enable ssh.service containerd.service kubelet.service caravan-lab-routes.service
systemctl --quiet disable haproxy.service
# Nothing of a practice host needs them, and six hosts on two cores feel them.
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer
