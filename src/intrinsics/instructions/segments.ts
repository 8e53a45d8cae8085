// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** The segment registers, in the SDM's order of encoding. */
export const segmentNames = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;

/** A segment register. */
export type SegmentName = (typeof segmentNames)[number];

/** A table register: linear base and limit in bytes. */
export interface TableRegister {
  readonly base: bigint;
  readonly limit: number;
}

/** Segment selectors and descriptor-table registers of the executing processor. SDM 3A "Protected-Mode Memory Management". */
export interface Segments {
  readSelector(segment: SegmentName): number;
  /** MOV, LLDT or LTR; CS is loaded as by a far return to the next instruction. */
  writeSelector(segment: SegmentName, selector: number): void;
  sgdt(): TableRegister;
  lgdt(table: TableRegister): void;
  sidt(): TableRegister;
  lidt(table: TableRegister): void;
}
export const Segments = component<Segments>('bareflank.intrinsics.Segments', 'vmm');
