// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
import type { Exit } from 'bareflank';
import { injectable } from 'inversify';

/** Answers each CPUID with zeros. */
@injectable()
class FixedLeaf implements ExitContribution {
  readonly name = 'fixed-leaf';
  readonly reasons = [ExitReason.Cpuid];

  handleExit({ registers }: Exit): boolean {
    for (const register of [0, 1, 2, 3]) registers.values[register] = 0n;
    return true;
  }
}

export default vcpuModule(({ bind }) => bind(ExitContribution).to(FixedLeaf));
