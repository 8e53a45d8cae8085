// SPDX-License-Identifier: LGPL-2.1-only
// The MSR areas of VM entries and VM exits: lists of 16-byte entries (index, reserved, value). SDM 3C "Loading MSRs" and "Saving MSRs".
import { brokenMsrLoadRule } from '../../intrinsics/rules/msr_load_rules.js';
import type { MsrArea, VmxCore } from './vmx_core.js';
import { Word } from './words.js';

const smbase = 0x9e;

/** The longest list that IA32_VMX_MISC recommends. The SDM does not define a longer one. Here its first excess entry is refused. */
const maximumCount = 512;

/** Loads the MSRs of a list. @returns the number (from 1) of the first entry that cannot be loaded, 0 if all went well. */
export function loadMsrs(core: VmxCore, address: number, count: number, area: MsrArea): number {
  if (count === 0) return 0;
  core.msrArea = area;
  const failed = loadEach(core, address, count);
  core.msrArea = undefined;
  return failed;
}

function loadEach(core: VmxCore, address: number, count: number): number {
  const { u32 } = core;
  for (let i = 0; i < count; i++) {
    const offset = core.structureOffset(address + 16 * i);
    const at = offset >>> 2;
    if (i === maximumCount || offset < 0 || brokenMsrLoadRule(u32[at]!, u32[at + 1]!, false) !== undefined)
      return i + 1;
    if (!core.writeMsr(u32[at]!, u32[at + 2]!, u32[at + 3]!)) return i + 1;
  }
  return 0;
}

/** Stores the MSRs of a list. @returns false if an entry names an MSR that cannot be read: a VMX abort. */
export function storeMsrs(core: VmxCore, address: number, count: number): boolean {
  const { u32 } = core;
  if (count > maximumCount) return false;
  for (let i = 0; i < count; i++) {
    const offset = core.structureOffset(address + 16 * i);
    const at = offset >>> 2;
    if (offset < 0 || u32[at + 1] !== 0 || u32[at]! >>> 8 === 8 || u32[at] === smbase) return false;
    if (!core.readMsr(u32[at]!)) return false;
    core.writer.write64(offset + 8, u32[Word.busValue]!, u32[Word.busValue + 1]!);
  }
  return true;
}
