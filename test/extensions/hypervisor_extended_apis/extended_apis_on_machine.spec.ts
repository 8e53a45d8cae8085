// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../../src/driver/driver.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../../src/driver/node/package_paths.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule, VmcsContribution } from 'bareflank';
import { inject, injectable } from 'inversify';
import type { AccessLog } from '../../../extensions/hypervisor_extended_apis/access_log.js';
import { ExtendedApis, type ExtendedApisIntelX64 } from '../../../extensions/hypervisor_extended_apis/extended_apis.js';
import extendedApis from '../../../extensions/hypervisor_extended_apis/extended_apis_module.js';
import { runGuest } from '../../vmm/machine_vmm.js';
import { Pc } from '../../../src/machine/pc.js';

const com1 = 0x3f8n;
const ia32Pat = 0x277n;
const modules = join(packageRoot, 'extensions', 'hypervisor_extended_apis', 'extended_apis.modules');
const hook = join(packageRoot, 'extensions', 'hypervisor_example_ept_hook', 'ept_hook.modules');
const use = join(packageRoot, 'test', 'extensions', 'hypervisor_extended_apis', 'use_of_extended_apis.modules');

/** Runs the guest `effects`; `before` makes VMCALLs between the start and its first instruction, `after` when it has switched off. */
async function run(
  before: (driver: Driver) => void = () => {},
  after: (driver: Driver) => void = () => {},
  files: readonly string[] = [modules],
) {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 16 * 1024 * 1024,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    debugConsole: () => {},
    exitMark: new Int32Array(1),
  });
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  for (const file of files) driver.addModules(file);
  await driver.load();
  const kernel = { name: 'effects', bytes: readFileSync(join(buildFolder, 'guests', 'effects.bin')) };
  pc.boot({ kernel, modules: [], append: '' });
  driver.start();
  before(driver);
  while (pc.runQuantum(() => true) === undefined);
  after(driver);
  const exits = [...pc.exits()];
  const reports = driver.reports();
  driver.close();
  return { exits, reports, console: String.fromCharCode(...console) };
}

/** VMCALL registers. */
function call(driver: Driver, category: bigint, what: bigint, argument = 0n): bigint {
  return driver.vmcall(0, { r00: 2n, r02: category, r03: what, r04: argument }).r01;
}

/** VMCALL data of type 2: JSON. @throws Error with the VMM's reason, as `bfm vmcall` prints it. */
function json(driver: Driver, command: object): unknown {
  const { data, registers } = driver.vmcallData(0, 2, new TextEncoder().encode(JSON.stringify(command)));
  if (registers.r01 !== 0n) throw new Error(driver.vmcallFailure(0)?.message);
  return JSON.parse(new TextDecoder().decode(data));
}

