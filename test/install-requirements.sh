#!/bin/sh
# Installs what the tests with real parts need, where it is missing. Debian, as root.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || missing="$missing $2"; }
need /usr/sbin/sshd openssh-server
need ssh openssh-client
need sudo sudo
need busybox busybox
need openssl openssl
need unshare util-linux
need tcsh tcsh
need fish fish
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "The tests need:$missing. Run as root: apt-get install -y$missing" >&2
  exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # one word a package
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
