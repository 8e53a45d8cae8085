// SPDX-License-Identifier: LGPL-2.1-only
import { component, Ept, Exit, ExitReason, IoAccess, IoBitmap, MonitorTrap, MsrBitmap } from 'bareflank';
import { SecondaryControl, Vmcs, VmcsError, Vpid } from 'bareflank';
import { derived, state, type Contribution, type ExitContribution, type Request } from 'bareflank';
import type { NamedMethod, VmcsContribution } from 'bareflank';
import { inject, injectable } from 'inversify';
import { AccessLog, emptyLog } from './access_log.js';
import { AccessTraps } from './access_traps.js';
import { RootEptIntelX64 } from './root_ept_intel_x64.js';

/** Methods of Bareflank's extended_apis 1.1, for the vCPU whose part injects them. */
export const ExtendedApis = component<ExtendedApisIntelX64>('extendedApis.ExtendedApis', 'vcpu');

function* allPorts(): Iterable<number> {
  for (let port = 0; port <= 0xffff; port++) yield port;
}

function* allMsrs(): Iterable<number> {
  for (let msr = 0; msr < 0x2000; msr++) yield msr;
  for (let msr = 0xc0000000; msr < 0xc0002000; msr++) yield msr;
}

/** The extended APIs, built on the owners of `bareflank`. Bitmaps, VPID, EPT and the monitor trap stay shared with other extensions. */
@injectable()
export class ExtendedApisIntelX64 implements VmcsContribution, ExitContribution {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(Vpid) protected readonly vpid!: Vpid;
  @inject(IoBitmap) protected readonly ioBitmap!: IoBitmap;
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(MonitorTrap) protected readonly monitorTrap!: MonitorTrap;
  @inject(Exit) protected readonly exit!: Exit;
  readonly name = 'eapis';
  readonly reasons = [ExitReason.IoInstruction, ExitReason.Rdmsr, ExitReason.Wrmsr];

  @state() private readonly trapped = {
    io: new Map<number, Request>(),
    rdmsr: new Map<number, Request>(),
    wrmsr: new Map<number, Request>(),
  };
  @derived() readonly ioAccess = new AccessTraps(
    () => this.trapped.io,
    allPorts,
    (port) => this.ioBitmap.trap(this, port),
    () => this.wantIoBitmaps(),
  );
  @derived() readonly rdmsrAccess = new AccessTraps(
    () => this.trapped.rdmsr,
    allMsrs,
    (msr) => this.msrBitmap.trapRead(this, msr),
    () => this.wantMsrBitmap(),
  );
  @derived() readonly wrmsrAccess = new AccessTraps(
    () => this.trapped.wrmsr,
    allMsrs,
    (msr) => this.msrBitmap.trapWrite(this, msr),
    () => this.wantMsrBitmap(),
  );
  @state() private readonly logs = { io: emptyLog(), rdmsr: emptyLog(), wrmsr: emptyLog() };
  @derived() readonly ioAccessLog = new AccessLog(
    () => this.logs.io,
    () => true,
  );
  @derived() readonly rdmsrAccessLog = new AccessLog(
    () => this.logs.rdmsr,
    (msr) => this.msrBitmap.covers(msr),
  );
  @derived() readonly wrmsrAccessLog = new AccessLog(
    () => this.logs.wrmsr,
    (msr) => this.msrBitmap.covers(msr),
  );

  @state() private vpidRequest: Request | undefined;
  @state() private ioRequest: Request | undefined;
  @state() private msrRequest: Request | undefined;
  @state() private stepRequest: Request | undefined;
  /** The EPT pointer that `setEptp` chose; 0: the base map. */
  @state() private map = 0n;
  @state() private mapRequest: Request | undefined;
  @state() private isEptOff = false;

  /**
   * The initial state of extended_apis 1.1: VPID and the I/O bitmaps off, the MSR bitmap on and passing through. EPT stays as the base sets it. 1.1
   * turns EPT off, which unrestricted guest does not allow.
   */
  setUp(): void {
    this.disableVpid();
    this.disableIoBitmaps();
    this.enableMsrBitmap();
    this.leaveMap();
    this.isEptOff = !this.vmcs.isEnabled('secondary', SecondaryControl.EnableEpt);
  }

  /** Ends the handling of an exit, by `return apis.resume()`: the dispatcher resumes the guest when a handler returns true. */
  resume(): true {
    return true;
  }

  /** The same, after the instruction that exited. */
  advanceAndResume(): true {
    this.exit.advance();
    return true;
  }

  enableVpid(): void {
    this.vpidRequest ??= this.vpid.enable(this);
  }

  /** VPID stays on while another extension wants it. */
  disableVpid(): void {
    this.vpidRequest?.[Symbol.dispose]();
    this.vpidRequest = undefined;
  }

  /** Starts with nothing trapped, whatever was trapped before. */
  enableIoBitmaps(): void {
    this.ioAccess.release();
    this.ioRequest ??= this.ioBitmap.enable(this);
  }

  /** Gives all traps of ports back. Another extension that uses the bitmaps keeps them, and its traps. */
  disableIoBitmaps(): void {
    this.ioAccess.release();
    this.ioRequest?.[Symbol.dispose]();
    this.ioRequest = undefined;
  }

