// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../../src/driver/driver.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import type { CpuidAccessors } from '../../../src/intrinsics/accessors/cpuid_accessors.js';
import type { MsrAccessors } from '../../../src/intrinsics/accessors/msr_accessors.js';
import type { RegisterAccessors } from '../../../src/intrinsics/accessors/register_accessors.js';
import type { ControlRegisters } from '../../../src/intrinsics/instructions/control_registers.js';
import type { Cpuid } from '../../../src/intrinsics/instructions/cpuid.js';
import type { Msrs } from '../../../src/intrinsics/instructions/msr.js';
import type { Segments } from '../../../src/intrinsics/instructions/segments.js';
import type { Vmx } from '../../../src/intrinsics/instructions/vmx.js';
import { Pc } from '../../../src/machine/pc.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

/** What an extension on the machine can inject: accessors, and the instructions below them. */
export interface Parts {
  readonly vmcs: Vmcs;
  readonly vmx: Vmx;
  readonly msrAccessors: MsrAccessors;
  readonly msrs: Msrs;
  readonly registerAccessors: RegisterAccessors;
  readonly controlRegisters: ControlRegisters;
  readonly segments: Segments;
  readonly cpuidAccessors: CpuidAccessors;
  readonly cpuid: Cpuid;
}

declare global {
  // The module below hands over its injected parts by this.
  var bareflankTestVisit: ((parts: Parts) => void) | undefined;
}

const modulePath = temporaryFolder().write(
  'visit.ts',
  `import * as bareflank from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class Visit {
     @inject(bareflank.Vmx) readonly vmx!: unknown;
     @inject(bareflank.MsrAccessors) readonly msrAccessors!: unknown;
     @inject(bareflank.Msrs) readonly msrs!: unknown;
     @inject(bareflank.RegisterAccessors) readonly registerAccessors!: unknown;
     @inject(bareflank.ControlRegisters) readonly controlRegisters!: unknown;
     @inject(bareflank.Segments) readonly segments!: unknown;
     @inject(bareflank.CpuidAccessors) readonly cpuidAccessors!: unknown;
     @inject(bareflank.Cpuid) readonly cpuid!: unknown;
   }
   @bareflank.extension()
   class VisitedVmcs extends bareflank.VmcsIntelX64 {
     @inject(Visit) readonly visit!: Visit;
     protected override writeFields(): void {
       super.writeFields();
       (globalThis as any).bareflankTestVisit({ ...this.visit, vmcs: this });
     }
   }
   export default bareflank.vcpuModule(({ bind, rebind }) => {
     bind(Visit).toSelf();
     rebind(bareflank.Vmcs).to(VisitedVmcs);
   });`,
);

/** Boots a machine, starts the VMM on it, and calls `visit` in VMX root operation when the VMCS is set up. */
export async function visitMachine(visit: (parts: Parts) => void): Promise<void> {
  let visited = false;
  globalThis.bareflankTestVisit = (parts) => {
    visited = true;
    visit(parts);
  };
  try {
    const pc = await Pc.create({
      coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
      memoryBytes: 16 * 1024 * 1024,
      com1: () => {},
      com2: () => {},
      debugConsole: () => {},
      exitMark: new Int32Array(1),
    });
    const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
    driver.addModule(modulePath);
    await driver.load();
    pc.boot({
      kernel: { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) },
      modules: [],
      append: '1',
    });
    driver.start();
    driver.close();
  } finally {
    globalThis.bareflankTestVisit = undefined;
  }
  if (!visited) throw new Error('the machine was not visited');
}
