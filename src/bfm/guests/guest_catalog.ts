// SPDX-License-Identifier: LGPL-2.1-only

/** A guest that `bfm guest NAME` makes. */
export interface GuestEntry {
  readonly name: string;
  readonly description: string;
  /** Counts the versions of how the guest is made. One of another version is not used. */
  readonly version: number;
  /** Begins its command line; `--append` adds to it. */
  readonly commandLine: string;
  /** Names of the files in its folder of the cache. */
  readonly files: {
    readonly kernel: string;
    readonly initrd: string;
  };
}

/** All of them, by name. */
export const guestCatalog: Readonly<Record<string, GuestEntry>> = {
  debian: {
    name: 'debian',
    description: "Debian's cloud kernel with a busybox shell on the serial console",
    version: 1,
    commandLine: 'console=ttyS0',
    files: { kernel: 'vmlinuz', initrd: 'initrd' },
  },
};
