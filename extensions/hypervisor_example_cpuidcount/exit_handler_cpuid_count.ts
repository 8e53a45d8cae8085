// SPDX-License-Identifier: LGPL-2.1-only
import { bfdebug, ExitHandler, ExitHandlerIntelX64, ExitReason, extension } from 'bareflank';
import { ReportContribution, state, vcpuModule, VmcallError } from 'bareflank';

/** Counts the CPUIDs of its guest, and lets the base emulate them. */
@extension()
export class ExitHandlerCpuidCount extends ExitHandlerIntelX64 implements ReportContribution {
  readonly name = 'cpuidcount';
  @state() private count = 0;

  override handleExit(reason: ExitReason): void {
    if (reason === ExitReason.Cpuid) this.count++;
    super.handleExit(reason);
  }

  report(): Record<string, number> {
    return { count: this.count };
  }

  /** `bfm vmcall string json '{"get":"count"}'` answers `[N]`. */
  protected override handleVmcallDataStringJson(command: unknown): unknown {
    if ((command as { get?: unknown } | null)?.get !== 'count')
      throw new VmcallError(`unknown JSON command ${JSON.stringify(command)}; cpuidcount knows {"get":"count"}`);
    return [this.count];
  }

  override [Symbol.dispose](): void {
    bfdebug`cpuid count = ${this.count}`;
    super[Symbol.dispose]();
  }
}

export default vcpuModule(({ bind, rebind }) => {
  rebind(ExitHandler).to(ExitHandlerCpuidCount);
  bind(ReportContribution).toService(ExitHandler);
});
