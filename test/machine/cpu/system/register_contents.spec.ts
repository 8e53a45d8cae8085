// SPDX-License-Identifier: LGPL-2.1-only
// The core accepts what src/intrinsics/contents accepts, bit by bit: both have one source, and this holds that it means the same in both languages.
import { expect } from 'chai';
import {
  dr6After,
  dr7After,
  isCr0,
  isCr3High,
  isCr4,
  isCr8,
  isPdpte,
  isXcr0,
  mayEnterIa32eMode,
  mayLeavePaging,
  usesPdptes,
} from '../../../../src/intrinsics/contents/control_register_contents.js';
import { CpuidLeaf } from '../../../../src/intrinsics/registers/cpuid_leaves.js';
import { isMsrValue, msrContents, settableBits } from '../../../../src/intrinsics/contents/msr_contents.js';
import { eferAfter, mayChangeEfer } from '../../../../src/intrinsics/contents/msr_values.js';
import type { RegisterFacts } from '../../../../src/intrinsics/contents/register_facts.js';
import { Msr, msrName } from '../../../../src/intrinsics/registers/msr_definitions.js';
import { Cr0, Cr4, Efer } from '../../../../src/intrinsics/registers/registers.js';
import { modelFeatures } from '../../../../src/machine/models/model_features.js';
import type { ProcessorModel } from '../../../../src/machine/models/processor_model.js';
import { skylakeClient } from '../../../../src/machine/models/skylake_client.js';
import { At, SystemMachine, type Start } from '../../../support/system_machine.js';

const features = modelFeatures(skylakeClient);
const facts: RegisterFacts = {
  physicalAddressWidth: 39,
  linearAddressWidth: 48,
  settableLow: (msr) => settableBits(msr, features).low,
  settableHigh: (msr) => settableBits(msr, features).high,
};

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number(value >> 32n);
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The value itself, and with each bit and each pair of bits inverted. */
function* around(value: bigint): Generator<bigint> {
  yield value;
  for (let i = 0n; i < 64n; i++) {
    yield value ^ (1n << i);
    for (let j = 0n; j < i; j++) yield value ^ (1n << i) ^ (1n << j);
  }
}

/** Values that differ in no more than two bits from one of these. */
const bases = [0n, 0xffffffffffffffffn, 0xffff800000000000n, 0x0007040600070406n, 0x0606060606060606n];

/** A sweep's failures, of which a message shows the first few. */
class Differences {
  private readonly found: string[] = [];
  private accepted = 0;
  private refused = 0;

  add(what: string, wanted: boolean, got: boolean): void {
    if (wanted) this.accepted++;
    else this.refused++;
    if (wanted !== got)
      this.found.push(`${what}: ${got ? 'accepted' : 'refused'}, contents ${wanted ? 'accept' : 'refuse'} it`);
  }

  /** `refuses`: the sweep has values of both kinds. */
  expectNone(refuses = true): void {
    expect(this.found.slice(0, 5)).to.deep.equal([]);
    expect(this.accepted).to.be.greaterThan(0);
    if (refuses) expect(this.refused).to.be.greaterThan(0);
  }
}

