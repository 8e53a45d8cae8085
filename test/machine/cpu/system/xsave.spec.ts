// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { Vector } from '../../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Cr4 } from '../../../../src/intrinsics/registers/registers.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { Flat, run, type RunOptions, type RunResult } from '../../../support/run.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const wide = (value: bigint): number[] => [...new Uint8Array(new BigUint64Array([value]).buffer)];
const enable = ['mov rax, cr4', 'bts eax, 18', 'mov cr4, rax', 'mov ecx, 0', 'mov edx, 0', 'mov eax, 3', 'xsetbv'];
function xsave(options: RunOptions, ...code: string[]): RunResult {
  return run({ rdi: Flat.data, ...options }, ...enable, ...code);
}
const mask = (value: number): string[] => [`mov eax, ${value}`, 'mov edx, 0'];
const header = Flat.data + 512;

describe('XSAVE feature set', () => {
  it('is #UD without CR4.OSXSAVE', () => {
    expect(run({ rdi: Flat.data }, 'xsave [rdi]').fault?.vector).to.equal(6);
    expect(run({ rdi: Flat.data }, 'xrstor [rdi]').fault?.vector).to.equal(6);
    expect(run({ rcx: 0 }, 'xgetbv').fault?.vector).to.equal(6);
  });
  it('XGETBV reads XCR0, and with ECX = 1 what is in use', () => {
    expect(xsave({}, 'xgetbv')).to.include({ rax: 3n, rdx: 0n });
    expect(xsave({}, 'fninit', 'pcmpeqd xmm0, xmm0', 'mov ecx, 1', 'xgetbv').rax).to.equal(2n);
    expect(xsave({}, 'mov ecx, 2', 'xgetbv').fault).to.include({ vector: 13, code: 0 });
  });
  it('XSAVE writes the requested components and their header bits', () => {
    const result = xsave(
      { memory: { [header]: wide(1n << 5n) } },
      'fninit',
      'fld1',
      'pcmpeqd xmm0, xmm0',
      ...mask(2),
      'xsave [rdi]',
    );
    expect(result.number(Flat.data, 2), 'x87 not requested').to.equal(0n);
    expect(result.number(Flat.data + 160, 16)).to.equal((1n << 128n) - 1n);
    expect(result.number(header, 8)).to.equal(0x22n);
  });
  it('XSAVEC writes the compacted header; XRSTOR restores or initialises', () => {
    const saved = [
      'fninit',
      'pcmpeqd xmm1, xmm1',
      ...mask(3),
      'xsavec [rdi]',
      'pxor xmm1, xmm1',
      'fld1',
      ...mask(3),
      'xrstor [rdi]',
      'movups [rdi + 0x280], xmm1',
      'fnstenv [rdi + 0x2c0]',
    ];
    const result = xsave({}, ...saved);
    expect(result.number(header, 8)).to.equal(2n);
    expect(result.number(header + 8, 8)).to.equal((1n << 63n) | 3n);
    expect(result.number(Flat.data + 0x280, 16)).to.equal((1n << 128n) - 1n);
    expect(result.number(Flat.data + 0x2c0 + 8, 2), 'x87 initialised').to.equal(0xffffn);
  });
  it('XRSTOR refuses bad headers, reserved MXCSR bits and misalignment', () => {
    const faults = (memory: Record<number, number[]>): number | undefined =>
      xsave({ memory }, ...mask(3), 'xrstor [rdi]').fault?.vector;
    expect(faults({ [header]: wide(4n) }), 'XSTATE_BV beyond XCR0').to.equal(13);
    expect(faults({ [header + 8]: wide(1n) }), 'XCOMP_BV in the standard form').to.equal(13);
    expect(faults({ [header + 8]: wide((1n << 63n) | 1n), [header]: wide(2n) }), 'XSTATE_BV beyond XCOMP_BV').to.equal(
      13,
    );
    expect(faults({ [header + 16]: wide(1n) }), 'reserved bytes').to.equal(13);
    expect(faults({ [header]: wide(3n), [Flat.data + 24]: [0, 0, 1, 0] }), 'MXCSR').to.equal(13);
    expect(xsave({}, ...mask(3), 'xsave [rdi + 16]').fault?.vector).to.equal(13);
    expect(faults({}), 'nothing present').to.equal(undefined);
  });
  it('XSAVEOPT leaves the area of an unused component', () => {
    const result = xsave(
      { memory: { [Flat.data + 160]: wide(0x55n) } },
      'fninit',
      ...Array.from({ length: 16 }, (_, i) => `pxor xmm${i}, xmm${i}`),
      ...mask(3),
      'xsaveopt [rdi]',
    );
    expect(result.number(Flat.data + 160, 8)).to.equal(0x55n);
    expect(result.number(header, 8) & 2n).to.equal(0n);
  });
  it('raise #NM with CR0.TS', () => {
    expect(xsave({}, 'mov rax, cr0', 'or al, 8', 'mov cr0, rax', 'xsave [rdi]').fault?.vector).to.equal(7);
  });
});

