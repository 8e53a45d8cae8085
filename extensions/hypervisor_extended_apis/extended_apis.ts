// SPDX-License-Identifier: LGPL-2.1-only
import {
  component,
  ExitReason,
  Ept,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  Vmcs,
  VmcsError,
  VmcsField,
  Vpid,
} from 'bareflank';
import { SecondaryControl } from 'bareflank';
import type { Exit, ExitContribution, VmcsContribution } from 'bareflank';
import { inject, injectable } from 'inversify';
import { AccessLog } from './access_log.js';
import { AccessTraps } from './access_traps.js';

/** Methods of Bareflank's extended_apis 1.1 for the vCPU that they are injected into. */
export const ExtendedApis = component<ExtendedApisIntelX64>('extendedApis.ExtendedApis', 'vcpu');

function* allPorts(): Iterable<number> {
  for (let port = 0; port <= 0xffff; port++) yield port;
}

function* allMsrs(): Iterable<number> {
  for (let msr = 0; msr < 0x2000; msr++) yield msr;
  for (let msr = 0xc0000000; msr < 0xc0002000; msr++) yield msr;
}

/** The extended APIs over the owners of `bareflank`: bitmaps, VPID, EPT and the monitor trap stay shared with other extensions. */
@injectable()
export class ExtendedApisIntelX64 implements VmcsContribution, ExitContribution {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(Vpid) protected readonly vpid!: Vpid;
  @inject(IoBitmap) protected readonly ioBitmap!: IoBitmap;
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(MonitorTrap) protected readonly monitorTrap!: MonitorTrap;
  readonly name = 'eapis';
  readonly reasons = [ExitReason.IoInstruction, ExitReason.Rdmsr, ExitReason.Wrmsr];

  readonly ioAccess = new AccessTraps(
    allPorts,
    (port) => this.ioBitmap.trap(port),
    () => this.wantIoBitmaps(),
  );
  readonly rdmsrAccess = new AccessTraps(
    allMsrs,
    (msr) => this.msrBitmap.trapRead(msr),
    () => this.wantMsrBitmap(),
  );
  readonly wrmsrAccess = new AccessTraps(
    allMsrs,
    (msr) => this.msrBitmap.trapWrite(msr),
    () => this.wantMsrBitmap(),
  );
  readonly ioAccessLog = new AccessLog();
  readonly rdmsrAccessLog = new AccessLog();
  readonly wrmsrAccessLog = new AccessLog();

  /** As extended_apis begins: the MSR bitmap on and passing through, all else as the base has it. */
  setUp(): void {
    this.enableMsrBitmap();
  }

  enableVpid(): void {
    this.vpid.enable();
  }

  disableVpid(): void {
    this.vpid.disable();
  }

  enableIoBitmaps(): void {
    this.ioBitmap.enable();
  }

  disableIoBitmaps(): void {
    this.ioBitmap.disable();
  }

  enableMsrBitmap(): void {
    this.msrBitmap.enable();
  }

  disableMsrBitmap(): void {
    this.msrBitmap.disable();
  }

  /** The base map; `setEptp` chooses another. */
  enableEpt(): void {
    this.ept.use(this.vmcs);
  }

