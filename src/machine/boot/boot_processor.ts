// SPDX-License-Identifier: LGPL-2.1-only
import type { ProcessorBlock } from '../processor/processor_block.js';
import { generalRegisterNames, type Segment, type SegmentRegister } from '../processor/register_names.js';
import { BootArea, BootSelector, GDT_BYTES } from './boot_area.js';
import type { LoadedImage } from './boot_image.js';

const CR0_PROTECTED = 0x31; // PE, ET, NE: VMX operation needs NE
const CR0_PAGING = 0x80000000;
const CR4_PAE = 0x20;
const EFER_LONG = 0x500; // LME, LMA
const RFLAGS_FIXED = 2;

const RIGHTS_CODE_64 = 0xa09b;
const RIGHTS_CODE_32 = 0xc09b;
const RIGHTS_DATA = 0xc093;
const RIGHTS_TSS = 0x8b;
const RIGHTS_UNUSABLE = 0x10000;
const FLAT_LIMIT = 0xffffffff;
/** The limit that SDM 3A "Processor State After Reset" gives to LDTR and TR. */
const RESET_LIMIT = 0xffff;

const descriptorsOf = (selector: number, limit: number, rights: number): SegmentRegister => ({
  selector,
  base: 0n,
  limit,
  rights,
});

/** The segments of a flat image: one code and one data segment over all memory. */
function flatSegments(codeRights: number, taskLimit: number): Record<Segment, SegmentRegister> {
  const data = descriptorsOf(BootSelector.DATA, FLAT_LIMIT, RIGHTS_DATA);
  return {
    ES: data,
    CS: descriptorsOf(BootSelector.CODE, FLAT_LIMIT, codeRights),
    SS: data,
    DS: data,
    FS: data,
    GS: data,
    LDTR: descriptorsOf(0, RESET_LIMIT, RIGHTS_UNUSABLE),
    TR: descriptorsOf(0, taskLimit, RIGHTS_TSS),
  };
}

/** Puts a processor that has just been reset into the state in which an image is entered. */
export function enterImage(block: ProcessorBlock, image: LoadedImage): void {
  const long = image.mode === 'long';
  block.load({
    ...flatSegments(long ? RIGHTS_CODE_64 : RIGHTS_CODE_32, image.taskLimit ?? RESET_LIMIT),
    GDTR: { base: BigInt(BootArea.GDT), limit: GDT_BYTES - 1 },
    IDTR: { base: 0n, limit: 0 },
    CR0: long ? CR0_PROTECTED + CR0_PAGING : CR0_PROTECTED,
    CR3: image.pageTable,
    CR4: long ? CR4_PAE : 0,
    EFER: long ? EFER_LONG : 0,
    RFLAGS: RFLAGS_FIXED,
    RIP: image.entry,
    ...Object.fromEntries(generalRegisterNames.map((name) => [name, image.registers[name] ?? 0])),
  });
}