  /** Starts with nothing trapped, whatever was trapped before. */
  enableMsrBitmap(): void {
    this.releaseMsrs();
    this.msrRequest ??= this.msrBitmap.enable(this);
  }

  /** Gives all traps of MSRs back. All RDMSRs and WRMSRs then exit, unless another extension uses the bitmap. */
  disableMsrBitmap(): void {
    this.releaseMsrs();
    this.msrRequest?.[Symbol.dispose]();
    this.msrRequest = undefined;
  }

  /** Uses the map that `setEptp` chose, else the base map. */
  enableEpt(): void {
    this.isEptOff = false;
    this.ept.use(this.vmcs);
    this.enterMap(this.map);
  }

  /** @throws VmcsError while unrestricted guest, which needs EPT, is on, or while another extension uses a view. */
  disableEpt(): void {
    const before = this.map;
    this.leaveMap();
    try {
      this.ept.disable(this.vmcs);
      this.isEptOff = true;
    } catch (error) {
      this.enterMap(before);
      throw error;
    }
  }

  /** An empty map of guest-physical memory, or the one that was made by this name. */
  rootEpt(name: string): RootEptIntelX64 {
    return new RootEptIntelX64(this.ept, this.ept.view(name, 'nothing'));
  }

  /**
   * Uses another map, together with the views of other extensions. Like all maps of `Ept` it is write-back with a walk of four levels.
   *
   * @param eptp of a `RootEptIntelX64` or of a view; 0, or the base's, is the base map. @throws VmcsError for any other pointer.
   */
  setEptp(eptp: bigint): void {
    const isBase = eptp === 0n || ((eptp ^ this.ept.pointer()) & ~0xfffn) === 0n;
    if (!isBase && this.ept.viewOf(eptp) === undefined) {
      throw new VmcsError(
        `no map of this VMM has the EPT pointer 0x${eptp.toString(16)}: make one by rootEpt() or Ept.view(), which keep the VMM's memory out`,
      );
    }
    const before = this.map;
    this.leaveMap();
    try {
      this.enterMap(isBase ? 0n : eptp);
    } catch (error) {
      this.enterMap(before);
      throw error;
    }
  }

  /** @throws VmcsError "io bitmaps not enabled", or "invalid port: …"; the related methods throw the same. */
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

  /** @throws VmcsError "msr bitmap not enabled", or "invalid msr: …"; the related methods throw the same. */
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

  /** @throws VmcsError "msr bitmap not enabled", or "invalid msr: …"; the related methods throw the same. */
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

  /**
   * Calls `by[method](argument)` once, after the guest's next instruction. As in 1.1 there is one at a time: a new one replaces one that still waits.
   */
  registerMonitorTrap<M extends string, A = undefined>(
    by: Contribution & NamedMethod<M, A>,
    method: M,
    argument?: A,
  ): void {
    this.clearMonitorTrap();
    this.stepRequest = this.monitorTrap.step(by, method, argument);
  }

  /** Cancels the call that `registerMonitorTrap` set. The steps of other extensions stay. */
  clearMonitorTrap(): void {
    this.stepRequest?.[Symbol.dispose]();
    this.stepRequest = undefined;
  }

  /** Counts accesses. If only this extension traps a port, the guest accesses it by itself, in one step without the trap. The base handles all else. */
  handleExit(exit: Exit): boolean {
    if (exit.reason === ExitReason.IoInstruction) return this.handleIo(exit.qualificationLow);
    const log = exit.reason === ExitReason.Rdmsr ? this.rdmsrAccessLog : this.wrmsrAccessLog;
    log.note(exit.registers.halves[2]!);
    return false;
  }

  private handleIo(qualification: number): boolean {
    const port = qualification >>> 16;
    const ports = Array.from({ length: (qualification & IoAccess.SizeOfAccess) + 1 }, (_, at) => port + at);
    const own = ports.filter((each) => this.ioAccess.isTrapped(each));
    if (own.length === 0) return false;
    this.ioAccessLog.note(port);
    // If another extension wants the access, it must get it.
    if (ports.some((each) => this.ioBitmap.requests(each) > (own.includes(each) ? 1 : 0))) return false;
    this.ioAccess.suspend(own);
    this.monitorTrap.step(this, 'resumeIo', own);
    return true;
  }

  /** The guest has accessed these ports by itself. */
  resumeIo(ports: readonly number[]): void {
    this.ioAccess.resume(ports);
  }

  private enterMap(map: bigint): void {
    this.map = map;
    const view = map === 0n ? undefined : this.ept.viewOf(map);
    if (view !== undefined && !this.isEptOff) this.mapRequest = this.ept.enter(this, this.vmcs, view);
  }

  private leaveMap(): void {
    this.mapRequest?.[Symbol.dispose]();
    this.mapRequest = undefined;
    this.map = 0n;
  }

  private releaseMsrs(): void {
    this.rdmsrAccess.release();
    this.wrmsrAccess.release();
  }

  private wantIoBitmaps(): void {
    if (this.ioRequest === undefined) throw new VmcsError('io bitmaps not enabled');
  }

  private wantMsrBitmap(): void {
    if (this.msrRequest === undefined) throw new VmcsError('msr bitmap not enabled');
  }
}
