// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { declarationOf } from '../../src/intrinsics/component.js';
import { injectionsOf, type PartClass } from '../../src/vmm/container/injections.js';
import { VcpuContainers } from '../../src/vmm/container/vcpu_containers.js';
import { Vcpu } from '../../src/vmm/vcpu/vcpu.js';
import { VcpuIdentity } from '../../src/vmm/vcpu_identity.js';
import { vcpuParts, vmmParts } from '../../src/vmm/vmm_module.js';
import { loadedVmm } from './started_vmm.js';

describe('The base VMM', () => {
  it('resolves every symbol that its modules bind', () => {
    const { vmm } = loadedVmm();
    const containers = vmm.container.get(VcpuContainers);
    const parts = containers.create((binder) => {
      containers.bindModules(binder);
      binder.rebind(VcpuIdentity).toConstantValue(0n);
    }, 'test');
    for (const { identifier, scope } of [...vmmParts.record('vmm'), ...vcpuParts.record('vcpu')]) {
      const part: unknown = scope === 'vmm' ? vmm.container.get(identifier as symbol) : parts.get(identifier as symbol);
      expect(part, String(identifier)).to.not.equal(undefined);
    }
  });

  it('gives each of two vcpus parts of its own, and both the same parts of the VMM', () => {
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
