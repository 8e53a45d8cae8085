// SPDX-License-Identifier: LGPL-2.1-only
import { injectable, multiInject, optional } from 'inversify';
import type { Contribution } from '../container/contribution.js';
import { CpuidContribution } from '../contributions/cpuid_contribution.js';
import { ExitContribution } from '../contributions/exit_contribution.js';
import { MsrContribution } from '../contributions/msr_contribution.js';
import type { NamedContributions } from './named_contributions.js';
import { PortContribution } from '../contributions/port_contribution.js';
import { ReportContribution } from './report_contribution.js';
import { VcpuContribution } from './vcpu_contribution.js';
import { VmcallContribution } from '../contributions/vmcall_contribution.js';
import { VmcsContribution } from '../vmcs/vmcs_contribution.js';

/** Asks every contribution point. */
@injectable()
export class NamedContributionsX64 implements NamedContributions {
  @multiInject(CpuidContribution) @optional() protected readonly cpuid: readonly Contribution[] = [];
  @multiInject(ExitContribution) @optional() protected readonly exits: readonly Contribution[] = [];
  @multiInject(MsrContribution) @optional() protected readonly msrs: readonly Contribution[] = [];
  @multiInject(PortContribution) @optional() protected readonly ports: readonly Contribution[] = [];
  @multiInject(ReportContribution) @optional() protected readonly reports: readonly Contribution[] = [];
  @multiInject(VcpuContribution) @optional() protected readonly vcpus: readonly Contribution[] = [];
  @multiInject(VmcallContribution) @optional() protected readonly vmcalls: readonly Contribution[] = [];
  @multiInject(VmcsContribution) @optional() protected readonly vmcs: readonly Contribution[] = [];

  byName(): ReadonlyMap<string, Contribution> {
    const { cpuid, exits, msrs, ports, reports, vcpus, vmcalls, vmcs } = this;
    const all = [cpuid, exits, msrs, ports, reports, vcpus, vmcalls, vmcs].flat();
    return new Map(all.map((contribution) => [contribution.name, contribution]));
  }
}
