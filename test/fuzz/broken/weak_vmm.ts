// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, vcpuModule, type Exit } from 'bareflank';

/** A fault for the fuzz to find: the VMM writes what WRMSR wrote into a field without a check, so the next VM entry may fail. */
const weakVmm: ExitContribution = {
  name: 'weak-vmm',
  reasons: [ExitReason.Wrmsr],
  handleExit(exit: Exit): boolean {
    exit.vmcs.guestIa32Pat.set(exit.registers.values[0]!);
    exit.advance();
    return true;
  },
};

export default vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(weakVmm));
