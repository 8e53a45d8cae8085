// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunOptions, type RunResult } from '../../../support/run.js';

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
