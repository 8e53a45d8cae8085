// SPDX-License-Identifier: LGPL-2.1-only

/** A guest that `bfm guest NAME` makes. */
export interface GuestEntry {
  readonly name: string;
  readonly description: string;
  /** Counts the versions of how the guest is made. One of another version is not used. */
  readonly version: number;
  /** Begins its command line; `--append` adds to it. */
  readonly commandLine: string;
  /** The default of `--memory`, if the guest needs more than others. */
  readonly memory?: string;
  /** Names of the files in its folder of the cache. */
  readonly files: {
    readonly kernel: string;
    readonly initrd: string;
    /** The first disk. */
    readonly disk?: string;
  };
}

/**
 * The kernel's self tests of its ciphers take half of the instructions from power-on to the shell, and test what no guest of a hypervisor researcher
 * depends on.
 */
const COMMAND_LINE = 'console=ttyS0 cryptomgr.notests';

/** All of them, by name. */
export const guestCatalog = {
  debian: {
    name: 'debian',
    description: "Debian's cloud kernel with a busybox shell on the serial console",
    version: 3,
    commandLine: COMMAND_LINE,
    files: { kernel: 'vmlinuz', initrd: 'initrd' },
  },
  'debian-disk': {
    name: 'debian-disk',
    description: 'a minimal Debian on a disk: systemd, gcc, perl and python3; log in as root, without a password',
    version: 2,
    commandLine: `${COMMAND_LINE} root=/dev/vda`,
    memory: '512M',
    files: { kernel: 'vmlinuz', initrd: 'initrd', disk: 'disk.img' },
  },
} as const satisfies Readonly<Record<string, GuestEntry>>;

/** The name of a guest that `bfm guest` makes. */
export type GuestName = keyof typeof guestCatalog;
