// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';

/** A value that an extension reports. Numbers of several vCPUs are added up. For other values the first vCPU's value counts. */
export type ReportValue = number | bigint | string;

/** Values that an extension reports about a vCPU: `bfm run --json` shows them as `extensions.<name>.<value>`. */
export interface ReportContribution extends Contribution {
  report(): Readonly<Record<string, ReportValue>>;
}
export const ReportContribution = contribution<ReportContribution>('bareflank.ReportContribution', 'vcpu', {
  methods: ['report'],
});
