// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../../src/intrinsics/vmcs/vmcs_fields.js';
import { FLAT_IMAGE_ADDRESS } from '../../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../../src/machine/pc.js';
import { assemble } from '../../../support/assembler.js';
import { coreModule } from '../../../support/test_core.js';

const pointer = 0x200000;
const vmxonRegion = 0x201000;
const vmcsRegion = 0x202000;
const results = 0x203000;
/** No page is there. */
const unmapped = 0x7000000000;

/** VMX operation, without a current VMCS. */
const vmxon = [
  'mov ecx, 0x3a',
  'rdmsr',
  'test eax, 1',
  'jnz locked',
  'mov eax, 5',
  'xor edx, edx',
  'wrmsr',
  'locked:',
  'mov rax, cr0',
  'or eax, 0x20',
  'mov cr0, rax',
  'mov rax, cr4',
  'or eax, 0x2000',
  'mov cr4, rax',
  'mov ecx, 0x480',
  'rdmsr',
  `mov dword ptr [${vmxonRegion}], eax`,
  `mov dword ptr [${vmcsRegion}], eax`,
  `mov qword ptr [${pointer}], ${vmxonRegion}`,
  `mov ebx, ${pointer}`,
  'vmxon qword ptr [rbx]',
  `mov rdi, ${unmapped}`,
];
const currentVmcs = [`mov qword ptr [${pointer}], ${vmcsRegion}`, 'vmclear qword ptr [rbx]', 'vmptrld qword ptr [rbx]'];
/** The assembler does not take these with memory operands: RCX or RAX, and [RDI]. */
const inveptOf = (type: number): string[] => [`mov rcx, ${type}`, '.byte 0x66, 0x0f, 0x38, 0x80, 0x0f'];
const invvpidOf = (type: number): string[] => [`mov rcx, ${type}`, '.byte 0x66, 0x0f, 0x38, 0x81, 0x0f'];
const vmreadOf = (field: number | bigint): string[] => [`mov rax, ${field}`, '.byte 0x0f, 0x78, 0x07'];
const vmwriteOf = (field: number | bigint): string[] => [`mov rax, ${field}`, '.byte 0x0f, 0x79, 0x07'];
const vmread = vmreadOf(VmcsField.GuestEsSelector);
const vmwrite = vmwriteOf(VmcsField.GuestEsSelector);
const vmxonAgain = ['.byte 0xf3, 0x0f, 0xc7, 0x37'];
/** No field has these: an index without a field, the high half of a field of 32 bits, a reserved bit, a bit above 31. */
const noFields = [
  0x1e,
  VmcsField.PinBasedVmExecutionControls | 1,
  VmcsField.GuestCr0 | 0x1000,
  (1n << 32n) | BigInt(VmcsField.GuestCr0),
];

/** How the instructions ended that a guest executed: CF and ZF of each, or why it died when one of them raised an exception, which nothing handles. */
async function flagsOf(start: readonly string[], instructions: readonly string[][]): Promise<string[] | string> {
  const lines = instructions.flatMap((instruction, i) => [
    ...instruction,
    `setb byte ptr [${results + 2 * i}]`,
    `setz byte ptr [${results + 2 * i + 1}]`,
  ]);
  const bytes = assemble([...start, ...lines, 'cli', 'hlt'], 64, FLAT_IMAGE_ADDRESS);
  const pc = await Pc.create({ coreModule: await coreModule(), memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  const end = pc.runQuantum(() => true);
  if (end === undefined) throw new Error('the guest has not ended');
  if (end.isHalted !== true) return end.detail;
  const at = (address: number): number => pc.ram.slice(address, address + 1)[0]!;
  return instructions.map((_, i) => `CF ${at(results + 2 * i)}, ZF ${at(results + 2 * i + 1)}`);
}

describe('An instruction that fails before it touches its operand in memory', () => {
  const failInvalid = 'CF 1, ZF 0';
  const failValid = 'CF 0, ZF 1';

  it('is VMREAD, VMWRITE, and INVEPT and INVVPID of a type that does not exist, without a current VMCS', async () => {
    const flags = await flagsOf(vmxon, [vmread, vmwrite, inveptOf(0), inveptOf(99), invvpidOf(4)]);
    expect(flags).to.deep.equal(Array(5).fill(failInvalid));
  });
  it('is INVEPT and INVVPID of a type that does not exist, with one', async () => {
    const flags = await flagsOf([...vmxon, ...currentVmcs], [inveptOf(0), inveptOf(3), invvpidOf(4), invvpidOf(99)]);
    expect(flags).to.deep.equal(Array(4).fill(failValid));
  });
  it('is VMREAD and VMWRITE of a field that does not exist, and VMWRITE of a read-only field', async () => {
    const instructions = [...noFields.map(vmreadOf), ...noFields.map(vmwriteOf), vmwriteOf(VmcsField.ExitReason)];
    const flags = await flagsOf([...vmxon, ...currentVmcs], instructions);
    expect(flags).to.deep.equal(Array(2 * noFields.length + 1).fill(failValid));
  });
  it('is VMXON in VMX root operation', async () => {
    expect(await flagsOf(vmxon, [vmxonAgain])).to.deep.equal([failInvalid]);
    expect(await flagsOf([...vmxon, ...currentVmcs], [vmxonAgain])).to.deep.equal([failValid]);
  });
  for (const [name, instruction] of Object.entries({
    'VMREAD of a read-only field': vmreadOf(VmcsField.ExitReason),
    VMREAD: vmread,
    VMWRITE: vmwrite,
    INVEPT: inveptOf(1),
    INVVPID: invvpidOf(2),
  }))
    it(`is not ${name} that goes on to its operand, which faults`, async () => {
      expect(await flagsOf([...vmxon, ...currentVmcs], [instruction])).to.match(/^triple fault/);
    });
});
