// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** IN and OUT. SDM 1 "Input/Output". */
export interface PortIo {
  inb(port: number): number;
  inw(port: number): number;
  ind(port: number): number;
  outb(port: number, value: number): void;
  outw(port: number, value: number): void;
  outd(port: number, value: number): void;
}
export const PortIo = component<PortIo>('bareflank.intrinsics.PortIo', 'vmm');