describe('What registers may hold, in the core', () => {
  let machine: SystemMachine;
  before(async () => {
    machine = await SystemMachine.make();
  });

  describe('WRMSR', () => {
    const msrs = Object.keys(msrContents).map(Number);
    const read = (msr: number): bigint | undefined => (machine.cpu.readMsr(msr) ? machine.cpu.msrValue : undefined);

    const commands = msrs.filter((msr) => msrContents[msr]!.kind === 'command');
    const kept = (msr: number): boolean => msr !== Msr.Ia32PerfGlobalCtrl && !commands.includes(msr);

    for (const msr of msrs.filter(kept)) {
      it(`takes of ${msrName(msr)} what contents take, and keeps it`, () => {
        machine.start({ bits: 32, paging: 'none', efer: 0 });
        const differences = new Differences();
        const initial = read(msr)!;
        for (const base of [initial, ...bases])
          for (const value of around(base)) {
            const wanted = isMsrValue(facts, msr, low(value), high(value));
            const got = machine.cpu.writeMsr(msr, low(value), high(value));
            differences.add(hex(value), wanted, got);
            if (!got) {
              expect(read(msr), hex(value)).to.equal(initial);
              continue;
            }
            let left = value;
            if (msrContents[msr]!.kind === 'low_half') left = value & 0xffffffffn;
            if (msr === Msr.Ia32Efer) left = BigInt(eferAfter(low(initial), low(value)) >>> 0);
            expect(read(msr), hex(value)).to.equal(left);
            expect(machine.cpu.writeMsr(msr, low(initial), high(initial))).to.equal(true);
          }
        differences.expectNone(msrContents[msr]!.kind !== 'low_half');
      });
    }

    for (const msr of commands) {
      it(`takes of ${msrName(msr)} what contents take, and RDMSR raises #GP`, () => {
        const differences = new Differences();
        for (const base of bases)
          for (const value of around(base)) {
            const wanted = isMsrValue(facts, msr, low(value), high(value));
            differences.add(hex(value), wanted, machine.cpu.writeMsr(msr, low(value), high(value)));
          }
        differences.expectNone();
        expect(read(msr)).to.equal(undefined);
      });
    }

    it('finds no MSR that the model does not announce', async () => {
      const silent: ProcessorModel = {
        ...skylakeClient,
        cpuid: skylakeClient.cpuid.map((each) =>
          each.leaf === CpuidLeaf.ExtendedFeatureFlags ? { ...each, edx: 0 } : each,
        ),
      };
      const { cpu } = await SystemMachine.make({}, silent);
      for (const msr of [Msr.Ia32SpecCtrl, Msr.Ia32PredCmd, Msr.Ia32FlushCmd]) {
        expect(cpu.readMsr(msr), msrName(msr)).to.equal(false);
        expect(cpu.writeMsr(msr, 0, 0), msrName(msr)).to.equal(false);
        expect(machine.cpu.writeMsr(msr, 0, 0), `${msrName(msr)}, announced`).to.equal(true);
      }
    });

    it('finds no MSR of the table missing but commands, and the performance counters, which the model does not announce', () => {
      const missing = msrs.filter((msr) => read(msr) === undefined);
      expect(missing).to.have.members([...commands, Msr.Ia32PerfGlobalCtrl]);
    });

    it('keeps LME while paging is on', () => {
      const differences = new Differences();
      for (const paging of ['none', '32-bit', 'pae'] as const) {
        machine.start({ bits: 32, paging });
        const old = machine.word('EFER');
        for (const value of around(BigInt(old))) {
          const isValue = isMsrValue(facts, Msr.Ia32Efer, low(value), high(value));
          const wanted = isValue && mayChangeEfer(old, low(value), machine.word('CR0'));
          differences.add(
            `${paging} ${hex(value)}`,
            wanted,
            machine.cpu.writeMsr(Msr.Ia32Efer, low(value), high(value)),
          );
          machine.set('EFER', old);
        }
      }
      differences.expectNone();
    });

    it('raises #GP(0) for what it refuses', () => {
      for (const [msr, value] of [
        [Msr.Ia32Lstar, 0x800000000000n],
        [Msr.Ia32Debugctl, 0x40n],
        [Msr.Ia32Pat, 2n],
        [Msr.Ia32TscAux, 1n << 32n],
        [Msr.Ia32MtrrDefType, 7n],
        [Msr.Ia32UCet, 0n],
        [Msr.Ia32Xss, 0x100n],
      ] as const) {
        machine.start();
        const end = machine.run64(`mov ecx, ${msr}`, `mov eax, ${low(value)}`, `mov edx, ${high(value)}`, 'wrmsr');
        expect([end.vector, end.code], msrName(msr)).to.deep.equal([13, 0]);
      }
    });
  });

  describe('MOV to control registers', () => {
    const modes: Readonly<Record<string, Start>> = {
      'real mode': { bits: 16 },
      'protected mode': { bits: 32, paging: 'none' },
      'protected mode, LME = 1 and PAE = 1': {
        bits: 32,
        paging: 'none',
        efer: Efer.Lme,
        cr4: Cr4.PhysicalAddressExtensions,
      },
      'protected mode, LME = 1 and PAE = 0': { bits: 32, paging: 'none', efer: Efer.Lme, cr4: 0 },
      '32-bit paging': { bits: 32, paging: '32-bit' },
      'PAE paging': { bits: 32, paging: 'pae' },
      'compatibility mode': { bits: 32, paging: '4-level' },
      '64-bit mode': { bits: 64 },
    };
    const names = { 0: 'CR0', 3: 'CR3', 4: 'CR4', 8: 'CR8' } as const;

    /** Whether MOV takes a value in the machine's present state, in which memory has PDPTEs that may be loaded. */
    function wanted(register: keyof typeof names, value: bigint): boolean {
      const [old0, cr4, efer, cs] = [
        machine.word('CR0'),
        machine.word('CR4'),
        machine.word('EFER'),
        machine.word('CS_RIGHTS'),
      ];
      const isIa32e = (efer & Efer.Lma) !== 0;
      switch (register) {
        case 0: {
          if (!isCr0(low(value), high(value))) return false;
          const changed = old0 ^ low(value);
          if ((changed & Cr0.Paging) === 0) return true;
          if ((old0 & Cr0.Paging) !== 0) return mayLeavePaging(cr4, cs, isIa32e);
          return (efer & Efer.Lme) === 0 || mayEnterIa32eMode(cr4, cs, machine.word('TR_RIGHTS'));
        }
        case 3:
          return !isIa32e || isCr3High(high(value), cr4, facts.physicalAddressWidth);
        case 4:
          return isCr4(low(value), high(value), skylakeClient.cr4Allowed, isIa32e);
        default:
          return isCr8(low(value), high(value));
      }
    }

    for (const [mode, start] of Object.entries(modes)) {
      it(`takes what contents take in ${mode}`, () => {
        machine.start(start);
        // As PDPTEs, which MOV to CR4 loads if it sets PAE, the entries of a page directory have reserved bits.
        if (start.paging === '32-bit')
          for (let i = 0; i < 4; i++) machine.poke64(Number(machine.get('CR3')) + 8 * i, 0n);
        const words = ['CR0', 'CR3', 'CR4', 'EFER'] as const;
        const before = words.map((word) => machine.get(word));
        for (const register of [0, 3, 4, 8] as const) {
          // Any CR3 has valid PDPTEs only where paging does not read them.
          if (register === 3 && usesPdptes(machine.word('CR0'), machine.word('CR4'), machine.word('EFER'))) continue;
          const differences = new Differences();
          for (const value of around(register === 8 ? 0n : machine.get(names[register]))) {
            const is = wanted(register, value);
            const vector = machine.cpu.writeControlRegister(register, low(value), high(value));
            differences.add(`${names[register]} = ${hex(value)}`, is, vector === -1);
            if (vector !== -1) expect(vector, hex(value)).to.equal(13);
            else if (register === 3 || register === 4) expect(machine.get(names[register])).to.equal(value);
            words.forEach((word, index) => machine.set(word, before[index]!));
            machine.stateChanged();
          }
          differences.expectNone(register !== 3 || start.paging === '4-level' || start.bits === 64);
        }
      });
    }

    it('raises #UD where there is no register, whatever the privilege, and else #GP(0) outside CPL 0', () => {
      const existing = [0, 2, 3, 4, 8];
      for (const cpl of [0, 3] as const)
        for (const opcode of [0x20, 0x22])
          for (let register = 0; register < 16; register++) {
            machine.start({ cpl });
            const at = cpl === 0 ? At.kernelCode : At.userCode;
            machine.write(at, ['nop']);
            machine.poke(at, register < 8 ? 0x40 : 0x44, 0x0f, opcode, 0xc0 | ((register & 7) << 3), 0xf4);
            machine.codeChanged(at, 5);
            machine.set(
              'RAX',
              register === 8 ? 0 : machine.get(register === 3 ? 'CR3' : register === 4 ? 'CR4' : 'CR0'),
            );
            const wantedVector = !existing.includes(register) ? 6 : cpl === 3 ? 13 : undefined;
            expect(machine.go().vector, `0F ${opcode.toString(16)}, CR${register}, CPL ${cpl}`).to.equal(wantedVector);
          }
    });
  });

  describe('PDPTEs', () => {
    const table = 0x18000;
    const startPae = (entry: bigint): void => {
      machine.start({ bits: 32, paging: 'pae' });
      machine.poke64(table, entry);
    };

    it('are loaded by MOV to CR3 if contents take them', () => {
      const differences = new Differences();
      startPae(0n);
      const root = machine.get('CR3');
      for (const base of [0n, 1n])
        for (const entry of around(base)) {
          machine.poke64(table, entry);
          machine.set('CR3', root);
          const vector = machine.cpu.writeControlRegister(3, table, 0);
          differences.add(hex(entry), isPdpte(low(entry), high(entry), facts.physicalAddressWidth), vector === -1);
        }
      differences.expectNone();
    });

    it('are loaded when MOV changes CR0.CD, or CR4.PSE, PGE or SMEP, and by no other bit', () => {
      // SDM 3A "PDPTE Registers". NW needs CD, and without PG or PAE there is no PAE paging.
      const loading: Readonly<Record<0 | 4, readonly number[]>> = { 0: [30], 4: [4, 7, 20] };
      for (const register of [0, 4] as const)
        for (let bit = 0; bit < 32; bit++) {
          startPae(0x1e6n | 1n);
          const old = register === 0 ? machine.word('CR0') : machine.word('CR4');
          const value = (old ^ (1 << bit)) >>> 0;
          const mayChange =
            register === 0
              ? ![0, 29, 31].includes(bit)
              : bit !== 5 && bit !== 17 && (skylakeClient.cr4Allowed >>> bit) & 1;
          if (!mayChange) continue;
          machine.set('CR3', table);
          const vector = machine.cpu.writeControlRegister(register, value, 0);
          expect(vector, `CR${register} bit ${bit}`).to.equal(loading[register].includes(bit) ? 13 : -1);
        }
    });
  });

  describe('XSETBV', () => {
    it('takes what contents take', () => {
      const differences = new Differences();
      for (const base of [0n, 1n, 3n, 0xffffffffffffffffn])
        for (const value of around(base))
          differences.add(
            hex(value),
            isXcr0(low(value), high(value), 3),
            machine.cpu.xsetbv(0, low(value), high(value)) === -1,
          );
      differences.expectNone();
      for (const index of [1, 2, 0x80000000]) expect(machine.cpu.xsetbv(index, 1, 0)).to.equal(13);
    });
  });

  describe('MOV to DR6 and DR7', () => {
    it('stores what contents say, and refuses bits 63:32', () => {
      for (const [register, after] of [
        ['dr6', dr6After],
        ['dr7', dr7After],
      ] as const)
        for (const base of [0n, 0xffffffffn])
          for (let bit = 0n; bit < 64n; bit++) {
            const value = base ^ (1n << bit);
            machine.start();
            machine.set('RAX', value);
            const end = machine.run64(`mov ${register}, rax`, `mov rbx, ${register}`);
            const what = `${register} = ${hex(value)}`;
            if (high(value) !== 0) expect([end.vector, end.code], what).to.deep.equal([13, 0]);
            // Set by the first MOV, GD makes the second one a general-detect #DB.
            else if (register === 'dr7' && (value & 0x2000n) !== 0n) expect(end.vector, what).to.equal(1);
            else expect(machine.get('RBX'), what).to.equal(BigInt(after(low(value)) >>> 0));
          }
    });
  });
});
