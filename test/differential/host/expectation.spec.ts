// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { expect } from 'chai';
import { resolve } from 'node:path';
import { differences } from '../comparison.js';
import { CoreRunner } from '../core_runner.js';
import { Differential, type Failure } from '../differential.js';
import { Expectation } from './expectation.js';
import { formCoverage, type FormChoice } from '../cases/form_choice.js';
import { quirkSources, type HostQuirks, type QuirkName } from './host_quirks.js';
import { InjectedHost } from './injected_host.js';
import { addressOf, Outcome, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import { instructionTable } from '../cases/instruction_table.js';
import { knownHosts } from './known_hosts.js';
import { probeCase, windowMiddle } from './probe_case.js';
import { initialData, MemoryMap } from '../cases/memory_map.js';
import { environmentBytes } from '../cases/vector_state.js';

const { rbp: RBP, rcx: RCX, rdi: RDI, rsi: RSI, rsp: RSP } = registerNumbers;

const seed = 20200101;
const [intel] = knownHosts;
const code = BigInt(MemoryMap.code + MemoryMap.slotStart);
const dataEnd = MemoryMap.data + MemoryMap.dataBytes;
const notCanonical = 0x800000000000n;
/** Instructions that a quirk changes, by semantics. Kernel addresses are too rare among random cases; they have an example below. */
const affected: Readonly<Partial<Record<QuirkName, RegExp>>> = {
  int1Rip: /^INT1$/,
  repeatedCompareFlags: /^(CMPS|SCAS)$/,
  repeatedCompareFault: /^(CMPS|SCAS)$/,
  compareToFlagsC1: /^FU?COMIP?$/,
  callFault: /^CALL_INDIRECT$/,
  faultInMiddle: /^ENTER$/,
  narrowRepeat: /^(MOVS|STOS|LODS)$/,
  dotProductNan: /^DPP[SD]$/,
  x87StoreFault: /^F(ISTP64|STP32|BSTP)$/,
  tenByteStore: /^(FSTP80|FBSTP)$/,
  mmxStoreFault: /^MOV([DQ]Mstore|NTQ)$/,
};

/** What one host shows: the fields in which it differs from the core. */
type Shown = Partial<CaseResult>;

/** A case, and by value of its quirk what a host with that value shows, written by hand from quirkSources' source. */
interface Example<V extends string> {
  readonly testCase: InstructionCase;
  readonly shown: Readonly<Record<V, Shown>>;
  /** Values under which another value's result is possible too. */
  readonly alsoUnder?: Partial<Record<V, readonly V[]>>;
}

const x87 = new Uint8Array(512);
x87.set([0x7f, 0x03, 0x00, 0x02, 0xff]);
x87.set([0x80, 0x1f], 24);
const cleared = x87.slice();
cleared[3] = 0;

/** An image as `x87` with TOP = 4 and a number in physical register 1, which is ST5, or ST1 when TOP is 0. */
const top4 = x87.slice();
top4[3] = 0x20;
top4.set([0xff, 0x3f], 32 + 16 * 5 + 8);
const top0 = x87.slice();
top0[3] = 0;
top0.set([0xff, 0x3f], 32 + 16 + 8);
/** The same with invalid operations not masked and an empty stack. */
const unmasked = x87.slice();
unmasked.set([0x7e, 0x03, 0x00, 0x00, 0x00]);
const refused = unmasked.slice();
refused.set([0xc1, 0x80], 2);
const nans = x87.slice();
for (const [lane, low] of [1, 2].entries()) nans.set([low, 0, 0, 0, 0, 0, 0xf8, 0x7f], 160 + 8 * lane);
for (const lane of [2, 3]) nans.set([0xf0, 0x3f], 160 + 8 * lane + 6);
const sameNans = nans.slice();
sameNans[168] = 1;
const wide = probeCase('MOVS', [], { [RCX]: 1n << 32n, [RSI]: 5n << 32n, [RDI]: 6n << 32n }).registers;
const narrowed = wide.map((value, i) => ([RCX, RSI, RDI].some((index) => index === i >> 1) ? 0 : value));

const examples: { readonly [Q in QuirkName]: Example<HostQuirks[Q]> } = {
  int1Rip: {
    testCase: probeCase('INT1()', [0xf1]),
    shown: { 'next instruction': { rip: code + 1n }, 'own instruction': { rip: code } },
  },
  kernelPagePresent: {
    testCase: probeCase('MOV<u8,Reg,Mem>', [0x8a, 0x06], { [RSI]: 0xffff800000000000n }),
    shown: { 'always set': { errorCode: 5 }, 'as the page is': { errorCode: 4 } },
    alsoUnder: { 'always set': ['as the page is'] },
  },
  repeatedCompareFlags: {
    testCase: probeCase('CMPS<u8,u64>(1,segment,rip)', [0xf3, 0xa6], {
      [RSI]: dataEnd - 8,
      [RDI]: dataEnd - 8,
      [RCX]: 20,
    }),
    shown: { 'of the beginning': { rflags: 0x10202 }, 'of the last element': { rflags: 0x10246 } },
  },
  repeatedCompareFault: {
    testCase: probeCase('CMPS<u8,u64>(2,segment,rip)', [0xf2, 0xa6], {
      [RSI]: windowMiddle,
      [RDI]: dataEnd - 2,
      [RCX]: 20,
    }),
    shown: {
      'page fault': { vector: 14, errorCode: 4, faultAddress: BigInt(dataEnd) },
      'general protection with the state of the beginning': {
        vector: 13,
        errorCode: 0,
        faultAddress: 0n,
        registers: probeCase('CMPS', [], { [RSI]: windowMiddle, [RDI]: dataEnd - 2, [RCX]: 20 }).registers,
      },
    },
    alsoUnder: { 'page fault': ['general protection with the state of the beginning'] },
  },
  compareToFlagsC1: {
    testCase: probeCase('FCOMI()', [0xdb, 0xf1], {}, { fx: x87 }),
    shown: { cleared: { fx: cleared }, kept: { fx: x87 } },
  },
  callFault: {
    testCase: probeCase('CALL_INDIRECT<u64,Reg>(a)', [0xff, 0xd6], { [RSI]: notCanonical, [RSP]: MemoryMap.data }),
    shown: {
      target: { vector: 13, errorCode: 0, faultAddress: 0n },
      stack: { vector: 14, errorCode: 6, faultAddress: BigInt(MemoryMap.data - 8) },
    },
  },
  faultInMiddle: {
    testCase: probeCase('ENTER<u64,u64>', [0xc8, 0, 0, 2], { [RSP]: windowMiddle, [RBP]: 0xfedcba98 }),
    shown: {
      'state of before': { changedOffset: 0, changed: new Uint8Array(0) },
      'accesses before the fault kept': {
        changedOffset: MemoryMap.window + 0x78,
        changed: Uint8Array.of(0x98, 0xba, 0xdc, 0xfe),
      },
    },
  },
  narrowRepeat: {
    testCase: { ...probeCase('MOVS<u8,u32>(1,segment,rip)', [0x67, 0xf3, 0xa4]), registers: wide },
    shown: { 'upper halves cleared': { registers: narrowed }, 'upper halves kept': { registers: wide } },
  },
  dotProductNan: {
    testCase: probeCase('DPPD<Reg>(a,b,<u32>imm)', [0x66, 0x0f, 0x3a, 0x41, 0xc1, 0x33], {}, { fx: nans }),
    shown: { 'by lane': { fx: nans }, 'one sum': { fx: sameNans } },
  },
  x87StoreFault: {
    testCase: probeCase('FISTP16(ea)', [0xdf, 0x1e], { [RSI]: 0x13000000 }, { fx: unmasked }),
    shown: {
      x87: { fx: refused },
      memory: {
        outcome: Outcome.Exception,
        vector: 14,
        errorCode: 6,
        faultAddress: 0x13000000n,
        rip: code,
        rflags: 0x10202,
        fx: unmasked,
      },
    },
  },
  tenByteStore: {
    testCase: probeCase(
      'FSTP80(ea)',
      [0xdb, 0x3e],
      { [RSI]: MemoryMap.data + MemoryMap.writableBytes - 8 },
      { fx: x87 },
    ),
    shown: {
      'first part stored': {
        changedOffset: MemoryMap.writableBytes - 8,
        changed: new Uint8Array(8),
      },
      'nothing stored': { changedOffset: 0, changed: new Uint8Array(0) },
    },
  },
  mmxStoreFault: {
    testCase: probeCase('MOVQMstore<Mem>(ea,b)', [0x0f, 0x7f, 0x06], { [RSI]: 0x13000000 }, { fx: top4 }),
    shown: { 'TOP kept': { fx: top4 }, 'TOP cleared': { fx: top0 } },
  },
};

describe('Expectation', function () {
  this.timeout(60_000);
  let core: CoreRunner;

  before(async () => {
    core = await CoreRunner.create(seed);
  });

  /** True when a host with these quirks may show this. */
  function accepts(quirks: HostQuirks, testCase: InstructionCase, shown: CaseResult): boolean {
    const expectation = new Expectation(quirks, (other) => core.run(other), seed);
    return [...expectation.of(testCase, core.run(testCase))].some(
      (expected) => differences(testCase, shown, expected).length === 0,
    );
  }

  for (const name of Object.keys(quirkSources) as QuirkName[]) {
    const { testCase, shown, alsoUnder } = examples[name] as Example<string>;
    const values = Object.keys(quirkSources[name]);
    for (const value of values) {
      it(`accepts ${name} "${value}" from such a host, and from no other`, () => {
        const result = { ...core.run(testCase), ...shown[value] };
        const accepted = values.filter((under) => accepts({ ...intel!.quirks, [name]: under }, testCase, result));
        expect(accepted).to.have.members([value, ...(alsoUnder?.[value] ?? [])]);
      });
    }
  }

  describe('of two faults whose order the manual leaves open', () => {
    const both = probeCase('CMPS<u32,u64>(0,segment,rip)', [0xa7], { [RSI]: 0x13000000, [RDI]: notCanonical });
    const fault = (vector: number, errorCode: number, faultAddress: bigint): CaseResult => ({
      ...core.run(both),
      outcome: Outcome.Exception,
      vector,
      errorCode,
      faultAddress,
    });

    it('accepts either operand of CMPS, and nothing else', () => {
      expect(accepts(intel!.quirks, both, fault(14, 4, 0x13000000n))).to.equal(true);
      expect(accepts(intel!.quirks, both, fault(13, 0, 0n))).to.equal(true);
      expect(accepts(intel!.quirks, both, fault(14, 4, 0x13000004n))).to.equal(false);
      expect(accepts(intel!.quirks, both, fault(12, 0, 0n))).to.equal(false);
    });
    it('accepts the only operand of CMPS that faults, and not the other one', () => {
      const one = probeCase('CMPS<u32,u64>(0,segment,rip)', [0xa7], { [RSI]: 0x13000000, [RDI]: windowMiddle });
      const result = core.run(one);
      expect(accepts(intel!.quirks, one, result)).to.equal(true);
      expect(accepts(intel!.quirks, one, { ...result, faultAddress: BigInt(windowMiddle) })).to.equal(false);
    });
    it('accepts a page of the kernel that is there at the end of the lower half, where Linux says so, and not below', () => {
      const load = (at: bigint): InstructionCase => probeCase('MOV<u8,Reg,Mem>(a,ea)', [0x8a, 0x06], { [RSI]: at });
      const accepted = (testCase: InstructionCase): boolean =>
        accepts(intel!.quirks, testCase, { ...core.run(testCase), errorCode: core.run(testCase).errorCode | 1 });
      const end = 2n ** 47n;
      expect([end - 1n, end - 4096n, end - 4097n].map((at) => accepted(load(at)))).to.deep.equal([true, true, false]);
      expect(accepts(intel!.quirks, load(end - 1n), core.run(load(end - 1n)))).to.equal(true);
    });
    it('accepts each byte of a large operand that is in the page that faults', () => {
      const form = 'FRSTOR<u32>(ea)';
      const load = probeCase(form, [0xdd, 0x26], { [RSI]: MemoryMap.data - 16 }, { fx: x87 });
      const result = core.run(load);
      const at = (offset: number): CaseResult => ({ ...result, faultAddress: BigInt(MemoryMap.data + offset) });
      expect(environmentBytes('FRSTOR', form)).to.equal(108);
      expect([-16, -9, -1].map((offset) => accepts(intel!.quirks, load, at(offset)))).to.deep.equal([true, true, true]);
      expect([-17, 0, 80].map((offset) => accepts(intel!.quirks, load, at(offset)))).to.deep.equal([
        false,
        false,
        false,
      ]);
    });
    it('accepts each byte of a large operand in the next page too, when that page is not there either', () => {
      const load = (at: number): InstructionCase =>
        probeCase('FXRSTOR<u32>(ea) sse_state', [0x0f, 0xae, 0x0e], { [RSI]: at }, { fx: x87 });
      const accepted = (testCase: InstructionCase, at: number): boolean =>
        accepts(intel!.quirks, testCase, { ...core.run(testCase), faultAddress: BigInt(at) });
      const missing = load(MemoryMap.data - 0x1010);
      expect([-0x1000, -0xe11].map((offset) => accepted(missing, MemoryMap.data + offset))).to.deep.equal([true, true]);
      expect(accepted(missing, MemoryMap.data - 0xe10), 'behind the operand').to.equal(false);
      expect(accepted(load(MemoryMap.data - 0x10), MemoryMap.data), 'a page that is there').to.equal(false);
    });
  });

  describe('of 16- and 32-bit code', () => {
    const amd = knownHosts.find(({ name }) => name === 'an AMD processor')!.quirks;
    const segments = { cs: 0xf, ss: 0x57, ds: 0x4f, es: 0x4f };
    const exception = (testCase: InstructionCase, shown: Shown): CaseResult => ({
      ...core.run(testCase),
      outcome: Outcome.Exception,
      errorCode: 0,
      faultAddress: 0n,
      ...shown,
    });

    it('accepts a limit fault or a page fault at the end of a flat segment, and nowhere else', () => {
      const atEnd = probeCase('MOV<u32,Reg,Mem>', [0x8b, 0x06], { [RSI]: 0xfffffffe }, { segments });
      expect(accepts(intel!.quirks, atEnd, core.run(atEnd))).to.equal(true);
      expect(accepts(intel!.quirks, atEnd, exception(atEnd, { vector: 13 }))).to.equal(true);
      expect(accepts(intel!.quirks, atEnd, exception(atEnd, { vector: 17 }))).to.equal(false);
      const inside = probeCase('MOV<u32,Reg,Mem>', [0x8b, 0x06], { [RSI]: 0xf0000000 }, { segments });
      expect(accepts(intel!.quirks, inside, exception(inside, { vector: 13 }))).to.equal(false);
    });
    it('accepts each byte of a large operand in the next page too, when that page is not there either', () => {
      const load = (at: number): InstructionCase =>
        probeCase('FXRSTOR<u32>(ea) sse_state', [0x0f, 0xae, 0x0e], { [RSI]: at }, { segments });
      const accepted = (testCase: InstructionCase, at: number): boolean =>
        accepts(intel!.quirks, testCase, { ...core.run(testCase), faultAddress: BigInt(at) });
      expect(accepted(load(MemoryMap.data - 0x1040), MemoryMap.data - 0x1040 + 511)).to.equal(true);
      expect(accepted(load(MemoryMap.data - 0x1040), MemoryMap.data - 0x1040 + 512), 'behind it').to.equal(false);
      expect(accepted(load(MemoryMap.data - 0x40), MemoryMap.data), 'a page that is there').to.equal(false);
    });
    it('accepts such a byte where offsets of 16 bits wrap', () => {
      // FXRSTOR [si], whose DS has all 4 GiB from F2000000H on
      const narrow = [0x67, 0x0f, 0xae, 0x0c];
      const above = { ...segments, ds: 0x67 };
      const load = (bytes: readonly number[]): InstructionCase =>
        probeCase('FXRSTOR<u32>(ea) sse_state', bytes, { [RSI]: 0xfff0 }, { segments: above });
      const accepted = (bytes: readonly number[], offset: number): boolean => {
        const result = core.run(load(bytes));
        return accepts(intel!.quirks, load(bytes), { ...result, faultAddress: result.faultAddress + BigInt(offset) });
      };
      expect([511, 511 - 0x10000, 512 - 0x10000].map((offset) => accepted(narrow, offset))).to.deep.equal([
        true,
        true,
        false,
      ]);
      expect(accepted([0x0f, 0xae, 0x0e], 511 - 0x10000), '32-bit offsets').to.equal(false);
    });
    it('accepts #AC and the other fault of one access in either order, and only with AC = 1', () => {
      const checked = (rflags: number): InstructionCase =>
        probeCase('MOV<u32,Reg,Mem>', [0x8b, 0x06], { [RSI]: 0x13000001 }, { segments, rflags });
      for (const [rflags, isPossible] of [
        [0x40202, true],
        [0x202, false],
      ] as const) {
        const testCase = checked(rflags);
        const page = exception(testCase, { vector: 14, errorCode: 4, faultAddress: 0x13000001n });
        expect(accepts(intel!.quirks, testCase, page)).to.equal(true);
        expect(accepts(intel!.quirks, testCase, exception(testCase, { vector: 17 }))).to.equal(isPossible);
      }
    });
    it('accepts 16 or 32 bits of a segment register on the stack, and of the selector that a far RET reads', () => {
      const stack = { [RSP]: MemoryMap.dataBytes - 2 };
      for (const [form, bytes] of [
        ['POP_ES<u32,u32>() ends system', [0x07]],
        ['RET_FAR<u32>() ends far', [0xcb]],
      ] as const) {
        const isReturn = bytes[0] === 0xcb;
        const values = isReturn ? { [RSP]: MemoryMap.dataBytes - 6 } : stack;
        const testCase = probeCase(form, bytes, values, { segments });
        const result = core.run(testCase);
        const whole = exception(testCase, { vector: 12, registers: testCase.registers, rip: addressOf(testCase, 0) });
        expect(result.vector, form).not.to.equal(12);
        expect(accepts(intel!.quirks, testCase, result), form).to.equal(true);
        expect(accepts(amd, testCase, { ...whole, selectors: [0xf, 0x57, 0x4f, 0x4f, 0, 0] }), form).to.equal(true);
        expect(accepts(amd, testCase, { ...whole, vector: 11 }), form).to.equal(false);
      }
    });
    it('accepts of a POPA that faults the registers that such a host has popped, and no others', () => {
      const pop = probeCase('POPA<u32,u32>() stack', [0x61], { [RSP]: MemoryMap.dataBytes - 8 }, { segments });
      const before = core.run(pop);
      const data = new DataView(initialData(seed).buffer);
      const popped = before.registers.slice();
      popped[2 * RDI] = data.getUint32(MemoryMap.dataBytes - 8, true);
      popped[2 * RSI] = data.getUint32(MemoryMap.dataBytes - 4, true);
      expect([before.outcome, before.vector]).to.deep.equal([Outcome.Exception, 12]);
      expect(accepts(amd, pop, { ...before, registers: popped })).to.equal(true);
      expect(accepts(amd, pop, before)).to.equal(false);
      expect(accepts(intel!.quirks, pop, before)).to.equal(true);
      expect(accepts(intel!.quirks, pop, { ...before, registers: popped })).to.equal(false);
    });
  });

  describe('in a comparison with an injected host', () => {
    const { choices } = formCoverage(instructionTable(resolve(import.meta.dirname, '../../../..')).entries);

    /** Failures with the instructions that a quirk changes. */
    function failures(
      quirk: QuirkName,
      shown: HostQuirks,
      expected: HostQuirks,
      which: 'first' | 'last',
    ): readonly Failure[] {
      const host = { reference: new InjectedHost(shown, core, seed, which), quirks: expected };
      const filter = ({ entry }: FormChoice): boolean => affected[quirk]!.test(entry.row.semantics);
      return new Differential(host, core, choices, seed, {
        cases: quirk === 'kernelPagePresent' || quirk === 'tenByteStore' ? 1500 : 300,
        seed: 1,
        filter,
      }).run().failures;
    }

    for (const { name, quirks } of knownHosts) {
      it(`agrees with ${name}`, () => {
        for (const quirk of Object.keys(affected) as QuirkName[]) {
          expect(failures(quirk, quirks, quirks, 'first'), quirk).to.deep.equal([]);
          expect(failures(quirk, quirks, quirks, 'last'), quirk).to.deep.equal([]);
        }
      });
      it(`disagrees when it takes ${name} for one with another value of a quirk`, () => {
        for (const quirk of Object.keys(affected) as QuirkName[]) {
          const others = Object.keys(quirkSources[quirk]).filter((value) => value !== quirks[quirk]);
          const isPossible = (other: string): boolean =>
            (examples[quirk] as Example<string>).alsoUnder?.[quirks[quirk]]?.includes(other) === true;
          for (const other of others.filter((value) => !isPossible(value))) {
            const wrong = { ...quirks, [quirk]: other };
            const found = [...failures(quirk, quirks, wrong, 'first'), ...failures(quirk, quirks, wrong, 'last')];
            expect(found, `${quirk}: ${other}`).not.to.have.length(0);
          }
        }
      });
    }
  });
});
