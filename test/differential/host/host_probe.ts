// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { quirkSources, type HostQuirks, type QuirkName, type Vendor } from './host_quirks.js';
import { addressOf, Outcome, register, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import { MemoryMap } from '../cases/memory_map.js';
import { NoReferenceError } from './no_reference_error.js';
import { probeCase, windowMiddle } from './probe_case.js';
import type { ReferenceProcessor } from './reference_processor.js';
import { Flag } from '../cases/undefined_flags.js';
import { FxImage } from '../cases/vector_state.js';

const { rbp: RBP, rcx: RCX, rdi: RDI, rsi: RSI, rsp: RSP } = registerNumbers;

/** A case that shows one quirk, and what its result means. */
interface Probe<V> {
  readonly testCase: InstructionCase;
  /** @returns undefined when the result is none of the known ones. */
  readonly read: (result: CaseResult, testCase: InstructionCase) => V | undefined;
}

const notCanonical = 0x800000000000n;
const upperHalf = 0xffff800000000000n;
/** Control words: with all exceptions masked, and with all but the invalid operation. */
const masked = 0x37f;
const invalidUnmasked = 0x37e;
const firstNan = 0x7ff8000000000001n;
const secondNan = 0x7ff8000000000002n;
const readOnly = MemoryMap.data + MemoryMap.writableBytes;
const unmapped = MemoryMap.data - 0x1000;
const dataEnd = MemoryMap.data + MemoryMap.dataBytes;

/** An FXSAVE image with eight numbers. */
function imageWith(controlWord: number, statusWord: number): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(FxImage.controlWord, controlWord, true);
  view.setUint16(FxImage.statusWord, statusWord, true);
  image[4] = 0xff;
  view.setUint32(24, 0x1f80, true);
  for (let at: number = FxImage.x87; at < FxImage.xmm; at += FxImage.registerBytes) {
    view.setBigUint64(at, 1n << 63n, true);
    view.setUint16(at + 8, 0x3fff, true);
  }
  return image;
}

/** Its ST0 is 2^64, and the invalid operation is not masked. */
function imageWithLarge(): Uint8Array {
  const image = imageWith(invalidUnmasked, 0);
  new DataView(image.buffer).setUint16(FxImage.x87 + 8, 0x3fff + 64, true);
  return image;
}

/** Its XMM0 has two NaNs, XMM1 twice 1. */
function imageWithNans(): Uint8Array {
  const image = imageWith(masked, 0);
  const view = new DataView(image.buffer);
  [firstNan, secondNan, 0x3ff0000000000000n, 0x3ff0000000000000n].forEach((value, i) =>
    view.setBigUint64(FxImage.xmm + 8 * i, value, true),
  );
  return image;
}

const isPageFault = (result: CaseResult): boolean => result.vector === 14;
const isGeneralProtection = (result: CaseResult): boolean => result.vector === 13 && result.errorCode === 0;

