// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { Pc } from '../../src/machine/pc.js';
import { linuxImage } from '../machine/boot/images.js';
import { temporaryFolder } from './node/temporary_folder.js';

const guest = (name: string): Uint8Array => readFileSync(join(buildFolder, 'guests', `${name}.bin`));
const pageWords = 1024;

/** A VMM that stores an MSR at each VM exit and loads it at each VM entry. */
const msrArea = temporaryFolder().write(
  'msr_area.ts',
  `import { MemoryManager, VmcsContribution, VmcsField, VmmMemory, vcpuModule, type Vmcs } from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class MsrArea implements VmcsContribution {
     @inject(MemoryManager) readonly manager!: MemoryManager;
     @inject(VmmMemory) readonly memory!: VmmMemory;
     readonly name = 'msr-area';
     setUp(vmcs: Vmcs): void {
       const page = this.manager.alloc(4096);
       this.memory.write64(page, 0xc0000102n);
       this.memory.write64(page + 8n, 0n);
       const physical = this.manager.virtualToPhysical(page);
       vmcs.write(VmcsField.VmEntryMsrLoadAddress, physical);
       vmcs.write(VmcsField.VmEntryMsrLoadCount, 1n);
       vmcs.write(VmcsField.VmExitMsrStoreAddress, physical);
       vmcs.write(VmcsField.VmExitMsrStoreCount, 1n);
     }
   }
   export default vcpuModule(({ bind }) => bind(VmcsContribution).to(MsrArea));`,
);

/** Watches a machine's memory: which pages changed, and which of these changes the core did not hear about. */
class Watch {
  private before: Uint32Array;
  /** Physical page numbers of changes that the core did not hear about, each with the action that made it. */
  readonly untold: string[] = [];
  /** Pages that changed at all. */
  changed = 0;

  constructor(private readonly pc: Pc) {
    this.before = pc.core.physicalWords.slice();
    this.clear();
  }

  /** Does something, and compares. */
  during<T>(what: string, action: () => T): T {
    const result = action();
    const { physicalWords, dirtyPages } = this.pc.core;
    for (let page = 0; page < dirtyPages.length; page++) {
      const now = physicalWords.subarray(page * pageWords, (page + 1) * pageWords);
      const before = this.before.subarray(page * pageWords, (page + 1) * pageWords);
      if (Buffer.compare(bytes(now), bytes(before)) === 0) continue;
      this.changed++;
      if (dirtyPages[page] === 0) this.untold.push(`${what}: page 0x${page.toString(16)}`);
      before.set(now);
    }
    this.clear();
    return result;
  }

  private clear(): void {
    this.pc.core.dirtyPages.fill(0);
    this.pc.core.dirtyCleared();
  }
}

function bytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

async function machine(): Promise<{ pc: Pc; watch: Watch }> {
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 32 << 20,
    com1: () => {},
    com2: () => {},
    debugConsole: () => {},
  });
  return { pc, watch: new Watch(pc) };
}

const boot = (pc: Pc, kernel: Uint8Array, append = ''): void =>
  pc.boot({ kernel: { name: 'kernel', bytes: kernel }, modules: [], append });

describe('The core hears about every write to memory', () => {
  it('of the loaders', async () => {
    for (const kernel of [guest('cpuid'), linuxImage({ initSize: 0x2000 })]) {
      const { pc, watch } = await machine();
      watch.during('boot', () => boot(pc, kernel, 'text'));
      expect(watch.changed).to.be.greaterThan(5);
      expect(watch.untold).to.deep.equal([]);
    }
  });

  it('of the driver, its VMCALLs and a VMM with MSR areas', async function () {
    this.timeout(60_000);
    const { pc, watch } = await machine();
    boot(pc, guest('cpuid'), '40000');
    const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
    driver.addModule(msrArea);
    await driver.load();
    watch.during('load', () => {});
    watch.during('start', () => driver.start());
    for (let quantum = 0; quantum < 10; quantum++) {
      watch.during(`quantum ${quantum}`, () => pc.runQuantum(() => true));
      watch.during('vmcall', () => driver.vmcall(0, { r00: 1n, r02: 1n }));
      watch.during('vmcall with data', () => driver.vmcallData(0, 0, Uint8Array.of(quantum + 1, 2, 3)));
    }
    expect(pc.exits()[10], 'CPUID exits').to.be.greaterThan(1000);
    watch.during('stop', () => driver.stop());
    watch.during('start again', () => driver.start());
    watch.during('stop again', () => driver.stop());
    driver.close();
    expect(watch.changed).to.be.greaterThan(30);
    expect(watch.untold).to.deep.equal([]);
  });

  it('of a hypervisor in x86 code', async () => {
    const { pc, watch } = await machine();
    boot(pc, guest('vmx_probe'));
    watch.during('boot', () => {});
    let quanta = 0;
    while (watch.during(`quantum ${quanta}`, () => pc.runQuantum(() => true)) === undefined && quanta < 200) quanta++;
    expect(pc.exits().length, 'VM exits by reason').to.be.greaterThan(0);
    expect(watch.untold).to.deep.equal([]);
  });
});
