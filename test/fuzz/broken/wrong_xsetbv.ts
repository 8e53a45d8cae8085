// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, Vector, vcpuModule, type Exit } from 'bareflank';

/** A fault for the fuzz to find: XSETBV raises #GP whatever it writes. */
const wrongXsetbv: ExitContribution = {
  name: 'wrong-xsetbv',
  reasons: [ExitReason.Xsetbv],
  handleExit(exit: Exit): boolean {
    exit.inject(Vector.GeneralProtection, 0);
    return true;
  },
};

export default vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(wrongXsetbv));