const probes: { readonly [Q in QuirkName]: Probe<HostQuirks[Q]> } = {
  int1Rip: {
    testCase: probeCase('INT1()', [0xf1]),
    read: (result, testCase) => {
      if (result.vector !== 1) return undefined;
      if (result.rip === addressOf(testCase, 1)) return 'next instruction';
      return result.rip === addressOf(testCase, 0) ? 'own instruction' : undefined;
    },
  },
  kernelPagePresent: {
    // MOV AL, [RSI]; the first page of the upper half is in Linux's guard hole and never there
    testCase: probeCase('MOV<u8,Reg,Mem>(a,ea)', [0x8a, 0x06], { [RSI]: upperHalf }),
    read: (result) => {
      if (!isPageFault(result)) return undefined;
      return result.errorCode & 1 ? 'always set' : 'as the page is';
    },
  },
  repeatedCompareFlags: {
    // REPE CMPSB of bytes with themselves, to the end of the data
    testCase: probeCase('CMPS<u8,u64>(1,segment,rip)', [0xf3, 0xa6], {
      [RSI]: dataEnd - 8,
      [RDI]: dataEnd - 8,
      [RCX]: 20,
    }),
    read: (result) => {
      if (!isPageFault(result)) return undefined;
      return result.rflags & Flag.ZF ? 'of the last element' : 'of the beginning';
    },
  },
  repeatedCompareFault: {
    // REPNE CMPSB of bytes with others, to the end of the data
    testCase: probeCase('CMPS<u8,u64>(2,segment,rip)', [0xf2, 0xa6], {
      [RSI]: windowMiddle,
      [RDI]: dataEnd - 2,
      [RCX]: 20,
    }),
    read: (result) => {
      if (isPageFault(result)) return 'page fault';
      return isGeneralProtection(result) ? 'general protection with the state of the beginning' : undefined;
    },
  },
  compareToFlagsC1: {
    // FCOMI ST0, ST1
    testCase: probeCase('FCOMI()', [0xdb, 0xf1], {}, { fx: imageWith(masked, 0x200) }),
    read: (result) => (result.fx === undefined ? undefined : result.fx[3]! & 2 ? 'kept' : 'cleared'),
  },
  callFault: {
    // CALL RSI
    testCase: probeCase('CALL_INDIRECT<u64,Reg>(a)', [0xff, 0xd6], { [RSI]: notCanonical, [RSP]: unmapped }),
    read: (result) => {
      if (isGeneralProtection(result)) return 'target';
      return isPageFault(result) ? 'stack' : undefined;
    },
  },
  faultInMiddle: {
    // ENTER 0, 2 with an old frame that is not there
    testCase: probeCase('ENTER<u64,u64>(imm,imm2)', [0xc8, 0, 0, 2], { [RBP]: unmapped }),
    read: (result) => {
      if (!isPageFault(result)) return undefined;
      return result.changed.length === 0 ? 'state of before' : 'accesses before the fault kept';
    },
  },
  narrowRepeat: {
    // REP MOVSB with 32-bit addresses and ECX = 0
    testCase: probeCase('MOVS<u8,u32>(1,segment,rip)', [0x67, 0xf3, 0xa4], { [RCX]: 1n << 32n }),
    read: (result) => {
      const count = register(result.registers, RCX);
      if (count === 0n) return 'upper halves cleared';
      return count === 1n << 32n ? 'upper halves kept' : undefined;
    },
  },
  dotProductNan: {
    // DPPD XMM0, XMM1 with both lanes of the result
    testCase: probeCase('DPPD<Reg>(a,b,<u32>imm)', [0x66, 0x0f, 0x3a, 0x41, 0xc1, 0x33], {}, { fx: imageWithNans() }),
    read: ({ fx }) => {
      const lane = fx && new DataView(fx.buffer, fx.byteOffset).getBigUint64(FxImage.xmm + 8, true);
      if (lane === secondNan) return 'by lane';
      return lane === firstNan ? 'one sum' : undefined;
    },
  },
  x87StoreFault: {
    // FISTP WORD PTR [RSI] of a number that is too large
    testCase: probeCase('FISTP16(ea)', [0xdf, 0x1e], { [RSI]: unmapped }, { fx: imageWithLarge() }),
    read: (result) => {
      if (isPageFault(result)) return 'memory';
      return result.outcome === Outcome.Completed ? 'x87' : undefined;
    },
  },
  tenByteStore: {
    // FSTP TBYTE PTR [RSI] into the first page that is read-only
    testCase: probeCase('FSTP80(ea)', [0xdb, 0x3e], { [RSI]: readOnly - 8 }, { fx: imageWith(masked, 0) }),
    read: (result) => {
      if (!isPageFault(result)) return undefined;
      return result.changed.length > 0 ? 'first part stored' : 'nothing stored';
    },
  },
  mmxStoreFault: {
    // MOVQ [RSI], MM0 with TOP = 4
    testCase: probeCase(
      'MOVQMstore<Mem>(ea,b)',
      [0x0f, 0x7f, 0x06],
      { [RSI]: unmapped },
      { fx: imageWith(masked, 0x2000) },
    ),
    read: (result) => {
      if (!isPageFault(result) || result.fx === undefined) return undefined;
      return result.fx[3]! & 0x38 ? 'TOP kept' : 'TOP cleared';
    },
  },
};

/**
 * Finds out what this host shows.
 * @throws NoReferenceError when it shows something else than any host that quirkSources describes.
 */
export function probeHost(reference: ReferenceProcessor, vendor: Vendor, seed: number): HostQuirks {
  const names = Object.keys(probes) as QuirkName[];
  const cases = names.map((name) => probes[name].testCase);
  // the first run brings in pages; the second one counts
  const results = reference.run([...cases, ...cases], seed).slice(cases.length);
  const values = names.map((name, i) => [name, valueOf(name, results[i]!)] as const);
  return { vendor, ...Object.fromEntries(values) } as HostQuirks;
}

function valueOf(name: QuirkName, result: CaseResult): string {
  const { read, testCase } = probes[name];
  const value = read(result, testCase);
  if (value !== undefined) return value;
  const known = Object.keys(quirkSources[name]).join('" or "');
  throw new NoReferenceError(
    `the host's ${name} is neither "${known}": the probe ended with vector ${result.vector}, error code ${result.errorCode}, ` +
      `RIP ${result.rip.toString(16)}h, RFLAGS ${result.rflags.toString(16)}h. Add it to quirkSources.`,
  );
}