  /** @throws VmcsError while unrestricted guest, which takes EPT, is on. */
  disableEpt(): void {
    if (this.vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest)) {
      throw new VmcsError('EPT cannot be disabled while unrestricted guest is enabled');
    }
    this.vmcs.disable('secondary', SecondaryControl.EnableEpt);
    this.vmcs.write(VmcsField.EptPointer, 0n);
  }

  /** @param eptp physical address of the root table; write-back and a walk of four levels are added. */
  setEptp(eptp: bigint): void {
    this.vmcs.write(VmcsField.EptPointer, (eptp & ~0xfffn) | 6n | (3n << 3n));
  }

  /** @throws VmcsError "io bitmaps not enabled", or "invalid port: …"; so do all the methods of its kind. */
  trapOnIoAccess(port: number): void {
    this.ioAccess.trap(port);
  }

  trapOnAllIoAccesses(): void {
    this.ioAccess.trapAll();
  }

  passThroughIoAccess(port: number): void {
    this.ioAccess.passThrough(port);
  }

  passThroughAllIoAccesses(): void {
    this.ioAccess.passThroughAll();
  }

  /** Traps all but these. */
  whitelistIoAccess(ports: readonly number[]): void {
    this.ioAccess.whitelist(ports);
  }

  /** Traps only these. */
  blacklistIoAccess(ports: readonly number[]): void {
    this.ioAccess.blacklist(ports);
  }

  logIoAccess(on: boolean): void {
    this.ioAccessLog.enable(on);
  }

  clearIoAccessLog(): void {
    this.ioAccessLog.clear();
  }

  /** @throws VmcsError "msr bitmap not enabled", or "invalid msr: …"; so do all the methods of its kind. */
  trapOnRdmsrAccess(msr: number): void {
    this.rdmsrAccess.trap(msr);
  }

  trapOnAllRdmsrAccesses(): void {
    this.rdmsrAccess.trapAll();
  }

  passThroughRdmsrAccess(msr: number): void {
    this.rdmsrAccess.passThrough(msr);
  }

  passThroughAllRdmsrAccesses(): void {
    this.rdmsrAccess.passThroughAll();
  }

  /** Traps all but these. */
  whitelistRdmsrAccess(msrs: readonly number[]): void {
    this.rdmsrAccess.whitelist(msrs);
  }

  /** Traps only these. */
  blacklistRdmsrAccess(msrs: readonly number[]): void {
    this.rdmsrAccess.blacklist(msrs);
  }

  logRdmsrAccess(on: boolean): void {
    this.rdmsrAccessLog.enable(on);
  }

  clearRdmsrAccessLog(): void {
    this.rdmsrAccessLog.clear();
  }

  /** @throws VmcsError "msr bitmap not enabled", or "invalid msr: …"; so do all the methods of its kind. */
  trapOnWrmsrAccess(msr: number): void {
    this.wrmsrAccess.trap(msr);
  }

  trapOnAllWrmsrAccesses(): void {
    this.wrmsrAccess.trapAll();
  }

  passThroughWrmsrAccess(msr: number): void {
    this.wrmsrAccess.passThrough(msr);
  }

  passThroughAllWrmsrAccesses(): void {
    this.wrmsrAccess.passThroughAll();
  }

  /** Traps all but these. */
  whitelistWrmsrAccess(msrs: readonly number[]): void {
    this.wrmsrAccess.whitelist(msrs);
  }

  /** Traps only these. */
  blacklistWrmsrAccess(msrs: readonly number[]): void {
    this.wrmsrAccess.blacklist(msrs);
  }

  logWrmsrAccess(on: boolean): void {
    this.wrmsrAccessLog.enable(on);
  }

  clearWrmsrAccessLog(): void {
    this.wrmsrAccessLog.clear();
  }

  registerMonitorTrap(method: () => void): void {
    this.monitorTrap.step(method);
  }

  clearMonitorTrap(): void {
    this.monitorTrap.clear();
  }

  /** Counts accesses; a trapped I/O instruction then runs alone with the bitmaps off, MSRs are the base's. */
  handle(exit: Exit): boolean {
    if (exit.reason === ExitReason.IoInstruction) return this.handleIo(exit.qualificationLow >>> 16);
    const log = exit.reason === ExitReason.Rdmsr ? this.rdmsrAccessLog : this.wrmsrAccessLog;
    log.note(exit.registers.halves[2]!);
    return false;
  }

  private handleIo(port: number): boolean {
    if (!this.ioAccess.isTrapped(port)) return false;
    this.ioAccessLog.note(port);
    this.ioBitmap.disable();
    this.monitorTrap.step(() => this.ioBitmap.enable());
    return true;
  }

  private wantIoBitmaps(): void {
    if (!this.ioBitmap.isEnabled) throw new VmcsError('io bitmaps not enabled');
  }

  private wantMsrBitmap(): void {
    if (!this.msrBitmap.isEnabled) throw new VmcsError('msr bitmap not enabled');
  }
}