describe('XSAVES and XRSTORS', () => {
  // [RDI], in 64-bit mode
  const xsaves = '.byte 0x0f, 0xc7, 0x2f';
  const xrstors = '.byte 0x0f, 0xc7, 0x1f';

  it('save in the compacted form what is in use, and restore or initialise', () => {
    const result = xsave(
      {},
      'fninit',
      'pcmpeqd xmm1, xmm1',
      ...mask(0x103),
      xsaves,
      'pxor xmm1, xmm1',
      'fld1',
      ...mask(0x103),
      xrstors,
      'movups [rdi + 0x280], xmm1',
      'fnstenv [rdi + 0x2c0]',
    );
    expect(result.fault).to.equal(undefined);
    expect(result.number(header, 8)).to.equal(2n);
    expect(result.number(header + 8, 8)).to.equal((1n << 63n) | 3n);
    expect(result.number(Flat.data + 0x280, 16)).to.equal((1n << 128n) - 1n);
    expect(result.number(Flat.data + 0x2c0 + 8, 2), 'x87 initialised').to.equal(0xffffn);
  });

  it('leave XMM registers of an unrequested component alone', () => {
    const result = xsave({}, 'fninit', ...mask(1), xsaves, 'pcmpeqd xmm1, xmm1', xrstors, 'movups [rdi + 0x280], xmm1');
    expect(result.number(header + 8, 8)).to.equal((1n << 63n) | 1n);
    expect(result.number(Flat.data + 0x280, 16)).to.equal((1n << 128n) - 1n);
  });

  it('XRSTORS refuses the standard form, components that are not on, reserved bytes and bits of MXCSR', () => {
    const compacted = (bits: bigint): number[] => wide((1n << 63n) | bits);
    const faults = (memory: Record<number, number[]>): number | undefined =>
      xsave({ memory }, ...mask(3), xrstors).fault?.vector;
    expect(faults({ [header]: wide(3n) }), 'the standard form').to.equal(Vector.GeneralProtection);
    expect(faults({ [header + 8]: compacted(0x103n) }), 'XCOMP_BV').to.equal(Vector.GeneralProtection);
    expect(faults({ [header + 8]: compacted(1n), [header]: wide(2n) }), 'XSTATE_BV').to.equal(Vector.GeneralProtection);
    expect(faults({ [header + 8]: compacted(3n), [header + 24]: wide(1n) }), 'header').to.equal(
      Vector.GeneralProtection,
    );
    const mxcsr = { [header + 8]: compacted(3n), [header]: wide(3n), [Flat.data + 24]: [0, 0, 1, 0] };
    expect(faults(mxcsr), 'MXCSR').to.equal(Vector.GeneralProtection);
    expect(faults({ [header + 8]: compacted(3n) })).to.equal(undefined);
    expect(xsave({}, ...mask(3), 'add rdi, 16', xsaves).fault?.vector, 'alignment').to.equal(Vector.GeneralProtection);
    expect(xsave({}, 'mov rax, cr0', 'or al, 8', 'mov cr0, rax', xsaves).fault?.vector, 'TS').to.equal(7);
    expect(run({ rdi: Flat.data }, xsaves).fault?.vector, 'OSXSAVE').to.equal(Vector.InvalidOpcode);
  });

  describe('for the supervisor', () => {
    let machine: SystemMachine;
    before(async () => {
      machine = await SystemMachine.make();
    });
    afterEach(() => {
      for (const word of ['VMX_MODE', 'VMX_SECONDARY', 'XSS', 'VMX_XSS_EXITING'] as const)
        machine.u32[Layout[word] / 4] = 0;
    });

    it('are #GP(0) outside CPL 0', () => {
      for (const instruction of [xsaves, xrstors]) {
        machine.start({ cpl: 3 });
        machine.set('CR4', machine.get('CR4') | BigInt(Cr4.Osxsave));
        machine.write(At.userCode, [instruction]);
        expect(machine.go()).to.include({ vector: Vector.GeneralProtection, code: 0 });
      }
    });

    /** A guest with a supervisor component that the model lacks: only so can the bitmap trap. */
    function guest(secondary: number, requestedMask: number, trapped: number, instruction: string): StopReason {
      machine.start();
      machine.set('CR4', machine.get('CR4') | BigInt(Cr4.Osxsave));
      machine.set('XCR0', 3n);
      machine.set('XSS', 0x100n);
      machine.set('VMX_XSS_EXITING', BigInt(trapped));
      machine.u32[Layout.VMX_MODE / 4] = 2;
      machine.u32[Layout.VMX_SECONDARY / 4] = secondary;
      machine.stateChanged();
      machine.set('RDI', At.pages);
      machine.set('RAX', requestedMask);
      machine.poke64(At.pages + 520, 1n << 63n);
      machine.write(At.kernelCode, [instruction]);
      return machine.run(1000);
    }
    const enabled = SecondaryControl.EnableXsavesXrstors;

    for (const [name, instruction, reason] of [
      ['XSAVES', xsaves, ExitReason.Xsaves],
      ['XRSTORS', xrstors, ExitReason.Xrstors],
    ] as const) {
      it(`${name} is #UD in a guest without its control`, () => {
        expect(guest(0, 0x100, 0x100, instruction)).to.equal(StopReason.Idle);
        expect(machine.ending().vector).to.equal(Vector.InvalidOpcode);
      });
      it(`${name} exits for a requested component of IA32_XSS that the bitmap has, and for no other`, () => {
        expect(guest(enabled, 0x100, 0x100, instruction)).to.equal(StopReason.VmExit);
        expect(machine.word('EXIT_REASON')).to.equal(reason);
        expect(machine.get('EXIT_QUALIFICATION')).to.equal(0n);
        // 64-bit addresses, DS, no index, base RDI
        const information = (2 << 7) | (3 << 15) | (1 << 22) | (7 << 23);
        expect(machine.word('EXIT_INSTRUCTION_INFORMATION')).to.equal(information);
        expect(guest(enabled, 0x003, 0x100, instruction), 'not requested').to.equal(StopReason.Idle);
        expect(machine.ending().vector).to.equal(undefined);
        expect(guest(enabled, 0x100, 0x003, instruction), 'not of IA32_XSS').to.equal(StopReason.Idle);
        expect(machine.ending().vector).to.equal(undefined);
      });
    }
  });
});
