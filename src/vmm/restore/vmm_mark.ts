// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmContainer } from '../container/vmm_container.js';
import { MarkedContainer } from './marked_container.js';
import { VmmImageError } from './plain_data.js';

/**
 * A point to which a VMM goes back as often as wanted, in its own containers: its state is set, and its parts are attached. The machine goes back to
 * its own point first.
 */
export class VmmMark {
  private readonly vmm: MarkedContainer;
  private readonly vcpus: readonly MarkedContainer[];

  /** Changes nothing. @throws VmmImageError naming a field that holds a value that is not plain data */
  constructor(private readonly container: VmmContainer) {
    const vmm = container.vmmParts();
    this.vmm = new MarkedContainer(vmm);
    this.vcpus = [...container.vcpuParts()].map((vcpu) => new MarkedContainer(vcpu, [vmm]));
  }

  /** @throws VmmImageError if a vCPU was made or deleted since */
  check(): void {
    const now = [...this.container.vcpuParts()];
    if (now.length !== this.vcpus.length || this.vcpus.some(({ container }, i) => container !== now[i]))
      throw new VmmImageError('the VMM was started or stopped since the mark: it goes back in the same vcpus only');
  }

  /** Precondition: `check` does not throw. */
  reset(): void {
    this.vmm.reset();
    for (const vcpu of this.vcpus) vcpu.reset();
  }
}
