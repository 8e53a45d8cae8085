// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadModule } from '../../src/driver/node/load_module.js';
import { readModuleList } from '../../src/driver/node/module_list.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { declarationOf } from '../../src/intrinsics/component.js';
import { injectionsOf, type PartClass } from '../../src/vmm/container/injections.js';
import type { PartModule } from '../../src/vmm/container/part_module.js';
import { VcpuContainers, type VcpuParts } from '../../src/vmm/container/vcpu_containers.js';
import { Vcpu } from '../../src/vmm/vcpu/vcpu.js';
import { VcpuIdentity } from '../../src/vmm/vcpu_identity.js';
import { vcpuParts, vmmParts } from '../../src/vmm/vmm_module.js';
import { loadedVmm } from './started_vmm.js';

const extensionsFolder = join(packageRoot, 'extensions');

/** What both kinds of container can do. */
type Parts = Pick<VcpuParts, 'get' | 'getAll'>;

/** The modules of an extension of ours, loaded as `bfm` loads them. */
async function modulesOf(folder: string): Promise<PartModule[]> {
  const lists = readdirSync(join(extensionsFolder, folder)).filter((name) => name.endsWith('.modules'));
  const files = lists.flatMap((list) => readModuleList(join(extensionsFolder, folder, list)));
  return (await Promise.all(files.map((file) => loadModule(file)))).flatMap(({ modules }) => modules);
}

/** The VMM's container and a vCPU's, made of the base and `modules`. */
function containersOf(modules: readonly PartModule[]): { vmm: Parts; vcpu: Parts } {
  const { container } = loadedVmm(modules).vmm;
  const containers = container.get(VcpuContainers);
  const vcpu = containers.create((binder) => {
    containers.bindModules(binder);
    binder.rebind(VcpuIdentity).toConstantValue(0n);
  }, 'test');
  return { vmm: container, vcpu };
}

/** Resolves everything that modules bind, and counts it. A missing binding or a cycle throws. */
function resolveAll(modules: readonly PartModule[], { vmm, vcpu }: ReturnType<typeof containersOf>): number {
  const records = modules.flatMap((module) => module.record('a module'));
  for (const { identifier, scope } of records) {
    const container = scope === 'vmm' ? vmm : vcpu;
    const symbol = identifier as symbol;
    const isPoint = typeof symbol === 'symbol' && declarationOf(symbol)?.arity === 'many';
    const parts: unknown[] = isPoint ? container.getAll(symbol) : [container.get(symbol)];
    expect(parts, String(symbol)).to.not.be.empty.and.not.include(undefined);
  }
  return records.length;
}

describe('The modules of the extensions', function () {
  this.timeout(60_000);
  const folders = readdirSync(extensionsFolder).filter((name) => name.startsWith('hypervisor_'));

  for (const folder of folders) {
    it(`of ${folder} resolve every symbol that they bind, with the base`, async () => {
      const modules = await modulesOf(folder);
      expect(resolveAll(modules, containersOf(modules))).to.be.greaterThan(0);
    });
  }

  it('resolve every symbol in one VMM, with the base', async () => {
    const modules = (await Promise.all(folders.map(modulesOf))).flat();
    const base = [vmmParts, vcpuParts];
    expect(resolveAll([...base, ...modules], containersOf(modules))).to.be.greaterThan(50);
  });
});

describe('The base VMM', () => {
  it('resolves every symbol that its modules bind', () => {
    expect(resolveAll([vmmParts, vcpuParts], containersOf([]))).to.be.greaterThan(30);
  });

  it('gives each of two vcpus its own parts, and both the same parts of the VMM', () => {
    const { vmm } = loadedVmm();
    const containers = vmm.container.get(VcpuContainers);
    const [first, second] = [0n, 1n].map((id) =>
      containers.create((binder) => {
        containers.bindModules(binder);
        binder.rebind(VcpuIdentity).toConstantValue(id);
      }, 'test'),
    );
    let own = 0;
    let shared = 0;
    const seen = new Set<unknown>();
    const walk = (part: unknown, of: typeof first, other: typeof first): void => {
      if (typeof part !== 'object' || part === null || seen.has(part)) return;
      seen.add(part);
      for (const { property, identifier, many } of injectionsOf(part.constructor as PartClass).properties) {
        if (many) continue;
        const value = (part as Record<string, unknown>)[property];
        const symbol = identifier as symbol;
        if (declarationOf(symbol)!.scope === 'vcpu') {
          own++;
          expect(value, `${part.constructor.name}.${property}`).to.equal(of!.get(symbol));
          if (typeof value === 'object') expect(value).to.not.equal(other!.get(symbol));
        } else {
          shared++;
          expect(value, `${part.constructor.name}.${property}`).to.equal(vmm.container.get(symbol));
        }
        walk(value, of, other);
      }
    };
    walk(first!.get(Vcpu), first, second);
    walk(second!.get(Vcpu), second, first);
    expect(own).to.be.greaterThan(20);
    expect(shared).to.be.greaterThan(20);
  });
});
