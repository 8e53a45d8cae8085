// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import cpuidCount from '../../../extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.js';
import eptHook from '../../../extensions/hypervisor_example_ept_hook/ept_hook.js';
import msrBitmap from '../../../extensions/hypervisor_example_msr_bitmap/msr_bitmap_contribution.js';
import vpid from '../../../extensions/hypervisor_example_vpid/vpid_contribution.js';
import extendedApis from '../../../extensions/hypervisor_extended_apis/extended_apis_module.js';
import { HostEntry } from '../../../src/intrinsics/instructions/host_entry.js';
import { VcpuFactory } from '../../../src/vmm/vcpu/vcpu_factory.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { builtVmm, startedVmm, type TestVmm } from '../started_vmm.js';

const extensions = [cpuidCount, eptHook, msrBitmap, vpid, extendedApis];

/** A machine that notes every call of an intrinsic while it is watched. `HostEntry.attach`, which connects exits, is not an instruction. */
function watchedMachine() {
  const machine = new FakeMachine();
  const calls: string[] = [];
  let isWatched = false;
  for (const { symbol, value } of machine.intrinsics as readonly { symbol: symbol; value: object }[]) {
    const methods = value as Record<string, unknown>;
    const names = new Set([...Object.keys(value), ...Object.getOwnPropertyNames(Object.getPrototypeOf(value))]);
    for (const name of names) {
      const method = Object.getOwnPropertyDescriptor(value, name)?.get === undefined ? methods[name] : undefined;
      if (typeof method !== 'function' || name === 'constructor' || (symbol === HostEntry && name === 'attach'))
        continue;
      methods[name] = (...all: unknown[]): unknown => {
        if (isWatched) calls.push(`${symbol.description}.${name}`);
        return (method as (...all: unknown[]) => unknown).apply(value, all);
      };
    }
  }
  const watch = (body: () => void): string[] => {
    isWatched = true;
    body();
    isWatched = false;
    return calls.splice(0);
  };
  return { machine, watch };
}

describe('A part', () => {
  it('does nothing in its constructor', () => {
    const { machine, watch } = watchedMachine();
    let vmm!: TestVmm;
    expect(watch(() => ({ vmm } = builtVmm(extensions, machine)))).to.deep.equal([]);
    expect(watch(() => vmm.entry.initVmm()).length, 'init() is seen').to.be.greaterThan(10);
    expect(watch(() => vmm.container.get(VcpuFactory).makeVcpu(0n))).to.deep.equal([]);
  });

  it('only wires in attach(): no intrinsic is executed, no memory of the VMM’s is read or written', () => {
    const { machine, watch } = watchedMachine();
    const { vmm } = startedVmm(extensions, machine);
    const containers = [vmm.container.vmmParts(), ...vmm.container.vcpuParts()];
    expect(containers).to.have.length(2);
    expect(
      watch(() => {
        for (const container of containers) container.attach();
      }),
    ).to.deep.equal([]);
    expect(machine.entry, 'the exit entry of the vcpu that runs').to.not.equal(undefined);
  });
});
