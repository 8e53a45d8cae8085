#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-only
# The first process of the guest `debian`. With root=DEVICE on the command line it starts the system of that disk, as Debian's own RAM disk does.
# Without it, busybox init gives a shell on the serial port (/etc/inittab).
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
hostname -F /etc/hostname
while read -r module; do modprobe "$module"; done </etc/modules

root= next=/sbin/init access=rw
for word in $(cat /proc/cmdline); do
  case $word in
  root=*) root=${word#root=} ;;
  init=*) next=${word#init=} ;;
  ro | rw) access=$word ;;
  esac
done
[ -z "$root" ] && exec init
if mount -o "$access" "$root" /newroot; then
  umount /dev/pts
  for each in dev proc sys; do mount --move /$each /newroot/$each; done
  exec switch_root /newroot "$next"
fi
echo "init: $root cannot be mounted as the root; this is the shell of the RAM disk"
exec init
