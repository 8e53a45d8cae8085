// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import cpuidCount from '../../../extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.js';
import eptHook from '../../../extensions/hypervisor_example_ept_hook/ept_hook.js';
import msrBitmap from '../../../extensions/hypervisor_example_msr_bitmap/msr_bitmap_contribution.js';
import vpid from '../../../extensions/hypervisor_example_vpid/vpid_contribution.js';
import extendedApis from '../../../extensions/hypervisor_extended_apis/extended_apis_module.js';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { HostEntry, type ExitEntry } from '../../../src/intrinsics/instructions/host_entry.js';
import { Pc } from '../../../src/machine/pc.js';
import type { PartModule } from '../../../src/vmm/container/part_module.js';
import { vmmModule } from '../../../src/vmm/container/part_module.js';
import { VmmContainer } from '../../../src/vmm/container/vmm_container.js';
import { Entry } from '../../../src/vmm/entry/entry.js';
import { HandlerTrace } from '../../../src/vmm/exit/handler_trace.js';
import { attachOutput, Output } from '../../../src/vmm/output/output.js';
import { readVmmImage, restoreVmmImage } from '../../../src/vmm/restore/vmm_image.js';
import { defaultSerialSettings, SerialSettings } from '../../../src/vmm/serial/serial_port.js';
import { VcpuManager } from '../../../src/vmm/vcpu/vcpu_manager.js';
import { vcpuParts, vmmParts } from '../../../src/vmm/vmm_module.js';
import useOfExtendedApis from '../../extensions/hypervisor_extended_apis/use_of_extended_apis.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
const guest = readFileSync(join(buildFolder, 'guests', 'effects.bin'));
const examples = [cpuidCount, vpid, msrBitmap, eptHook];

/** A machine whose VMM can be replaced by one restored from its state. */
class ReplaceableVmm {
  container!: VmmContainer;
  replaced = 0;
  private exits = 0;

  private constructor(
    readonly pc: Pc,
    private readonly modules: readonly PartModule[],
    private readonly replaceEvery: number,
    private readonly console: number[],
  ) {}

  static async create(modules: readonly PartModule[], replaceEvery: number): Promise<ReplaceableVmm> {
    const console: number[] = [];
    const pc = await Pc.create({
      coreModule,
      memoryBytes: 16 * 1024 * 1024,
      com1: (byte) => void console.push(byte),
      com2: () => {},
      debugConsole: () => {},
    });
    const result = new ReplaceableVmm(pc, modules, replaceEvery, console);
    result.container = result.build();
    result.container.get(Entry).initVmm();
    return result;
  }

  run() {
    const { pc } = this;
    pc.boot({ kernel: { name: 'effects', bytes: guest }, modules: [], append: '' });
    pc.driverAccess.inDriverContext(0, () => this.container.get(Entry).startVmm(0n));
    let end;
    while ((end = pc.runQuantum(() => true)) === undefined);
    const manager = this.container.get(VcpuManager);
    const result = {
      end: { ...end },
      console: String.fromCharCode(...this.console),
      exits: [...pc.exits()],
      reports: manager.reports(),
      stateHash: pc.stateHash(),
      log: manager.readRing(0n),
    };
    this.container[Symbol.dispose]();
    return result;
  }

  /** Containers of the same modules over the same machine; nothing is initialised. */
  private build(): VmmContainer {
    const machine = vmmModule(({ bind }) => {
      for (const { symbol, value } of this.pc.driverAccess.intrinsics)
        bind<unknown>(symbol).toConstantValue(symbol === HostEntry ? this.counting(value as HostEntry) : value);
      bind(SerialSettings).toConstantValue(defaultSerialSettings);
      bind(HandlerTrace).toConstantValue({ words: new Int32Array(1), outcome: new Int32Array(1), names: [] });
    });
    const all = [vmmParts, vcpuParts, machine, ...this.modules];
    const container = VmmContainer.create(all.flatMap((module, at) => module.record(`module ${at}`)));
    attachOutput(container.get(Output));
    return container;
  }

  private counting(host: HostEntry): HostEntry {
    const attach = (entry: ExitEntry): bigint =>
      host.attach(() => {
        entry();
        if (++this.exits % this.replaceEvery === 0) this.replace();
      });
    return {
      attach,
      detach: () => host.detach(),
      launchPoint: () => host.launchPoint(),
      returnTo: (rip, rsp, rflags) => host.returnTo(rip, rsp, rflags),
    };
  }

  /** The state goes through structuredClone: it is data, and nothing of the old VMM is in it. */
  private replace(): void {
    const state = structuredClone(readVmmImage(this.container));
    this.container = this.build();
    restoreVmmImage(this.container, state);
    expect(isDeepStrictEqual(readVmmImage(this.container), state), 'the state of the new VMM').to.equal(true);
    this.replaced++;
  }
}

describe('restoreVmmImage', () => {
  for (const [what, modules, every] of [
    ['the base', [], 1],
    ['the example extensions', examples, 1],
    ['extended_apis and an extension that uses it', [extendedApis, useOfExtendedApis], 7],
  ] as const)
    it(`replaces a VMM with ${what} after every ${every} exits, and the guest, the reports and the log do not notice`, async () => {
      const alone = (await ReplaceableVmm.create(modules, Infinity)).run();
      const vmm = await ReplaceableVmm.create(modules, every);
      expect(vmm.run()).to.deep.equal(alone);
      expect(vmm.replaced).to.be.greaterThan(20);
    });
});
