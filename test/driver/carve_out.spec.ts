// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VMCALL_MAGIC, VmcallDataType, VmcallOpcode } from '../../src/vmm/exit/vmcall_interface.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { driverInstruction, DriverPage, driverVirtual } from '../../src/machine/driver_context/driver_pages.js';
import { CarveOut, guestMachine, mapCarveOut, print } from './carve_out_guest.js';
import { temporaryFolder } from './node/temporary_folder.js';

/** Counts the qwords of the carve-out that are not all ones, writes each, and counts again. Prints `0` for each count that is 0, else `1`. */
const count = (label: string): string[] => [
  'xor ebx, ebx',
  `movabs rsi, ${CarveOut.start}`,
  `mov ecx, ${CarveOut.bytes / 4096}`,
  `${label}: cmp qword ptr [rsi], -1`,
  `je ${label}a`,
  'mov ebx, 1',
  `${label}a: cmp qword ptr [rsi + 0xff8], -1`,
  `je ${label}b`,
  'mov ebx, 1',
  `${label}b: add rsi, 4096`,
  'dec ecx',
  `jnz ${label}`,
  'mov edx, 0x3f8',
  'lea eax, [rbx + 48]',
  'out dx, al',
];

const fill = [
  'movabs rax, 0x4142434445464748',
  `movabs rdi, ${CarveOut.start}`,
  `mov ecx, ${CarveOut.bytes / 4096}`,
  'fill: mov [rdi], rax',
  'lock xadd [rdi + 0xff8], rax',
  'movabs rax, 0x4142434445464748',
  'add rdi, 4096',
  'dec ecx',
  'jnz fill',
];

const probe = [...mapCarveOut, ...print('S'), ...count('first'), ...fill, ...count('second'), ...print('E')];

/** Writes over the whole carve-out for ever. */
const wipe = [
  ...mapCarveOut,
  'again:',
  `movabs rdi, ${CarveOut.start}`,
  `mov ecx, ${CarveOut.bytes / 4096}`,
  'movabs rax, 0x4142434445464748',
  'page: mov [rdi], rax',
  'mov [rdi + 0xff8], rax',
  'add rdi, 4096',
  'mov ebx, 50',
  'wait: dec ebx',
  'jnz wait',
  'dec ecx',
  'jnz page',
  ...print('.'),
  'jmp again',
];

const withoutEpt = temporaryFolder().write(
  'without_ept.ts',
  `import { Ept, vcpuModule, VmcsContribution, type Vmcs } from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class WithoutEpt implements VmcsContribution {
     @inject(Ept) readonly ept!: Ept;
     readonly name = 'without-ept';
     setUp(vmcs: Vmcs): void {
       vmcs.secondaryProcessorBasedVmExecutionControls.unrestrictedGuest.disable();
       this.ept.disable(vmcs);
     }
   }
   export default vcpuModule(({ bind }) => bind(VmcsContribution).to(WithoutEpt));`,
);

