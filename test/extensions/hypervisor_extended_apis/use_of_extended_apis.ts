// SPDX-License-Identifier: LGPL-2.1-only
// An extension as users of extended_apis 1.1 wrote them: its fourth example, the EPT hook with two maps, together with traps of a port and an MSR.
import {
  ExitContribution,
  ExitReason,
  ReportContribution,
  state,
  vcpuModule,
  VmcallContribution,
  VmcallOpcode,
} from 'bareflank';
import { Vmcs, VmcsContribution, VmcsField, type VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';
import { ExtendedApis, type ExtendedApisIntelX64 } from '../../../extensions/hypervisor_extended_apis/extended_apis.js';
import type { RootEptIntelX64 } from '../../../extensions/hypervisor_extended_apis/root_ept_intel_x64.js';

const com1 = 0x3f8;
const ia32Pat = 0x277;
const size2m = 0x200000n;
const size1g = 0x40000000n;

/** The hooked function, and its hook. */
interface Hook {
  readonly from: bigint;
  readonly to: bigint;
}

@injectable()
export class UseOfExtendedApis implements VmcsContribution, VmcallContribution, ExitContribution, ReportContribution {
  @inject(ExtendedApis) readonly apis!: ExtendedApisIntelX64;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  /** Comes after 'eapis', which begins with the bitmaps and VPID off. */
  readonly name = 'use-of-eapis';
  readonly opcodes = [VmcallOpcode.VMCALL_REGISTERS];
  readonly reasons = [ExitReason.EptViolation];
  @state() private hook: Hook | undefined;
  @state() private taken = 0;

  private get clean(): RootEptIntelX64 {
    return this.apis.rootEpt('use-of-eapis clean');
  }

  private get hooked(): RootEptIntelX64 {
    return this.apis.rootEpt('use-of-eapis hooked');
  }

  setUp(): void {
    const { apis } = this;
    apis.enableVpid();
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(com1);
    apis.logIoAccess(true);
    apis.trapOnRdmsrAccess(ia32Pat);
    apis.logRdmsrAccess(true);
    for (const map of [this.clean, this.hooked]) this.mapIdentity(map);
    apis.setEptp(this.clean.eptp());
    apis.enableEpt();
  }

  handleVmcall({ r02, r03, r04 }: VmcallRegisters): boolean {
    if (this.hook !== undefined) this.unhook(this.hook);
    if (r02 === 1n) this.install({ from: r03, to: r04 });
    return true;
  }

  handleExit(): boolean {
    if (this.hook === undefined) return false;
    if (this.vmcs.read(VmcsField.GuestRip) === this.hook.from) {
      this.taken++;
      this.vmcs.write(VmcsField.GuestRip, this.hook.to);
    }
    this.apis.setEptp(this.clean.eptp());
    this.apis.registerMonitorTrap(this, 'afterStep');
    return this.apis.resume();
  }

  afterStep(): void {
    this.apis.setEptp(this.hooked.eptp());
  }

  report(): Record<string, number> {
    const count = (log: Record<string, number>): number => Object.values(log).reduce((sum, each) => sum + each, 0);
    const { ioAccessLog, rdmsrAccessLog } = this.apis;
    return { taken: this.taken, io: count(ioAccessLog.toJson()), rdmsr: count(rdmsrAccessLog.toJson()) };
  }

  private mapIdentity(map: RootEptIntelX64): void {
    map.setupIdentityMap2m(0n, 4n * size1g);
    map.setupIdentityMap1g(4n * size1g, 512n * size1g);
  }

  private install(hook: Hook): void {
    const page = hook.from & ~(size2m - 1n);
    this.hooked.unmapIdentityMap2m(page, page + size2m);
    this.hooked.setupIdentityMap4k(page, page + size2m);
    this.hooked.gpaToEpte(hook.from).trapOnAccess();
    this.apis.setEptp(this.hooked.eptp());
    this.hook = hook;
  }

  private unhook({ from }: Hook): void {
    this.apis.clearMonitorTrap();
    this.apis.setEptp(this.clean.eptp());
    this.hooked.gpaToEpte(from).passThroughAccess();
    this.hook = undefined;
  }
}

export default vcpuModule(({ bind }) => {
  bind(UseOfExtendedApis).toSelf();
  bind(VmcsContribution).toService(UseOfExtendedApis);
  bind(VmcallContribution).toService(UseOfExtendedApis);
  bind(ExitContribution).toService(UseOfExtendedApis);
  bind(ReportContribution).toService(UseOfExtendedApis);
});
