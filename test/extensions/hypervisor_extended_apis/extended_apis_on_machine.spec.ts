// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../../src/driver/driver.js';
import { buildFolder, packageRoot } from '../../../src/driver/package_paths.js';
import { ExitReason } from '../../../src/intrinsics/exit_reasons.js';
import { Pc } from '../../../src/machine/pc.js';

const com1 = 0x3f8n;
const ia32Pat = 0x277n;
const modules = join(packageRoot, 'extensions', 'hypervisor_extended_apis', 'extended_apis.modules');

/** Runs the guest `effects`; `before` makes VMCALLs between the start and its first instruction, `after` when it has switched off. */
async function run(before: (driver: Driver) => void = () => {}, after: (driver: Driver) => void = () => {}) {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 16 * 1024 * 1024,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    debugConsole: () => {},
    exitMark: new Int32Array(1),
  });
  const driver = await Driver.create({ machine: pc.driverHost });
  driver.addModules(modules);
  await driver.load();
  const kernel = { name: 'effects', bytes: readFileSync(join(buildFolder, 'guests', 'effects.bin')) };
  pc.boot({ kernel, modules: [], append: '' });
  driver.start();
  before(driver);
  while (pc.runQuantum(() => true) === undefined);
  after(driver);
  const exits = [...pc.exits()];
  driver.close();
  return { exits, console: String.fromCharCode(...console) };
}

/** VMCALL registers. */
function call(driver: Driver, category: bigint, what: bigint, argument = 0n): bigint {
  return driver.vmcall(0, { r00: 2n, r02: category, r03: what, r04: argument }).r01;
}

/** VMCALL data of type 2: JSON. */
function json(driver: Driver, command: object): unknown {
  const { data } = driver.vmcallData(0, 2, new TextEncoder().encode(JSON.stringify(command)));
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
});
