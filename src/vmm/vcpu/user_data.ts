// SPDX-License-Identifier: LGPL-2.1-only

/** What the entry's hooks hand to a vCPU: an empty base for classes of users. */
export class UserData {}
