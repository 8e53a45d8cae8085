// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, vcpuModule, VmcallContribution, VmcsContribution } from 'bareflank';
import { ExtendedApis, ExtendedApisIntelX64 } from './extended_apis.js';
import { ExtendedApisVmcalls } from './extended_apis_vmcalls.js';
import { AllowingVmcallPolicy, VmcallPolicy } from './vmcall_policy.js';

/** All bindings of the extended APIs. */
export default vcpuModule(({ bind }) => {
  bind(ExtendedApis).to(ExtendedApisIntelX64);
  bind(VmcallPolicy).to(AllowingVmcallPolicy);
  bind(VmcsContribution).toService(ExtendedApis);
  bind(ExitContribution).toService(ExtendedApis);
  bind(VmcallContribution).to(ExtendedApisVmcalls);
});