// The guest's own view of the VMM's memory: as of memory that is not there.
describe('The carve-out', () => {
  it('is no memory to a guest without a VMM, and none to it while one is loaded', async () => {
    for (const isLoaded of [false, true]) {
      const { driver, run, console, carveOut } = await guestMachine(probe);
      if (isLoaded) await driver.load();
      const before = Buffer.from(carveOut);
      expect(run()?.kind).to.equal('powered-off');
      expect(console()).to.equal('S00E');
      expect(before.equals(carveOut), 'nothing changed').to.equal(true);
      if (isLoaded) expect(before.some((byte) => byte !== 0)).to.equal(true);
      driver.close();
    }
  });

  for (const [what, module] of [
    ['with EPT', undefined],
    ['without EPT', withoutEpt],
  ] as const) {
    it(`is no memory to a guest under a VMM ${what}, which the guest cannot harm`, async () => {
      const { pc, driver, run, console } = await guestMachine(probe, module);
      await driver.load();
      driver.start();
      run(3);
      expect(driver.vmcall(0, { r00: 1n, r02: 1n }).r03).to.equal(1n);
      expect(run()?.kind).to.equal('powered-off');
      expect(console()).to.equal('S00E');
      expect(pc.exits()[48] ?? 0, 'no VM exit is needed').to.equal(0);
      driver.close();
    });
  }

  for (const [what, address] of [
    ["the VMM's memory", CarveOut.start + 0x10_0000],
    ["the driver's pages", CarveOut.start + CarveOut.bytes - 0x10_0000],
  ] as const) {
    it(`is no buffer of a guest's VMCALL: ${what}`, async () => {
      const call = (input: number, output: number): string[] => [
        `mov eax, ${VmcallOpcode.VMCALL_DATA}`,
        `movabs rdx, ${VMCALL_MAGIC}`,
        `mov esi, ${VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED}`,
        `movabs r8, ${input}`,
        'mov r9d, 64',
        `movabs r11, ${output}`,
        'mov r12d, 64',
        'vmcall',
        'test rdx, rdx',
        'setz al',
        'add al, 48',
        'mov edx, 0x3f8',
        'out dx, al',
      ];
      const ram = 0x400000;
      const lines = [...mapCarveOut, ...call(ram, ram), ...call(address, ram), ...call(ram, address), ...print('E')];
      const { driver, run, console, carveOut } = await guestMachine(lines);
      await driver.load();
      driver.start();
      const before = Buffer.from(carveOut.subarray(address - CarveOut.start, address - CarveOut.start + 64));
      expect(run()?.kind).to.equal('powered-off');
      expect(console()).to.equal('100E');
      expect(before.equals(carveOut.subarray(address - CarveOut.start, address - CarveOut.start + 64))).to.equal(true);
      driver.close();
    });
  }

  it("lets VMCALLs and stop work when the guest sets breakpoints on the driver's pages, and the guest keeps its own", async () => {
    const code = driverVirtual(0, DriverPage.Code);
    const lines = [
      `movabs rax, ${code + BigInt(driverInstruction('vmcall').offset)}`,
      'mov dr0, rax',
      `movabs rax, ${code + BigInt(driverInstruction('vmxoff').offset)}`,
      'mov dr1, rax',
      `movabs rax, ${driverVirtual(0, DriverPage.Stack)}`,
      'mov dr2, rax',
      'mov eax, 0x0300267f', // GD too; DR2 on reads and writes
      'mov dr7, rax',
      'mov ecx, 1000000',
      'wait: dec ecx',
      'jnz wait',
      ...print('E'),
    ];
    const { pc, driver, run, console } = await guestMachine(lines);
    run(2);
    await driver.load();
    driver.start();
    run(2);
    expect(driver.vmcall(0, { r00: 1n, r02: 1n }).r03).to.equal(1n);
    run(2);
    driver.stop();
    const dr7 = pc.core.u32[Layout.DR7 / 4]!;
    expect(dr7).to.equal(0x0300267f);
    expect(run()?.kind).to.equal('powered-off');
    expect(console()).to.equal('E');
  });

  it('lets VMCALLs and stop work while the guest writes all over it, and the guest does not notice', async () => {
    const alone = await guestMachine(wipe);
    const { pc, driver, run, console } = await guestMachine(wipe);
    run(30);
    alone.run(30);
    for (let round = 0; round < 3; round++) {
      await driver.load();
      run(5);
      driver.start();
      for (let call = 0; call < 3; call++) {
        run(5);
        const { registers, data } = driver.vmcallData(
          0,
          VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED,
          Buffer.from('echo'),
        );
        expect(registers.r01, driver.vmcallFailure(0)?.message).to.equal(0n);
        expect(Buffer.from(data).toString()).to.equal('echo');
      }
      driver.stop();
      expect(driver.status).to.equal('VMM_LOADED');
      driver.unload();
      alone.run(20);
    }
    expect(pc.instructions).to.equal(alone.pc.instructions);
    expect(console()).to.equal(alone.console()).and.include('.');
  });
});
