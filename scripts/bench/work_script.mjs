// SPDX-License-Identifier: LGPL-2.1-only

/** What the shell of the guest `debian` shows when it waits for a command. */
export const SHELL_PROMPT = ':/# ';

/** What a shell does: processes, pipes, files, arithmetic, compression and sums. Several may do it side by side. */
export const WORK_SCRIPT = [
  'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done',
  'for i in 1 2 3 4 5 6 7 8 9 10; do ls -lR /sys/devices/system | sort | md5sum >/dev/null; done',
  'z=$(mktemp); dd if=/dev/zero of=$z bs=64k count=256 2>/dev/null; gzip -1 <$z | md5sum; rm $z',
  'cat /bin/busybox /bin/busybox | gzip -6 | gunzip | sha256sum',
].join('; ');

/** What WORK_DONE_COMMAND prints. */
export const WORK_DONE = 'work is done';

/** The quotes keep the echo of the line from being taken for the end. */
export const WORK_DONE_COMMAND = "echo 'work' 'is done'";
