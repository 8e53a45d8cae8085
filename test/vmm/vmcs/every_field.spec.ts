// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../../src/driver/driver.js';
import { buildFolder } from '../../../src/driver/package_paths.js';
import { extract, insert, maskOf } from '../../../src/intrinsics/bit_fields.js';
import { vmcsFieldDefinitions, type VmcsFieldDefinition } from '../../../src/intrinsics/vmcs_field_details.js';
import { Pc } from '../../../src/machine/pc.js';
import { VmcsError, VmxError } from '../../../src/vmm/errors.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { VmcsFieldsIntelX64 } from '../../../src/vmm/vmcs/vmcs_fields_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { temporaryFolder } from '../../driver/temporary_folder.js';

type Fields = Pick<Vmcs, 'exists' | 'read' | 'write' | 'readIfExists' | 'writeIfExists'>;

const pattern = 0xa5a5_5a5a_c3c3_3c3cn;
const widthMask = ({ bytes }: VmcsFieldDefinition): bigint => (1n << BigInt(8 * bytes)) - 1n;

/** What is wrong with the accessors of one field; its value is what it was afterwards. */
function faultsOf(
  fields: Fields,
  definition: VmcsFieldDefinition,
  vmread: (encoding: number) => bigint | undefined,
): string[] {
  const { encoding, name } = definition;
  if (!fields.exists(encoding)) {
    const isRefused = (act: () => void): boolean => {
      try {
        act();
        return false;
      } catch (error) {
        return error instanceof VmcsError && error.message.includes("field doesn't exist");
      }
    };
    const refused = isRefused(() => fields.read(encoding)) && isRefused(() => fields.write(encoding, 0n));
    fields.writeIfExists(encoding, pattern);
    return refused && fields.readIfExists(encoding) === 0n ? [] : [`${name}: absent, but accessible`];
  }
  if (definition.readOnly) {
    try {
      fields.write(encoding, 0n);
      return [`${name}: read-only, but written`];
    } catch (error) {
      return error instanceof VmxError ? [] : [`${name}: ${String(error)}`];
    }
  }
  const old = fields.read(encoding);
  const faults: string[] = [];
  const expectValue = (wanted: bigint, what: string): void => {
    if (vmread(encoding) !== wanted || fields.read(encoding) !== wanted)
      faults.push(`${name}${what}: ${vmread(encoding)} instead of ${wanted}`);
  };
  fields.write(encoding, pattern & widthMask(definition));
  expectValue(pattern & widthMask(definition), '');
  for (const bits of definition.fields) {
    // Reserved bits are spelled in 64 bits, also those of narrower fields.
    const value = insert(bits, pattern, 0xffffffffffffffffn) & widthMask(definition);
    fields.write(encoding, value);
    expectValue(value, `.${bits.name}`);
    const wanted = (maskOf(bits) & widthMask(definition)) >> BigInt(bits.from);
    if (extract(bits, fields.read(encoding)) !== wanted) faults.push(`${name}.${bits.name}`);
  }
  fields.write(encoding, old);
  return faults;
}

declare global {
  // The module of the test below hands its VMCS over by this.
  var bareflankTestVisit: ((vmcs: Vmcs, vmx: { vmread(field: number): bigint | undefined }) => void) | undefined;
}

describe('Every VMCS field', () => {
  it('is set and read back by its accessors at its encoding, on the fake', () => {
    const { vmx, msrs } = new FakeMachine();
    const fields = make(VmcsFieldsIntelX64, { vmx, msrs });
    expect(vmcsFieldDefinitions.flatMap((each) => faultsOf(fields, each, (field) => vmx.vmread(field)))).to.deep.equal(
      [],
    );
  });

  it('is set and read back by VMWRITE and VMREAD on the machine', async () => {
    const module = temporaryFolderFile;
    let faults: string[] | undefined;
    let existing = 0;
    globalThis.bareflankTestVisit = (vmcs, vmx) => {
      existing = vmcsFieldDefinitions.filter(({ encoding }) => vmcs.exists(encoding)).length;
      faults = vmcsFieldDefinitions.flatMap((each) => faultsOf(vmcs, each, (field) => vmx.vmread(field)));
    };
    const pc = await Pc.create({
      coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
      memoryBytes: 16 * 1024 * 1024,
      com1: () => {},
      com2: () => {},
      debugConsole: () => {},
      exitMark: new Int32Array(1),
    });
    const driver = await Driver.create({ machine: pc.driverHost });
    driver.addModule(module);
    await driver.load();
    pc.boot({
      kernel: { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) },
      modules: [],
      append: '1',
    });
    driver.start();
    driver.close();
    globalThis.bareflankTestVisit = undefined;
    expect(faults).to.deep.equal([]);
    expect(existing).to.be.greaterThan(120);
  });
});

const temporaryFolderFile = temporaryFolder().write(
  'visit.ts',
  `import { vcpuModule, Vmcs, VmcsContribution, Vmx } from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class Visit implements VmcsContribution {
     @inject(Vmcs) readonly vmcs!: Vmcs;
     @inject(Vmx) readonly vmx!: Vmx;
     readonly name = 'visit';
     setUp(): void { (globalThis as any).bareflankTestVisit(this.vmcs, this.vmx); }
   }
   export default vcpuModule(({ bind }) => bind(VmcsContribution).to(Visit));`,
);
