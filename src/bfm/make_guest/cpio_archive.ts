// SPDX-License-Identifier: LGPL-2.1-only
// The "new ASCII" format of cpio, which Linux reads as an initial RAM disk (Documentation/driver-api/early-userspace/buffer-format.rst).

const MAGIC = '070701';
const FOLDER = 0o040000;
const FILE = 0o100000;
const TRAILER = 'TRAILER!!!';
const ALIGNMENT = 4;

/** An archive of folders and files of root. It has no times, so equal contents give equal bytes. */
export class CpioArchive {
  private readonly parts: Buffer[] = [];
  private readonly folders = new Set<string>();
  private entries = 0;

  /** Adds a folder, and the folders that it is in. */
  folder(path: string): void {
    if (path === '' || this.folders.has(path)) return;
    this.folder(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    this.folders.add(path);
    this.entry(path, FOLDER | 0o755, Buffer.alloc(0));
  }

  /** Adds a file, and the folders that it is in. */
  file(path: string, content: string | Uint8Array, mode = 0o644): void {
    this.folder(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    this.entry(path, FILE | mode, Buffer.from(content));
  }

  /** The whole archive. */
  bytes(): Buffer {
    return Buffer.concat([...this.parts, ...CpioArchive.padded(this.header(TRAILER, 0, 0, 0))]);
  }

  private entry(path: string, mode: number, content: Buffer): void {
    this.entries++;
    this.parts.push(...CpioArchive.padded(this.header(path, this.entries, mode, content.length)));
    this.parts.push(...CpioArchive.padded(content));
  }

  /** The 13 fields of a header, in eight hexadecimal digits each, and the name. */
  private header(name: string, inode: number, mode: number, bytes: number): Buffer {
    const owner = [0, 0];
    const links = 1;
    const time = 0;
    const devices = [0, 0, 0, 0];
    const check = 0;
    const nameBytes = Buffer.byteLength(name) + 1;
    const fields = [inode, mode, ...owner, links, time, bytes, ...devices, nameBytes, check];
    return Buffer.from(`${MAGIC}${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`);
  }

  private static padded(bytes: Buffer): Buffer[] {
    return [bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)];
  }
}
