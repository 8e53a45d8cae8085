// SPDX-License-Identifier: LGPL-2.1-only
// Privilege: SDM 3A "Privilege Levels", SDM 1 "I/O Privilege Level".
import { raiseCode } from "./raise";
import { GP, Rflags } from "../generated/architecture";
import { CPL, RFLAGS_SYSTEM } from "../generated/layout";
import { fieldOf } from "../state/bit_field";

/** #GP(0) outside CPL 0. */
export function supervisorOnly(): void { if (load<u32>(CPL) != 0) raiseCode(GP, 0); }
/** RFLAGS.IOPL. */
@inline export function iopl(): u32 { return fieldOf(<u32>Rflags.PrivilegeLevel, load<u32>(RFLAGS_SYSTEM)); }
