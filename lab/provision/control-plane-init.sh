#!/bin/sh
# Makes the first control plane from /etc/caravan-lab/kubeadm.yaml. Runs as root on that host.
set -eu
kubeadm init --config /etc/caravan-lab/kubeadm.yaml --upload-certs
