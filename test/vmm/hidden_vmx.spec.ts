// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VMCALL_MAGIC, VmcallOpcode } from '../../src/vmm/exit/vmcall_interface.js';
import { CpuidLeaf, FeatureInformationEcx } from '../../src/intrinsics/registers/cpuid_leaves.js';
import { vmxMsrs } from '../../src/intrinsics/registers/msr_definitions.js';
import { Cr4 } from '../../src/intrinsics/registers/registers.js';
import { vcpuModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { CpuidContribution } from '../../src/vmm/contributions/cpuid_contribution.js';
import { MsrContribution } from '../../src/vmm/contributions/msr_contribution.js';
import { VmcallContribution } from '../../src/vmm/contributions/vmcall_contribution.js';
import { guestMachine, print } from '../driver/carve_out_guest.js';
import { handlers, log, readLog } from './guest_programs.js';
import { runBare, runGuest } from './machine_vmm.js';

const InvalidOpcode = 6n;
const GeneralProtection = 13n;

/** Goes on at R14 after #UD and #GP, with the vector in R15. */
const faults = [
  ...handlers({ 6: 'ud', 13: 'gp' }),
  'jmp begin',
  'gp: mov r15d, 13',
  'add rsp, 8',
  ...['mov [rsp], r14', 'iretq'],
  'ud: mov r15d, 6',
  ...['mov [rsp], r14', 'iretq'],
  'begin: nop',
];
let labels = 0;
/** Executes lines, and logs the vector of their fault, 0 for none. */
const attempt = (...lines: readonly string[]): string[] => {
  const label = `after_${labels++}`;
  return [`lea r14, [rip + ${label}]`, 'xor r15d, r15d', ...lines, `${label}: nop`, ...log('r15')];
};
const readMsr = (msr: number): string[] => [`mov ecx, ${msr}`, 'rdmsr'];
const writeMsr = (msr: number): string[] => [`mov ecx, ${msr}`, 'xor eax, eax', 'xor edx, edx', 'wrmsr'];
const memory = 0x300000;
/** VMX instructions: with memory at [RDI], or with registers. */
const vmxInstructions: readonly (readonly string[])[] = [
  ['.byte 0x0f, 0x01, 0xc4'], // VMXOFF
  ['.byte 0x0f, 0x01, 0xc2'], // VMLAUNCH
  ['.byte 0x0f, 0x01, 0xc3'], // VMRESUME
  ['.byte 0xf3, 0x0f, 0xc7, 0x37'], // VMXON
  ['.byte 0x66, 0x0f, 0xc7, 0x37'], // VMCLEAR
  ['.byte 0x0f, 0xc7, 0x37'], // VMPTRLD
  ['.byte 0x0f, 0xc7, 0x3f'], // VMPTRST
  ['.byte 0x0f, 0x78, 0xc8'], // VMREAD
  ['.byte 0x0f, 0x79, 0xc8'], // VMWRITE
  ['.byte 0x66, 0x0f, 0x38, 0x80, 0x0f'], // INVEPT
  ['.byte 0x66, 0x0f, 0x38, 0x81, 0x0f'], // INVVPID
  ['.byte 0x0f, 0x01, 0xd4'], // VMFUNC
  ['.byte 0x0f, 0x37'], // GETSEC
];

describe('A guest under a VMM that does not nest', () => {
  it('has a processor without VMX: CPUID, CR4, MSRs and instructions say so', async () => {
    const { end, word } = await runGuest(
      [
        ...faults,
        ...[
          `mov eax, ${CpuidLeaf.FeatureInformation}`,
          'cpuid',
          `and ecx, ${FeatureInformationEcx.Vmx}`,
          ...log('rcx'),
        ],
        ...['mov rbx, cr4', `and ebx, ${Cr4.VmxEnableBit}`, ...log('rbx')],
        ...attempt('mov rax, cr4', `or eax, ${Cr4.VmxEnableBit}`, 'mov cr4, rax'),
        ...vmxMsrs.flatMap((msr) => [...attempt(...readMsr(msr)), ...attempt(...writeMsr(msr))]),
        `mov edi, ${memory}`,
        ...vmxInstructions.flatMap((lines) => attempt(...lines)),
      ],
      [],
    );
    expect(end.kind, end.detail).to.equal('powered-off');
    const [vmx, vmxe, writesVmxe, ...rest] = readLog(word);
    expect([vmx, vmxe, writesVmxe]).to.deep.equal([0n, 0n, GeneralProtection]);
    const msrs = rest.slice(0, 2 * vmxMsrs.length);
    expect(msrs).to.deep.equal(new Array(2 * vmxMsrs.length).fill(GeneralProtection));
    expect(rest.slice(msrs.length)).to.deep.equal(new Array(vmxInstructions.length).fill(InvalidOpcode));
  });

  it('sees what a contribution shows instead', async () => {
    const cpuid: CpuidContribution = {
      name: 'nesting-cpuid',
      leaves: [CpuidLeaf.FeatureInformation],
      handleCpuid: (_leaf, _subleaf, result) => {
        result[2] = result[2]! | FeatureInformationEcx.Vmx;
        return false;
      },
    };
    const msr: MsrContribution = { name: 'nesting-msr', msrs: [0x480], handleMsrRead: () => 0x1234n };
    const { word } = await runGuest(
      [
        ...faults,
        ...[
          `mov eax, ${CpuidLeaf.FeatureInformation}`,
          'cpuid',
          `and ecx, ${FeatureInformationEcx.Vmx}`,
          ...log('rcx'),
        ],
        ...attempt(...readMsr(0x480)),
        ...log('rax'),
      ],
      [],
      [
        vcpuModule(({ bind }) => {
          bind(CpuidContribution).toConstantValue(cpuid);
          bind(MsrContribution).toConstantValue(msr);
        }),
      ],
    );
    expect(readLog(word)).to.deep.equal([BigInt(FeatureInformationEcx.Vmx), 0n, 0x1234n]);
  });

  it('cannot end the VMM’s hold by VMXOFF: status, VMCALLs and stop are as before', async () => {
    const { driver, run, console } = await guestMachine([
      ...faults,
      ...print('A'),
      ...attempt('.byte 0x0f, 0x01, 0xc4'),
      'lea eax, [r15 + 48]',
      ...['mov edx, 0x3f8', 'out dx, al'],
      'mov ecx, 1000000',
      'wait: dec ecx',
      'jnz wait',
      ...print('B'),
    ]);
    await driver.load();
    driver.start();
    run(3);
    expect(console()).to.equal('A6');
    expect(driver.status).to.equal('VMM_RUNNING');
    expect(driver.vmcall(0, { r00: 1n, r02: 1n }).r03).to.equal(1n);
    driver.stop();
    expect(driver.status).to.equal('VMM_LOADED');
    expect(run()?.kind).to.equal('powered-off');
    expect(console()).to.equal('A6B');
    driver.close();
  });
});

/** Where the guest of user mode has its tables. */
const At = { pml4: 0x310000, pdpt: 0x311000, directory: 0x312000, gdt: 0x313000, gdtr: 0x314000, tss: 0x315000 };
const poke = (address: number, value: bigint): string[] => [
  `movabs rax, ${value}`,
  `mov edi, ${address}`,
  'mov [rdi], rax',
];

/** Lines that run `lines` at CPL 3; a fault goes on at CPL 0 with its vector in the log. */
const userMode = (lines: readonly string[]): string[] => [
  ...handlers({ 6: 'ud', 13: 'gp' }),
  ...poke(At.pml4, BigInt(At.pdpt) | 7n),
  ...poke(At.pdpt, BigInt(At.directory) | 7n),
  ...[0, 1].flatMap((index) => poke(At.directory + 8 * index, (BigInt(index) << 21n) | 0x87n)),
  ...[
    0n,
    0x00af9b000000ffffn,
    0x00af9b000000ffffn,
    0x00cf93000000ffffn,
    0x00affb000000ffffn,
    0x00cff3000000ffffn,
  ].flatMap((entry, index) => poke(At.gdt + 8 * index, entry)),
  ...poke(At.gdt + 48, 0x0000_8900_0000_0067n | (BigInt(At.tss & 0xffffff) << 16n)),
  ...poke(At.gdt + 56, 0n),
  ...poke(At.tss + 4, 0x1f0000n),
  ...poke(At.gdtr, 0x3fn | (BigInt(At.gdt) << 16n)),
  ...[`mov edi, ${At.gdtr}`, 'lgdt [rdi]', 'mov eax, 0x30', 'ltr ax', `mov eax, ${At.pml4}`, 'mov cr3, rax'],
  ...['push 0x2b', 'push 0x1e0000', 'push 2', 'push 0x23', 'lea rax, [rip + user]', 'push rax', 'iretq'],
  `user: ${lines[0]}`,
  ...lines.slice(1),
  'gp: add rsp, 8',
  'mov r15d, 13',
  'jmp end',
  'ud: mov r15d, 6',
  'end: nop',
  ...log('r15'),
  // The selector of the code that faulted.
  'mov rbx, [rsp + 8]',
  ...log('rbx'),
  ...log('rdx'),
];
const vmcall = (opcode: number): string[] => [
  `mov eax, ${opcode}`,
  `movabs rdx, ${VMCALL_MAGIC}`,
  'xor ecx, ecx',
  'vmcall',
];

describe('User mode of a guest', () => {
  for (const [what, lines] of [
    ['VMCALL', vmcall(VmcallOpcode.VMCALL_VERSIONS)],
    ['VMCALL stop', vmcall(VmcallOpcode.VMCALL_STOP)],
    ['VMXOFF', ['.byte 0x0f, 0x01, 0xc4']],
    ['VMREAD', ['.byte 0x0f, 0x78, 0xc8']],
  ] as const) {
    it(`gets #UD for ${what}, as without a VMM`, async () => {
      const guest = userMode(lines);
      const bare = await runBare(guest);
      const { end, word } = await runGuest(guest, []);
      expect(end.kind, end.detail).to.equal('powered-off');
      expect(readLog(word).slice(0, 2)).to.deep.equal([InvalidOpcode, 0x23n]);
      expect(readLog(word)).to.deep.equal(readLog(bare.word));
    });
  }

  it('may make the VMCALLs of a contribution that allows it', async () => {
    const opcode = 0x80;
    const contribution: VmcallContribution = {
      name: 'user',
      opcodes: [opcode],
      allowsUserMode: true,
      handleVmcall: () => true,
    };
    const module: PartModule = vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution));
    const { word } = await runGuest(userMode([...vmcall(opcode), 'ud2']), [], [module]);
    expect(readLog(word), 'the fault of UD2, and the result in RDX').to.deep.equal([InvalidOpcode, 0x23n, 0n]);
  });
});
