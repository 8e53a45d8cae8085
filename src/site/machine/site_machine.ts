// SPDX-License-Identifier: LGPL-2.1-only
import { Driver } from '../../driver/driver.js';
import { handlerGlobals, useHandlerGlobals } from '../../driver/handler_globals.js';
import type { ModuleSource } from '../../driver/module_source.js';
import { watchPromises } from '../../driver/watched_promise.js';
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import type { BootRequest } from '../../machine/boot/entry_state.js';
import { RTC_DEFAULT_START } from '../../machine/devices/rtc.js';
import type { Pc } from '../../machine/pc.js';
import type { HandlerTrace } from '../../vmm/exit/handler_trace.js';
import { MachineSession, type SessionOptions } from '../../session/machine_session.js';
import type { SessionPorts, SliceEnd } from '../../session/session_ports.js';
import type { MachineStatus, Settings } from './site_messages.js';

/** Which machine to make. */
export interface SiteMachineOptions extends Pick<
  SessionOptions,
  'coreModule' | 'model' | 'memoryBytes' | 'processors' | 'pace' | 'recorder' | 'inputs' | 'attention' | 'compiledTier'
> {
  readonly ports: SessionPorts;
  /** Where extensions come from. */
  readonly source: ModuleSource;
}

/** A call of the driver that a page makes. Each is an event of the run. */
export type SiteCall = 'load' | 'start' | 'stop';

/** A machine with the driver of its VMM, as a page has one. It runs the same in a browser and in Node. */
export class SiteMachine {
  private constructor(
    readonly session: MachineSession,
    readonly driver: Driver,
  ) {}

  /** Makes a machine that has just been switched on. @throws if the system does not give the memory */
  static async create({ ports, source, ...options }: SiteMachineOptions): Promise<SiteMachine> {
    const session = await MachineSession.create(options, ports);
    const { pc } = session;
    const globals = handlerGlobals({ start: RTC_DEFAULT_START * 1000, now: () => pc.virtualTime });
    useHandlerGlobals(globals);
    const watch = (trace: HandlerTrace): void => watchPromises(globals, trace);
    return new SiteMachine(session, await Driver.create({ machine: pc.driverAccess, source, watch }));
  }

  get pc(): Pc {
    return this.session.pc;
  }

  /** Puts an image into memory and the first processor at its entry. @throws BootError */
  boot(request: BootRequest): void {
    this.session.boot(request);
  }

  /** Runs until a virtual time, or until something happens. */
  slice(untilVirtual: number): SliceEnd {
    return this.session.slice(untilVirtual);
  }

  /** Whether the driver may be called now. */
  get isAtMoment(): boolean {
    return this.session.isAtMoment;
  }

  /**
   * Loads extensions instead of the loaded ones. A running VMM is stopped first.
   *
   * @param settings values of their parameters @throws ModuleLoadError, ModuleFileError, ParameterError
   */
  async load(modules: readonly string[], settings: Settings = {}): Promise<void> {
    const hasSettings = Object.keys(settings).length > 0;
    await this.event('load', { modules, ...(hasSettings && { settings }) }, async () => {
      if (this.driver.hasVmm) this.driver.stop();
      this.driver.unload();
      for (const name of modules) this.driver.addModule(name);
      await this.driver.load(settings);
    });
  }

  /** Starts the VMM under the running guest. @throws DriverError, EntryError */
  start(): void {
    this.event('start', {}, () => this.driver.start());
  }

  /** Stops the VMM. The guest runs on. */
  stop(): void {
    this.event('stop', {}, () => this.driver.stop());
  }

  /** Makes a call that a recording has. */
  async perform(method: string, params: unknown): Promise<void> {
    if (method === 'load') {
      const { modules, settings } = params as { modules: string[]; settings?: Settings };
      await this.load(modules, settings);
    } else if (method === 'start') this.start();
    else if (method === 'stop') this.stop();
    else throw new Error(`a page makes no call ${method} of a driver`);
  }

  /** What a page shows all the time. */
  get status(): MachineStatus {
    const { pc, driver } = this;
    const exits = pc.exits().flatMap((count, reason) => (count > 0 ? [[exitReasonName(reason), count] as const] : []));
    const { instructions, virtualTime } = pc;
    return { instructions, virtualTime, vmm: driver.status, exits, reports: driver.reports() };
  }

  private event<T>(method: SiteCall, params: unknown, perform: () => T): T {
    return this.session.call({ kind: 'call', method, params }, perform);
  }
}
