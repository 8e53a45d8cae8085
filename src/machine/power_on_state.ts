// SPDX-License-Identifier: LGPL-2.1-only
import { Constants, FieldSizes, Layout, Sizes } from './layout.js';
import type { ProcessorModel } from './models/processor_model.js';
import { vmxCapabilities, VmxMsr, firstVmxMsr } from './vmx/capabilities.js';

const none = 0xffffffffffffffffn;

/** Writes words of the processor block by name, whatever their size. */
class Block {
  constructor(
    private readonly u32: Uint32Array,
    private readonly u64: BigUint64Array,
  ) {}

  set(name: keyof typeof FieldSizes, value: bigint | number): void {
    if (FieldSizes[name] === 8) this.u64[Layout[name] / 8] = BigInt.asUintN(64, BigInt(value));
    else this.u32[Layout[name] / 4] = Number(value) >>> 0;
  }
}

function segments(block: Block, words: Uint32Array): void {
  for (let segment = 0; segment < 6; segment++) {
    words[(Layout.ES_LIMIT + segment * 4) / 4] = 0xffff;
    words[(Layout.ES_RIGHTS + segment * 4) / 4] = segment === Constants.CS ? 0x9b : 0x93;
  }
  block.set('CS_SELECTOR', 0xf000);
  block.set('CS_BASE', 0xffff0000);
  block.set('LDTR_LIMIT', 0xffff);
  block.set('LDTR_RIGHTS', 0x82);
  block.set('TR_LIMIT', 0xffff);
  block.set('TR_RIGHTS', 0x8b);
  block.set('GDTR_LIMIT', 0xffff);
  block.set('IDTR_LIMIT', 0xffff);
}

/** MTRRs as firmware leaves them: everything write-back but the PCI hole. */
function memoryTypes(block: Block, words: BigUint64Array, physicalAddressBits: number): void {
  block.set('MTRR_DEF_TYPE', 0xc06);
  words[Layout.MTRR_PHYS / 8] = 0xc0000000n;
  words[Layout.MTRR_PHYS / 8 + 1] = ((1n << BigInt(physicalAddressBits)) - 0x40000000n) | 0x800n;
  words.fill(0x0606060606060606n, Layout.MTRR_FIX / 8, Layout.MTRR_FIX / 8 + 11);
  // The VGA window is uncacheable.
  words[Layout.MTRR_FIX / 8 + 2] = 0n;
}

function vmx(block: Block, model: ProcessorModel): void {
  const capability = vmxCapabilities({ cr4Allowed: model.cr4Allowed });
  const fixed = (address: number): bigint => {
    const [low, high] = capability[address - firstVmxMsr]!;
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  };
  block.set('VMX_CR0_FIXED0', fixed(VmxMsr.Cr0Fixed0));
  block.set('VMX_CR0_FIXED1', fixed(VmxMsr.Cr0Fixed1));
  block.set('VMX_CR4_FIXED0', fixed(VmxMsr.Cr4Fixed0));
  block.set('VMX_CR4_FIXED1', fixed(VmxMsr.Cr4Fixed1));
  block.set('VMX_CURRENT_VMCS', none);
  block.set('VMX_PREEMPTION_DEADLINE', none);
  block.set('VMX_TSC_MULTIPLIER', 1n << 48n);
}

/**
 * Fills the processor block with the state after power-on. SDM 3A "Processor State After Reset", with what firmware would set: MTRRs, and
 * IA32_FEATURE_CONTROL locked with VMX allowed.
 */
export function powerOn(u32: Uint32Array, u64: BigUint64Array, model: ProcessorModel, id: number): void {
  u32.fill(0, Layout.PROCESSOR / 4, (Layout.PROCESSOR + Sizes.PROCESSOR) / 4);
  const block = new Block(u32, u64);
  block.set('PROCESSOR_ID', id);
  block.set('RIP', 0xfff0);
  block.set('RDX', model.signature);
  block.set('FR', 1);
  block.set('RFLAGS_SYSTEM', 2);
  // FR = 1 gives ZF = 0, SF = 0 and, with PF inverted never, PF = 0.
  segments(block, u32);
  block.set('CR0', 0x60000010);
  block.set('DR6', 0xffff0ff0);
  block.set('DR7', 0x400);
  block.set('XCR0', 1);
  block.set('PAT', 0x0007040600070406n);
  block.set('APIC_BASE', id === 0 ? 0xfee00900 : 0xfee00800);
  block.set('MISC_ENABLE', 0x1801);
  block.set('FEATURE_CONTROL', 5);
  block.set('X87_CONTROL', 0x40);
  block.set('X87_TAGS', 0xff);
  block.set('MXCSR', 0x1f80);
  block.set('MONITOR_ADDRESS', none);
  memoryTypes(block, u64, model.physicalAddressBits);
  vmx(block, model);
}
