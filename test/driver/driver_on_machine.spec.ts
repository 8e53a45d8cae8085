// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cr4 } from '../../src/intrinsics/registers/registers.js';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { Pc } from '../../src/machine/pc.js';
import { temporaryFolder } from './node/temporary_folder.js';

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'exit_handler_cpuid_count.ts');
const cpuids = 200_000;

async function machine() {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 64 * 1024 * 1024,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    debugConsole: () => {},
    exitMark: new Int32Array(1),
  });
  pc.boot({
    kernel: { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) },
    modules: [],
    append: String(cpuids),
  });
  return { pc, console: () => String.fromCharCode(...console) };
}

/** Runs to the power-off; `between` is called between two quanta with their number. */
function run(pc: Pc, between: (quantum: number) => void = () => {}): void {
  for (let quantum = 0; pc.runQuantum(() => true) === undefined; quantum++) between(quantum);
}

/** An extension that clears the entry of the first page of the VMM's page pool at the third CPUID, and then reads from it. */
const corrupting = temporaryFolder().write(
  'corrupting.ts',
  `import { ExitContribution, ExitReason, MemoryManager, RootPageTable, vcpuModule, VmmMemory } from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class Corrupting implements ExitContribution {
     @inject(MemoryManager) readonly manager!: MemoryManager;
     @inject(RootPageTable) readonly table!: RootPageTable;
     @inject(VmmMemory) readonly memory!: VmmMemory;
     readonly name = 'corrupting';
     readonly reasons = [ExitReason.Cpuid];
     count = 0;
     handleExit(): boolean {
       if (++this.count < 3) return false;
       const lost = this.memory.regions[0]!.virtual + 0x800000n;
       let table = this.table.cr3 & ~0xfffn;
       for (const shift of [39n, 30n]) {
         table = this.memory.read64(this.manager.physicalToVirtual(table) + ((lost >> shift) & 0x1ffn) * 8n) & 0x000ffffffffff000n;
       }
       this.memory.write64(this.manager.physicalToVirtual(table) + ((lost >> 21n) & 0x1ffn) * 8n, 0n);
       this.memory.read64(lost);
       return false;
     }
   }
   export default vcpuModule(({ bind }) => bind(ExitContribution).to(Corrupting));`,
);

/** An extension that lets the guest see in CPUID that the processor has VMX, which the base hides: the guest then sees what it sees alone. */
const showing = temporaryFolder().write(
  'showing.ts',
  `import { CpuidContribution, CpuidLeaf, FeatureInformationEcx, vcpuModule } from 'bareflank';
   const showing: CpuidContribution = {
     name: 'showing',
     leaves: [CpuidLeaf.FeatureInformation],
     handleCpuid: (leaf, subleaf, result) => {
       result[2] |= FeatureInformationEcx.Vmx;
       return false;
     },
   };
   export default vcpuModule(({ bind }) => bind(CpuidContribution).toConstantValue(showing));`,
);

async function withDriver(module = cpuidCount) {
  const all = await machine();
  const driver = await Driver.create({ source: moduleFiles, machine: all.pc.driverAccess });
  driver.addModule(module);
  await driver.load();
  return { ...all, driver };
}

describe('Driver on the simulated PC', () => {
  it('counts what the machine counts and what the guest says', async () => {
    const { pc, console, driver } = await withDriver();
    driver.start();
    run(pc);
    expect(console()).to.include(`guest executed ${cpuids} cpuids`);
    expect(pc.exits()[10]).to.equal(cpuids);
    expect(driver.reports()).to.deep.equal({ cpuidcount: { count: cpuids } });
    driver.close();
  });

  it('starts and stops again and again under a running guest, whose results stay the same', async () => {
    const alone = await machine();
    run(alone.pc);
    const { pc, console, driver } = await withDriver(showing);
    let starts = 0;
    run(pc, (quantum) => {
      if (quantum % 4 === 1) {
        driver.start();
        starts++;
      } else if (quantum % 4 === 3) {
        expect(driver.vmcall(0, { r00: 1n, r02: 1n }).r03).to.equal(1n);
        driver.stop();
      }
    });
    expect(starts).to.be.greaterThan(3);
    expect(console()).to.equal(alone.console());
    expect(pc.instructions, 'the VMM costs the guest no time').to.equal(alone.pc.instructions);
    driver.close();
  });

  it('starts and stops under a guest that uses process-context identifiers, and gives CR3 and CR4 back', async () => {
    const { pc, driver } = await withDriver(showing);
    pc.runQuantum(() => true);
    const { block } = pc.processors[0]!.core;
    const pcide = BigInt(Cr4.PcidEnableBit);
    const pcid = 5n;
    block.load({ CR3: block.get('CR3') | pcid, CR4: block.get('CR4') | pcide });
    const before = [block.get('CR3'), block.get('CR4')];
    driver.start();
    pc.runQuantum(() => true);
    driver.stop();
    expect([block.get('CR3'), block.get('CR4')]).to.deep.equal(before);
    driver.close();
  });

  it('names the page when the VMM loses one of its page-table entries; the process lives', async () => {
    const { pc, driver } = await withDriver(corrupting);
    driver.start();
    let end = pc.runQuantum(() => true);
    while (end === undefined) end = pc.runQuantum(() => true);
    expect(end.detail).to.match(
      /handler corrupting: VmmPageFault: the VMM's read at 0xffffa0000080[0-9a-f]+ is not mapped by its page table/,
    );
    driver.close();
    expect(driver.status).to.equal('VMM_UNLOADED');
  });
});
