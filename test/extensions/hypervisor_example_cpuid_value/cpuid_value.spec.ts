// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { runUnder } from '../extension_run.js';

/** Leaves EAX and ECX of a leaf's answer as results. */
const cpuid = (leaf: number, subleaf: number, at: number): string[] => [
  'mov rdi, rbx',
  `mov eax, ${leaf}`,
  `mov ecx, ${subleaf}`,
  'cpuid',
  `mov [rdi + ${at}], rax`,
  `mov [rdi + ${at + 8}], rcx`,
  'mov rbx, rdi',
];

describe('hypervisor_example_cpuid_value', () => {
  it('changes the bits that it was told, in one register of one leaf', async () => {
    const code = [...cpuid(1, 0, 0), ...cpuid(7, 0, 16), ...cpuid(1, 0, 32)];
    const plain = await runUnder('cpuid_value', code);
    const settings = {
      'cpuid_value.leaf': '1',
      'cpuid_value.register': '2',
      'cpuid_value.clear': '0x1',
      'cpuid_value.set': '0x80000000',
    };
    const changed = await runUnder('cpuid_value', code, settings);
    const [eax, ecx, ...others] = plain.results;
    expect(ecx! & 0x80000001n, 'SSE3, and no hypervisor').to.equal(1n);
    expect([...changed.results.slice(0, 4)]).to.deep.equal([eax, ecx! ^ 0x80000001n, others[0], others[1]]);
    expect(changed.results[5]).to.equal(changed.results[1]);
    expect(changed.reports).to.deep.equal({ 'cpuid-value': { changed: 2 } });
  });

  it('leaves other subleaves alone', async () => {
    const code = [...cpuid(4, 0, 0), ...cpuid(4, 1, 16)];
    const settings = { 'cpuid_value.leaf': '4', 'cpuid_value.subleaf': '1', 'cpuid_value.clear': '0xffffffff' };
    const plain = await runUnder('cpuid_value', code);
    const changed = await runUnder('cpuid_value', code, settings);
    expect(changed.results[0]).to.equal(plain.results[0]);
    expect([plain.results[2] !== 0n, changed.results[2]]).to.deep.equal([true, 0n]);
    expect(changed.reports).to.deep.equal({ 'cpuid-value': { changed: 1 } });
  });
});
