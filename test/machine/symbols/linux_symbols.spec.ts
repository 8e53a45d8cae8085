// SPDX-License-Identifier: LGPL-2.1-only
// The names of Debian's kernel, against what the kernel itself says when it panics: by how much it has moved itself, and its own call trace.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { CallChains } from '../../../src/session/profile/call_chains.js';
import { MachineWithVmm } from '../../../src/session/machine_with_vmm.js';
import { LINKED_TEXT } from './made_up_linux.js';

describe("The names of Debian's kernel", () => {
  const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernel === '') this.skip();
  });

  async function panicked(modules: readonly string[]): Promise<MachineWithVmm> {
    const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
    const memoryBytes = 512 << 20;
    const machine = await MachineWithVmm.create({ coreModule, memoryBytes, source: moduleFiles, modules });
    machine.boot({ kernel: { name: 'vmlinuz', bytes: readFileSync(kernel) }, append: 'console=ttyS0 panic=0' });
    if (modules.length > 0) machine.driver.start();
    while (machine.run(50_000_000) === undefined && !machine.output.includes('end Kernel panic'));
    return machine;
  }

  for (const modules of [[], ['extensions/hypervisor_example_vpid/vpid.modules']])
    it(`are where the kernel says that it is, and on its stack (${modules.length > 0 ? 'under' : 'without'} a VMM)`, async () => {
      using machine = await panicked(modules);
      const { output, pc } = machine;
      const [, offset] = /Kernel Offset: (0x[0-9a-f]+) from 0xffffffff81000000/.exec(output) ?? [];
      expect(offset, output.slice(-2000)).to.be.a('string');
      expect(pc.symbols.own.addressOf('_text')).to.equal(LINKED_TEXT + BigInt(offset!));
      const [report] = pc.processorReports();
      // In the loop at the end of panic(): in it, or in what it calls.
      const found = [report!.symbol!, ...report!.stack!.map(({ symbol }) => symbol)].map((name) =>
        name.replace(/\+.*/, ''),
      );
      expect(found).to.include('panic');
      const trace = output.slice(output.indexOf('Call Trace:'), output.indexOf('Kernel Offset'));
      const own = [...trace.matchAll(/\] {2}([A-Za-z_]\w*)\+0x[0-9a-f]+\/0x/g)].map(([, name]) => name!);
      const callers = own.slice(own.indexOf('panic') + 1);
      expect(callers.length, trace).to.be.greaterThan(3);
      expect(found.slice(found.indexOf('panic'))).to.include.members(callers.slice(0, 4));
      // By the kernel's ORC tables, as it has found its own trace.
      const chains = new CallChains(pc);
      const chain = chains.of(chains.at(pc.processors[0]!)).map((address) => pc.symbols.own.find(address)!.name);
      expect(chain.slice(chain.indexOf('panic') + 1), trace).to.deep.equal(callers);
    });
});
