// SPDX-License-Identifier: LGPL-2.1-only

/** Why `execute` returned. Values from 16 on: the instruction at RIP did not complete. */
export enum StopReason {
  /** The budget is used up. */
  Quantum = 0,
  /** HLT or another inactive state: nothing to execute until an event arrives. */
  Idle = 1,
  /** `requestStop`. */
  Requested = 2,
  /** PAUSE, in a machine with several processors: the software waits for another one. */
  Pause = 3,
  /** VM exit of the guest: EXIT_* words are filled, the guest's state is in the registers. */
  VmExit = 16,
  /** A VMX instruction waits for the engine: VMX_OPERAND_* words are filled. */
  VmxInstruction = 17,
  /** Software uses a feature that the core does not implement: UNIMPLEMENTED says which. RIP is at the instruction. */
  Unimplemented = 18,
  /** Triple fault outside non-root operation: shutdown. */
  Shutdown = 19,
}
