// SPDX-License-Identifier: LGPL-2.1-only
import { component } from './component.js';

/** RDMSR and WRMSR. SDM 2B. A #GP throws `ProcessorFault`. */
export interface Msrs {
  rdmsr(address: number): bigint;
  wrmsr(address: number, value: bigint): void;
}
export const Msrs = component<Msrs>('bareflank.intrinsics.Msrs', 'vmm');
