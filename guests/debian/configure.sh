#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only
# The first process of the first boot of `debian-disk`: finishes the installation of the unpacked packages, as debootstrap's second stage does.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
# A file of the disk that is open keeps the disk from becoming read-only at the end.
if [ "$0" != /run/configure ]; then
  mount -t tmpfs run /run
  cp "$0" /run/configure
  rm "$0"
  exec /run/configure
fi
end() {
  echo "debian-disk: $1"
  mount -o remount,ro / || echo 'debian-disk: the disk is not clean'
  poweroff -f
}
[ "$(stat -c %u /usr/bin/su)" = 0 ] || end 'the files do not belong to root'
dpkg --force-unsafe-io --configure -a || end 'dpkg failed'
passwd -d root >/dev/null || end 'root has a password'
depmod || end 'the modules of the kernel cannot be listed'
end 'configured'
