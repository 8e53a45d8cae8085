// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { Ept } from '../../../src/vmm/ept/ept.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';
import { At32, interruptGate, log32, poke, protectedGuest } from '../protected_guest.js';

/** A leaf of CPUID at which the extension below turns EPT off. */
const offLeaf = 0x0ff0ff;
@injectable()
class WithoutEpt implements ExitContribution {
  @inject(Ept) readonly ept!: Ept;
  readonly name = 'without-ept';
  readonly reasons = [ExitReason.Cpuid];
  handleExit({ registers, vmcs }: Exit): boolean {
    if (registers.halves[0] !== offLeaf) return false;
    vmcs.disable('secondary', SecondaryControl.UnrestrictedGuest);
    this.ept.disable(vmcs);
    return false;
  }
}
const withoutEpt = vcpuModule(({ bind }) => bind(ExitContribution).to(WithoutEpt));

const table = At32.tables;
const otherTable = table + 0x20;
const directory = table + 0x1000;
const largePage = 0x83;
const cpuid = ['pushad', 'xor eax, eax', 'cpuid', 'popad'];

/** PAE paging: the first GiB by 2-MiB pages, mapped to itself, and again from 1 GiB on. */
const paged = (...lines: string[]): Uint8Array =>
  protectedGuest([
    ...[13, 14].flatMap((vector) => interruptGate(vector, `fault_${vector}`)),
    'jmp start',
    ...[13, 14].flatMap((vector) => [
      `fault_${vector}: pop ecx`,
      `mov edx, ${vector}`,
      ...log32('edx'),
      ...log32('ecx'),
      'mov [esp], ebp',
      'iretd',
    ]),
    'start: nop',
    ...[table, otherTable].flatMap((at) => [
      ...[poke(at, directory + 1), poke(at + 4, 0), poke(at + 8, directory + 1), poke(at + 12, 0)],
      ...[poke(at + 16, 0), poke(at + 20, 0), poke(at + 24, 0), poke(at + 28, 0)],
    ]),
    ...['xor ecx, ecx', 'map: mov eax, ecx', 'shl eax, 21', `or eax, ${largePage}`, `mov [${directory} + ecx*8], eax`],
    ...[`mov dword ptr [${directory} + ecx*8 + 4], 0`, 'inc ecx', 'cmp ecx, 512', 'jne map'],
    ...['mov eax, cr4', 'or eax, 0x30', 'mov cr4, eax', `mov eax, ${table}`, 'mov cr3, eax'],
    ...['mov eax, cr0', 'or eax, 0x80000000', 'mov cr0, eax', `mov eax, ${offLeaf}`, 'cpuid'],
    ...lines,
  ]);
const tried = (label: string, ...lines: string[]): string[] => [`lea ebp, [${label}]`, ...lines, `${label}: nop`];
const readOther = [...log32(`dword ptr [${0x40000000 + At32.gdt + 8}]`)];

const cases: Readonly<Record<string, Uint8Array>> = {
  'that it used': paged(...cpuid, `or dword ptr [${table + 8}], 2`, ...cpuid, ...readOther, ...cpuid, ...readOther),
  'with an address beyond the physical-address width': paged(
    ...[...cpuid, `mov dword ptr [${table + 12}], 0x80000000`, ...cpuid, ...readOther],
  ),
  'that was not present': paged(
    ...[...cpuid, poke(table + 16, -1), ...cpuid, ...tried('after', 'mov eax, [0x80000000]'), ...readOther],
  ),
  'of a table that it loaded right before': paged(
    ...[...cpuid, `mov eax, ${otherTable}`, 'mov cr3, eax', poke(otherTable + 16, -1), ...cpuid, ...readOther],
  ),
  'after which it loads CR3 with one': paged(
    ...[
      ...cpuid,
      poke(otherTable + 24, -1),
      ...tried('gone', `mov eax, ${otherTable}`, 'mov cr3, eax'),
      'mov eax, cr3',
    ],
    ...[...log32('eax'), ...readOther],
  ),
};

describe('A guest with PAE paging and without EPT writes a reserved bit into a PDPTE', () => {
  for (const [what, guest] of Object.entries(cases)) {
    it(`${what}, and goes on as on the bare machine`, async () => {
      const bare = await runBare(guest);
      const hosted = await runGuest(guest, [], [withoutEpt]);
      expect(bare.end).to.include({ kind: 'powered-off' });
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      expect(readLog(bare.word)).to.not.deep.equal([]);
    });
  }

  it('that the VMM has not seen before: the entry becomes not present', async () => {
    const guest = paged(`mov eax, ${otherTable}`, 'mov cr3, eax', poke(otherTable + 8, -1), ...cpuid, 'nop');
    const { end, word } = await runGuest(guest, [], [withoutEpt]);
    expect(end.kind).to.equal('powered-off');
    expect(word(otherTable + 8)).to.equal(0xfffffffen);
  });
});
