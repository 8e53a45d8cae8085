// SPDX-License-Identifier: LGPL-2.1-only

/** The value that the entry's hooks pass to a vCPU: an empty base for users' classes. */
export class UserData {}
