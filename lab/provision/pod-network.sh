#!/bin/sh
# Gives this host's pods their network. Runs as root on each host; the balancer has no pods and
# only gets the routes.
#
#   $1     this host's pod CIDR, or - for none
#   stdin  routes to the other hosts' pods, "CIDR via ADDRESS" a line
#
# Each pod hangs on a link of its own (ptp), not on a bridge: without br_netfilter, an answer from
# a pod to its neighbour would cross a bridge unseen by kube-proxy's rules.
set -eu
mkdir -p /etc/caravan-lab
cat >/etc/caravan-lab/routes
/usr/local/lib/caravan-lab/routes
[ "$1" = - ] && exit 0
mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/.10-lab.conflist <<EOF
{
  "cniVersion": "0.4.0",
  "name": "lab",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "$1" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
EOF
mv /etc/cni/net.d/.10-lab.conflist /etc/cni/net.d/10-lab.conflist
