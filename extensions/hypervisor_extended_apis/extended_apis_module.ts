// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, vcpuModule, VmcallContribution, VmcsContribution } from 'bareflank';
import { ExtendedApis, ExtendedApisIntelX64 } from './extended_apis.js';
import { ExtendedApisVmcalls } from './extended_apis_vmcalls.js';
import { AllowingVmcallPolicy, VmcallPolicy } from './vmcall_policy.js';

/** Everything that the extended APIs bind. */
export default vcpuModule(({ bind }) => {
  bind(ExtendedApis).to(ExtendedApisIntelX64);
  bind(VmcallPolicy).to(AllowingVmcallPolicy);
  bind(VmcsContribution).toService(ExtendedApis);
  bind(ExitContribution).toService(ExtendedApis);
  bind(VmcallContribution).to(ExtendedApisVmcalls);
});
