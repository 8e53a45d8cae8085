// SPDX-License-Identifier: LGPL-2.1-only
// An initial RAM disk for Linux: a cpio archive in the format "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

const regularFile = 0o100755;
const folder = 0o040755;
const consoleDevice = { mode: 0o020600, major: 5, minor: 1 } as const;

interface Entry {
  readonly mode: number;
  readonly contents?: Buffer;
  readonly major?: number;
  readonly minor?: number;
}

const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc(-data.length & 3)]);

function record(
  name: string,
  inode: number,
  { mode, contents = Buffer.alloc(0), major = 0, minor = 0 }: Entry,
): Buffer {
  const nameSize = name.length + 1;
  // Inode, mode, owner, group, links, time, size, device (2), device of a special file (2), size of the name, checksum.
  const fields = [inode, mode, 0, 0, 1, 0, contents.length, 0, 0, major, minor, nameSize, 0];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header, 'latin1')), padded(contents)]);
}

/** A RAM disk with these files, which are all executable, their folders, and /dev/console. */
export function ramDisk(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const entries = new Map<string, Entry>();
  const addFolders = (path: string): void => {
    const at = path.lastIndexOf('/');
    if (at < 0 || entries.has(path.slice(0, at))) return;
    addFolders(path.slice(0, at));
    entries.set(path.slice(0, at), { mode: folder });
  };
  const add = (path: string, entry: Entry): void => {
    addFolders(path);
    entries.set(path, entry);
  };
  add('dev/console', consoleDevice);
  for (const [path, contents] of Object.entries(files))
    add(path, { mode: regularFile, contents: Buffer.from(contents as Buffer) });
  const records = [...entries].map(([name, entry], i) => record(name, i + 1, entry));
  return Buffer.concat([...records, record('TRAILER!!!', 0, { mode: 0 })]);
}
