// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** The debug ring in memory: epos, spos (8 bytes each), tag 1, 32768 bytes of buffer, tag 2. */
export const DebugRingTag = {
  tag1: 0xdb60db60db60db60n,
  tag2: 0x06bd06bd06bd06bdn,
} as const;

/** The last messages of a vCPU, readable after it died. */
export interface DebugRing {
  /** Stores a string; the oldest whole strings are dropped. Empty strings and those of 32768 bytes or more are dropped. */
  write(text: string): void;
  /** All strings in the ring, oldest first, without their NULs. */
  read(): string;
  /** The ring as it is in memory: epos, spos, tag, 32768 bytes, tag. */
  readonly memory: Uint8Array;
}
export const DebugRing = component<DebugRing>('bareflank.DebugRing', 'vcpu');