describe('ExtendedApis on the simulated PC', () => {
  it('lets the guest run without an exit for its ports and MSRs at first', async () => {
    const { exits } = await run();
    expect([exits[ExitReason.IoInstruction], exits[ExitReason.Rdmsr]]).to.deep.equal([0, 0]);
  });

  it('traps a port by VMCALL, one exit and one step an access, and the guest prints the same', async () => {
    const plain = await run();
    let log: unknown;
    const { exits, console } = await run(
      (driver) => {
        expect(call(driver, 0x1000n, 1n)).to.equal(0n);
        expect(call(driver, 0x1000n, 3n, com1)).to.equal(0n);
        expect(json(driver, { command: 'log_io_access', enabled: true })).to.deep.equal(['success']);
      },
      (driver) => void (log = json(driver, { command: 'io_access_log' })),
    );
    expect(console).to.equal(plain.console);
    // The guest writes each byte of its console by one OUT.
    expect(log).to.deep.equal({ '0x3F8': console.length });
    expect(exits[ExitReason.IoInstruction]).to.equal(console.length);
    expect(exits[ExitReason.MonitorTrapFlag]).to.equal(console.length);
  });

  it('traps reads of an MSR by VMCALL, counts them, and lets them through again', async () => {
    let log: unknown;
    const trap = (driver: Driver): void => {
      expect(call(driver, 0x4000n, 1n, ia32Pat)).to.equal(0n);
      json(driver, { command: 'log_rdmsr_access', enabled: true });
    };
    const trapped = await run(trap, (driver) => void (log = json(driver, { command: 'rdmsr_access_log' })));
    expect(log).to.deep.equal({ '0x277': 10 });
    expect([trapped.exits[ExitReason.Rdmsr], trapped.exits[ExitReason.Wrmsr]]).to.deep.equal([10, 0]);
    const passed = await run((driver) => {
      trap(driver);
      expect(call(driver, 0x4000n, 3n, ia32Pat)).to.equal(0n);
    });
    expect(passed.exits[ExitReason.Rdmsr]).to.equal(0);
  });

  it('does the whole at once: maps with a hook, VPID, a port and an MSR that are trapped and counted', async () => {
    const plain = await run();
    const { exits, console, reports } = await run(undefined, undefined, [use]);
    expect(console).to.equal(plain.console.replace('hooked: 0', 'hooked: 10'));
    expect(console).to.include('hooked: 10 of 10 calls').and.to.include('after: 0 of 10 calls');
    expect(reports['use-of-eapis']).to.deep.equal({ taken: 10, io: console.length, rdmsr: 10 });
    expect([exits[ExitReason.IoInstruction], exits[ExitReason.Rdmsr]]).to.deep.equal([console.length, 10]);
    // The call of the hooked function itself, nothing else of its 2 MiB.
    expect(exits[ExitReason.EptViolation]).to.equal(10);
    expect(exits[ExitReason.MonitorTrapFlag]).to.equal(console.length + 10);
    expect(exits[ExitReason.EptMisconfiguration]).to.equal(0);
  });

  it('shares EPT, the monitor trap and VMCALLs with the EPT hook of the examples', async () => {
    let log: unknown;
    const { exits, console, reports } = await run(
      (driver) => {
        call(driver, 0x1000n, 1n);
        call(driver, 0x1000n, 4n);
        call(driver, 0x2000n, 1n);
        json(driver, { command: 'log_io_access', enabled: true });
      },
      (driver) => void (log = json(driver, { command: 'io_access_log' })),
      [modules, hook],
    );
    expect(console).to.include('hooked: 10 of 10 calls');
    expect(reports['ept-hook']).to.deep.equal({ taken: 10 });
    // Each byte of the console: a look at the line status, and the byte. At last the port that switches the power off.
    expect(log).to.deep.equal({ '0x3F8': console.length, '0x3FD': console.length, '0x604': 1 });
    expect(exits[ExitReason.MonitorTrapFlag]).to.be.at.least(2 * console.length + 10);
  });

  const bad: [object, RegExp][] = [
    [{ command: 'trap_on_rdmsr_access', msr: 1.5 }, /trap_on_rdmsr_access: "msr" is 1.5/],
    [{ command: 'trap_on_rdmsr_access', msr: -1 }, /"msr" is -1/],
    [{ command: 'trap_on_rdmsr_access', msr: 1e20 }, /"msr" is 100000000000000000000/],
    [{ command: 'trap_on_rdmsr_access', msr: 0x2000 }, /invalid msr: 0x2000/],
    [{ command: 'trap_on_rdmsr_access' }, /"msr" is missing/],
    [
      { command: 'trap_on_rdmsr_acces', msr: 1 },
      /unknown command "trap_on_rdmsr_acces"; is "trap_on_rdmsr_access" meant/,
    ],
    [{ command: 'frobnicate' }, /unknown JSON command "frobnicate"/],
    [{ command: 'trap_on_io_access', port: 1 }, /trap_on_io_access: io bitmaps not enabled/],
  ];
  it('answers JSON that makes no sense with an error that says why, and the processor goes on', async () => {
    const plain = await run();
    const { console, exits } = await run((driver) => {
      for (const [command, message] of bad) expect(() => json(driver, command)).to.throw(message);
      for (const [category, what, argument] of [
        [0x4000n, 1n, 1n << 40n],
        [0x4000n, 99n, 0n],
        [0x1000n, 0n, 0n],
      ] as const) {
        expect(call(driver, category, what, argument)).to.not.equal(0n);
      }
    });
    expect(console).to.equal(plain.console);
    expect(exits[ExitReason.Rdmsr], 'nothing is trapped').to.equal(0);
  });

  it('counts each part of a repeated OUTS, which the guest executes itself', async () => {
    const log: unknown[] = [];
    @injectable()
    class Traps implements VmcsContribution {
      @inject(ExtendedApis) readonly apis!: ExtendedApisIntelX64;
      readonly name = 'traps';
      readonly after = ['eapis'];

      setUp(): void {
        this.apis.enableIoBitmaps();
        this.apis.trapOnIoAccess(Number(com1));
        this.apis.logIoAccess(true);
        log.push(this.apis.ioAccessLog);
      }
    }
    const traps = vcpuModule(({ bind }) => bind(VmcsContribution).to(Traps));
    const text = ['mov rax, 0x636261', 'mov [0x300000], rax', 'mov esi, 0x300000'];
    const { console, exits } = await runGuest(
      [...text, 'mov ecx, 3', 'mov dx, 0x3f8', 'cld', 'rep outsb'],
      [],
      [extendedApis, traps],
    );
    expect(console).to.equal('abc');
    expect((log[0] as AccessLog).toJson()).to.deep.equal({ '0x3F8': 3 });
    expect([exits[ExitReason.IoInstruction], exits[ExitReason.MonitorTrapFlag]]).to.deep.equal([3, 3]);
  });
});
