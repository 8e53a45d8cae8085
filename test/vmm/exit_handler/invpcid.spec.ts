// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { catchFaults, log, readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';

const descriptor = 0x2c0000;
const trapping = vcpuModule(({ bind }) =>
  bind(VmcsContribution).toConstantValue({
    name: 'trapping',
    setUp: (vmcs) => vmcs.enable('primary', PrimaryControl.InvlpgExiting),
  }),
);

const catching = [...catchFaults([6, 12, 13, 14]), 'lea r14, [rip + after]'];
const guest = (...lines: string[]): readonly string[] => [...catching, ...lines, 'after: mov rax, rbx', ...log('rax')];
const operands = (type: string, first: string, linear: string): string[] => [
  `movabs rbx, ${type}`,
  `mov esi, ${descriptor}`,
  `movabs rax, ${first}`,
  'mov [rsi], rax',
  `movabs rax, ${linear}`,
  'mov [rsi + 8], rax',
];
const valid = operands('2', '0', '0');
const cases: readonly (readonly [what: string, lines: readonly string[], exits: number])[] = [
  ['an address', guest(...operands('0', '0', '0x1234'), 'invpcid rbx, [rsi]'), 1],
  ['all PCIDs', guest(...valid, 'invpcid rbx, [rsi]'), 1],
  ['all PCIDs but global pages', guest(...operands('3', '0', '0'), 'invpcid rbx, [rsi]'), 1],
  ['a type above 3', guest(...operands('0x100000001', '0', '0'), 'invpcid rbx, [rsi]'), 1],
  ['a reserved bit', guest(...operands('2', '0x8000000000000000', '0'), 'invpcid rbx, [rsi]'), 1],
  ['an address that is not canonical', guest(...operands('0', '0', '0x800000000000'), 'invpcid rbx, [rsi]'), 1],
  ['a PCID while PCIDs are off', guest(...operands('1', '1', '0'), 'invpcid rbx, [rsi]'), 1],
  ['an operand that is not mapped', guest(...valid, 'movabs rsi, 0x700000001000', 'invpcid rbx, [rsi]'), 1],
];

/** A page of its own, which leads to two places, one after the other. Without an invalidation a read finds the first one again. */
const tables = { pointers: 0x2d0000, directory: 0x2d1000, pages: 0x2d2000 } as const;
const [first, second] = [0x2d4000, 0x2d5000];
const readMapped = 'mov rax, [r8]';
const pointTo = (entry: string, target: number): string[] => [`mov eax, ${target | 3}`, `mov [${entry}], rax`];
const mapped = [
  'mov rsi, cr3',
  'and rsi, -4096',
  ...pointTo('rsi + 8 * 7', tables.pointers),
  ...pointTo(`${tables.pointers}`, tables.directory),
  ...pointTo(`${tables.directory}`, tables.pages),
  ...pointTo(`${tables.pages}`, first),
  `mov qword ptr [${first}], 1`,
  `mov qword ptr [${second}], 2`,
  `movabs r8, ${7 * 2 ** 39}`,
  readMapped,
  ...log('rax'),
  ...pointTo(`${tables.pages}`, second),
  readMapped,
  ...log('rax'),
];

describe('INVPCID that exits', () => {
  for (const [what, lines, exits] of cases) {
    it(`does what it does on the bare machine: ${what}`, async () => {
      const bare = await runBare(lines);
      const hosted = await runGuest(lines, [], [trapping]);
      expect(bare.end.kind).to.equal('powered-off');
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      expect(hosted.instructions).to.equal(bare.instructions);
      expect(hosted.exits[ExitReason.Invpcid]).to.equal(exits);
    });
  }

  it('drops the guest’s translations while entries keep them', async () => {
    const withVpid = vcpuModule(({ bind }) =>
      bind(VmcsContribution).toConstantValue({
        name: 'with-vpid',
        setUp: (vmcs) => {
          vmcs.enable('primary', PrimaryControl.InvlpgExiting);
          vmcs.write(VmcsField.VirtualProcessorIdentifier, 9n);
          vmcs.enable('secondary', SecondaryControl.EnableVpid);
        },
      }),
    );
    const lines = [...mapped, ...valid, 'invpcid rbx, [rsi]', readMapped, ...log('rax')];
    const { exits, word } = await runGuest([...catching, ...lines, 'after: nop'], [], [withVpid]);
    expect(exits[ExitReason.Invpcid]).to.equal(1);
    expect(readLog(word)).to.deep.equal([1n, 1n, 2n]);
  });

  it('is not undefined, and does not exit, without INVLPG exiting', async () => {
    const { exits, word } = await runGuest(guest(...valid, 'invpcid rbx, [rsi]'), []);
    expect(exits[ExitReason.Invpcid] ?? 0).to.equal(0);
    expect(readLog(word)).to.deep.equal([2n]);
  });
});

describe('An invalidation that exits, without VPIDs', () => {
  const instructions: Record<string, readonly string[]> = {
    INVLPG: ['invlpg [r8]'],
    INVPCID: [...valid, 'invpcid rbx, [rsi]'],
  };
  for (const [name, lines] of Object.entries(instructions))
    it(`drops the guest’s translations: ${name}`, async () => {
      const code = [...catching, ...mapped, ...lines, readMapped, ...log('rax'), 'after: nop'];
      const [bare, hosted] = [await runBare(code), await runGuest(code, [], [trapping])];
      expect(readLog(bare.word)).to.deep.equal([1n, 1n, 2n]);
      expect(readLog(hosted.word)).to.deep.equal([1n, 1n, 2n]);
    });
});
