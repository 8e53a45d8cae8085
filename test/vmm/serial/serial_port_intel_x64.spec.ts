// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BaudRate, DataBits, ParityBits, StopBits } from '../../../src/intrinsics/registers/serial_registers.js';
import { SerialPortIntelX64 } from '../../../src/vmm/serial/serial_port_intel_x64.js';
import { defaultSerialSettings, type SerialSettings } from '../../../src/vmm/serial/serial_port.js';
import { make } from '../../support/make.js';
import { stubPortIo } from '../../support/stubs.js';

/** The registers of a 16550, with its divisor latch. */
function uart(base: number) {
  const registers = [0, 0, 0, 0, 0, 0x20, 0, 0];
  const latch = [0, 0];
  const sent: number[] = [];
  const portIo = stubPortIo();
  const hasLatch = (): boolean => (registers[3]! & 0x80) !== 0;
  portIo.inb.callsFake((port) => (hasLatch() && port - base < 2 ? latch[port - base]! : registers[port - base]!));
  portIo.outb.callsFake((port, value) => {
    const at = port - base;
    if (hasLatch() && at < 2) latch[at] = value;
    else if (at === 0) sent.push(value);
    else registers[at] = value;
  });
  return { registers, latch, sent, portIo };
}

function port(settings: Partial<SerialSettings> = {}) {
  const all = { ...defaultSerialSettings, ...settings };
  const device = uart(all.port);
  return { device, serial: make(SerialPortIntelX64, { portIo: device.portIo, settings: all }) };
}

describe('SerialPortIntelX64', () => {
  describe('.init', () => {
    it('programs 115200 8N1 on COM1 by default: no interrupts, FIFOs on and cleared', () => {
      const { device, serial } = port();
      serial.init();
      expect(serial.port).to.equal(0x3f8);
      expect(device.latch).to.deep.equal([1, 0]);
      expect(device.registers.slice(1, 4)).to.deep.equal([0, 0x07, 0x03]);
    });

    it('takes every setting from SerialSettings', () => {
      const { device, serial } = port({
        port: 0xe000,
        baudRate: BaudRate.baud_rate_50,
        dataBits: DataBits.char_length_5,
        stopBits: StopBits.stop_bits_2,
        parityBits: ParityBits.parity_even,
      });
      serial.init();
      expect(device.latch).to.deep.equal([0x00, 0x09]);
      expect(device.registers[3]).to.equal(0x04 | 0x18);
    });
  });

  describe('.baudRate', () => {
    for (const [name, divisor] of Object.entries(BaudRate)) {
      it(`sets and reads ${name}`, () => {
        const { device, serial } = port();
        serial.baudRate = divisor;
        expect(serial.baudRate).to.equal(divisor);
        expect(device.registers[3]! & 0x80, 'the divisor latch is closed again').to.equal(0);
      });
    }

    it('reads as 115200 when the device holds none of the rates', () => {
      const { device, serial } = port();
      device.latch[0] = 77;
      expect(serial.baudRate).to.equal(BaudRate.baud_rate_115200);
    });
  });

  describe('.dataBits, .stopBits, .parityBits', () => {
    const options = [
      ['dataBits', DataBits],
      ['stopBits', StopBits],
      ['parityBits', ParityBits],
    ] as const;
    for (const [property, values] of options) {
      for (const [name, value] of Object.entries(values)) {
        it(`set and read ${name}`, () => {
          const { device, serial } = port();
          serial[property] = value;
          expect([serial[property], device.registers[3]]).to.deep.equal([value, value]);
        });
      }
    }

    it('change only their own bits', () => {
      const { device, serial } = port();
      serial.dataBits = DataBits.char_length_7;
      serial.stopBits = StopBits.stop_bits_2;
      serial.parityBits = ParityBits.parity_space;
      expect([serial.dataBits, serial.stopBits, serial.parityBits]).to.deep.equal([2, 4, 56]);
      serial.stopBits = StopBits.stop_bits_1;
      expect(device.registers[3]).to.equal(2 | 56);
    });

    it('ignore bits beyond their own', () => {
      const { serial } = port();
      serial.dataBits = 0xff;
      serial.parityBits = 0xff;
      expect([serial.dataBits, serial.stopBits, serial.parityBits]).to.deep.equal([3, 0, 56]);
      serial.parityBits = 0;
      serial.stopBits = 0xff;
      expect([serial.dataBits, serial.stopBits, serial.parityBits]).to.deep.equal([3, 4, 0]);
    });
  });

  describe('.write', () => {
    it('sends UTF-8 byte by byte', () => {
      const { device, serial } = port();
      serial.write('aé\n');
      expect(device.sent).to.deep.equal([0x61, 0xc3, 0xa9, 0x0a]);
    });

    it('waits until the device can take a byte', () => {
      const { device, serial } = port();
      device.registers[5] = 0;
      let polls = 0;
      const read = device.portIo.inb;
      read.withArgs(0x3fd).callsFake(() => (++polls < 5 ? 0 : 0x20));
      serial.write('x');
      expect(polls).to.equal(5);
      expect(device.sent).to.deep.equal([0x78]);
    });

    it('goes on when the device never gets ready', () => {
      const { device, serial } = port();
      device.registers[5] = 0;
      serial.write('x');
      expect(device.sent).to.deep.equal([0x78]);
    });
  });
});
