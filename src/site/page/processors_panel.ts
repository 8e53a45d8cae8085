// SPDX-License-Identifier: LGPL-2.1-only
import type { ProcessorView } from '../machine/machine_view.js';
import { ChangedTable } from './changed_table.js';
import { byId, element } from './elements.js';

/** The fields of each group together, otherwise in their order. */
const byGroup = (fields: ProcessorView['vmcs']): ProcessorView['vmcs'] =>
  [...fields].sort((a, b) => a.group.localeCompare(b.group));

/** The registers of the chosen processor, the fields of its VMCS, and its walk of an address. */
export class ProcessorsPanel {
  private readonly registers = new ChangedTable(byId('registers'));
  private readonly fields = new ChangedTable(byId('vmcs-fields'));
  private readonly filter = byId<HTMLInputElement>('vmcs-filter');
  private readonly choice = byId<HTMLSelectElement>('processor');
  private readonly address = byId<HTMLInputElement>('address');

  /** The address to walk, if one was typed. */
  get wanted(): { readonly address?: string } {
    return this.address.value.trim() === '' ? {} : { address: this.address.value };
  }

  show(processors: readonly ProcessorView[]): void {
    if (this.choice.options.length !== processors.length)
      this.choice.replaceChildren(...processors.map(({ processor }) => new Option(String(processor))));
    const { mode, cpl, vmx, activity, registers, vmcs, walk } = processors[this.choice.selectedIndex]!;
    byId('processor-mode').textContent = `${mode}, CPL ${cpl}, ${vmx}, ${activity}`;
    this.registers.show(Object.entries(registers).map(([name, value]) => ({ name, value })));
    const wanted = this.filter.value.toLowerCase();
    this.fields.show(byGroup(vmcs), (name) => name.toLowerCase().includes(wanted));
    byId('vmcs-none').hidden = vmcs.length > 0;
    this.showWalk(walk);
  }

  /** The machine did not answer. */
  fail(message: string): void {
    byId('walk').replaceChildren(element('code', message));
  }

  private showWalk(walk: ProcessorView['walk']): void {
    const lines =
      walk === undefined
        ? ['Type a linear address: each step of its translation appears here.']
        : [
            `${walk.linear} by ${walk.paging}, CR3 ${walk.cr3}`,
            ...walk.steps.map(({ text }) => `  ${text}`),
            walk.stop === null ? `  guest-physical ${walk.guestPhysical}` : `  ends: ${walk.stop}`,
            ...(walk.ept === undefined
              ? []
              : [
                  `EPT ${walk.ept.pointer} of ${walk.ept.guestPhysical}`,
                  ...walk.ept.steps.map(({ text }) => `  ${text}`),
                ]),
            ...(walk.physical === null ? [] : [`physical ${walk.physical}`]),
          ];
    byId('walk').replaceChildren(element('code', lines.join('\n')));
  }
}
