// SPDX-License-Identifier: LGPL-2.1-only
// A process that restores a machine and lets it run: node restored_process.js STATE PROCESSORS MODULES…
import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { plainDataFromText } from '../../src/driver/plain_data_text.js';
import type { SavedDriver } from '../../src/driver/saved_driver.js';
import type { MachineState } from '../../src/machine/state/machine_state.js';
import { restoreMachine } from '../../src/session/verify_state.js';
import { newMachine, resultOf } from './vmm_guests.js';

const [file, processors, ...modules] = process.argv.slice(2);
const { machine, driver } = deserialize(readFileSync(file!)) as { machine: MachineState; driver: string };
const restored = await newMachine(Number(processors), modules);
await restoreMachine(restored, { machine, driver: plainDataFromText(driver) as SavedDriver });
while (restored.pc.runQuantum(() => true) === undefined);
process.stdout.write(JSON.stringify({ ...resultOf(restored), output: restored.output.join('') }));
