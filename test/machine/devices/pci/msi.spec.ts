// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ConfigSpace } from '../../../../src/machine/devices/pci/config_space.js';
import { Msi, MSI_CAPABILITY, MsiControl, MsiRegister } from '../../../../src/machine/devices/pci/msi.js';
import { PciFunction } from '../../../../src/machine/devices/pci/pci_function.js';

const AT = 0x40;

class Capable extends PciFunction {
  readonly sent: string[] = [];
  readonly msi: Msi;

  constructor() {
    super('capable', { vendor: 1, device: 2, classCode: 0, revision: 0, interruptPin: 1 });
    const at = this.addCapability(MSI_CAPABILITY, Msi.body, Msi.writable);
    this.msi = new Msi(this.config, at, (address, data) =>
      this.sent.push(`${address.toString(16)}:${data.toString(16)}`),
    );
  }

  override writeConfig(offset: number, size: 1 | 2 | 4, value: number): void {
    super.writeConfig(offset, size, value);
    this.msi.sendPending();
  }

  put({ offset, size }: { offset: number; size: 1 | 2 | 4 }, value: number): void {
    this.writeConfig(AT + offset, size, value);
  }
}

describe('Msi', () => {
  it('is a capability for one message with 64 address bits and a mask', () => {
    const config: ConfigSpace = new Capable().config;
    expect(config.read(AT, 4)).to.equal(MSI_CAPABILITY | ((MsiControl.Is64Bit | MsiControl.HasMask) << 16));
  });

  it('lets software write its fields, and nothing else', () => {
    const capable = new Capable();
    for (let offset = 2; offset < 0x18; offset += 2) capable.writeConfig(AT + offset, 2, 0xffff);
    const words = Array.from({ length: 6 }, (_, i) => capable.readConfig(AT + 4 * i, 4));
    expect(words).to.deep.equal([0x01810005, 0xfffffffc, 0xffffffff, 0xffff, 1, 0]);
  });

  it('sends its message once enabled', () => {
    const capable = new Capable();
    capable.put(MsiRegister.Address, 0xfee01000);
    capable.put(MsiRegister.Data, 0x4031);
    capable.msi.signal();
    expect([capable.msi.enabled, capable.sent]).to.deep.equal([false, []]);
    capable.put(MsiRegister.Control, MsiControl.Enable);
    capable.msi.signal();
    expect([capable.msi.enabled, capable.sent]).to.deep.equal([true, ['fee01000:4031']]);
  });

  it('keeps a masked message pending, and sends it once when it is unmasked', () => {
    const capable = new Capable();
    capable.put(MsiRegister.Address, 0xfee00000);
    capable.put(MsiRegister.Control, MsiControl.Enable);
    capable.put(MsiRegister.Mask, 1);
    capable.msi.signal();
    capable.msi.signal();
    expect([capable.sent, capable.readConfig(AT + MsiRegister.Pending.offset, 4)]).to.deep.equal([[], 1]);
    capable.put(MsiRegister.Mask, 0);
    expect([capable.sent, capable.readConfig(AT + MsiRegister.Pending.offset, 4)]).to.deep.equal([['fee00000:0'], 0]);
  });

  it('sends nothing above 4 GiB', () => {
    const capable = new Capable();
    capable.put(MsiRegister.UpperAddress, 1);
    capable.put(MsiRegister.Control, MsiControl.Enable);
    capable.msi.signal();
    expect(capable.sent).to.deep.equal([]);
  });

  it('is saved with the configuration space', () => {
    const [first, second] = [new Capable(), new Capable()];
    first.put(MsiRegister.Address, 0xfee02000);
    first.put(MsiRegister.Control, MsiControl.Enable);
    second.restore(first.save());
    second.msi.signal();
    expect(second.sent).to.deep.equal(['fee02000:0']);
  });
});
