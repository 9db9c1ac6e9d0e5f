#!/bin/sh
# Joins this host to the cluster as /etc/caravan-lab/kubeadm.yaml says. Runs as root on that host.
set -eu
kubeadm join --config /etc/caravan-lab/kubeadm.yaml
