// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DriverStateError } from '../../../src/driver/driver_errors.js';
import { equalData } from '../../../src/vmm/state/equal_data.js';
import { booted, effects, examples, listOf, race, resultOf } from '../../session/vmm_guests.js';

describe('VmmMark', () => {
  for (const [guest, names] of [
    [effects, examples],
    [effects, ['extended_apis']],
    [race, ['example_cpuidcount', 'example_ept_hook']],
  ] as const)
    it(`goes back as often as wanted: ${guest.name} under ${names.join(', ')} on ${guest.processors} processors`, async () => {
      const { pc, driver } = await booted(guest, names.map(listOf));
      pc.runQuantum(() => true, guest.step);
      const [machine, saved, point] = [pc.save(), driver.save(), driver.mark()];
      const runs = [1, 2, 3].map(() => {
        while (pc.runQuantum(() => true) === undefined);
        const result = resultOf({ pc, driver });
        pc.restore(machine);
        point.reset();
        expect(equalData(driver.save(), saved), 'the state of the VMM').to.equal(true);
        return result;
      });
      expect(runs[0]!.exits).to.not.deep.equal(pc.exits());
      expect(runs.slice(1)).to.deep.equal([runs[0], runs[0]]);
      driver.close();
    });

  it('does not go back over a stop of the VMM, and changes nothing then', async () => {
    const { driver } = await booted(effects, [listOf('example_cpuidcount')]);
    const point = driver.mark();
    driver.stop();
    expect(() => point.reset()).to.throw(DriverStateError, /a reset is not possible while the VMM is VMM_LOADED/);
    driver.start();
    const saved = driver.save();
    expect(() => point.check()).to.throw(/started or stopped since the mark/);
    expect(equalData(driver.save(), saved)).to.equal(true);
    driver.close();
  });
});
