// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { quirkSources, type HostQuirks, type QuirkName, type Vendor } from './host_quirks.js';
import { addressOf, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import { MemoryMap } from '../cases/memory_map.js';
import { NoReferenceError } from './no_reference_error.js';
import { probeCase, windowMiddle } from './probe_case.js';
import type { ReferenceProcessor } from './reference_processor.js';
import { Flag } from '../cases/undefined_flags.js';

const { rbp: RBP, rcx: RCX, rdi: RDI, rsi: RSI, rsp: RSP } = registerNumbers;

/** A case that shows one quirk, and what its result means. */
interface Probe<V> {
  readonly testCase: InstructionCase;
  /** @returns undefined when the result is none of the known ones. */
  readonly read: (result: CaseResult, testCase: InstructionCase) => V | undefined;
}

const notCanonical = 0x800000000000n;
const upperHalf = 0xffff800000000000n;
const unmapped = MemoryMap.data - 0x1000;
const dataEnd = MemoryMap.data + MemoryMap.dataBytes;

/** An FXSAVE image with masked exceptions, two numbers and C1 = 1. */
function imageWithC1(): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint16(2, 0x200, true);
  image[4] = 0xff;
  view.setUint32(24, 0x1f80, true);
  for (let at = 32; at < 160; at += 16) {
    view.setBigUint64(at, 1n << 63n, true);
    view.setUint16(at + 8, 0x3fff, true);
  }
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
    testCase: probeCase('FCOMI()', [0xdb, 0xf1], {}, { fx: imageWithC1() }),
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
