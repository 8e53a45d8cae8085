// SPDX-License-Identifier: LGPL-2.1-only
// RDRAND and RDSEED: SDM 2B "RDRAND—Read Random Number", "RDSEED—Read Random SEED". The numbers come from a generator that is state of the
// processor, so that the same inputs give the same run. There is always a number: CF is 1.
import { registerInformation } from "../decode/instruction_information";
import { ExitReason, Rflags, SecondaryControl } from "../generated/architecture";
import { RANDOM } from "../generated/layout";
import { setArithmeticFlags } from "../state/flags";
import { Reg, setReg } from "../state/registers";
import { secondary, vmExitInformation } from "../vmx/vmx";

/** The next number of Steele's and Lea's SplitMix64. */
export function nextRandom(): u64 {
  const state = load<u64>(RANDOM) + 0x9e3779b97f4a7c15;
  store<u64>(RANDOM, state);
  const first = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9, second = (first ^ (first >> 27)) * 0x94d049bb133111eb;
  return second ^ (second >> 31);
}
/** A random number; CF says that there is one, and the other status flags are 0. */
@inline function give<T>(d: Reg): void {
  setReg<T>(d, <T>nextRandom());
  setArithmeticFlags(<u32>Rflags.CarryFlag);
}
/** RDRAND. */
export function RDRAND<T>(d: Reg): void {
  if (secondary(SecondaryControl.RdrandExiting)) vmExitInformation(ExitReason.Rdrand, 0, registerInformation<T>(d));
  else give<T>(d);
}
/** RDSEED. */
export function RDSEED<T>(d: Reg): void {
  if (secondary(SecondaryControl.RdseedExiting)) vmExitInformation(ExitReason.Rdseed, 0, registerInformation<T>(d));
  else give<T>(d);
}
