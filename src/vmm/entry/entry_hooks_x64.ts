// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import type { UserData } from '../vcpu/user_data.js';
import type { EntryHooks } from './entry.js';

/** No user data. */
@injectable()
export class EntryHooksX64 implements EntryHooks {
  preCreateVcpu(_vcpuid: bigint): UserData | undefined {
    return undefined;
  }

  preRunVcpu(_vcpuid: bigint): UserData | undefined {
    return undefined;
  }

  preHltVcpu(_vcpuid: bigint): UserData | undefined {
    return undefined;
  }

  preDeleteVcpu(_vcpuid: bigint): UserData | undefined {
    return undefined;
  }
}
