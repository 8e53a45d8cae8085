// SPDX-License-Identifier: LGPL-2.1-only
import type { Request } from './request.js';

/** Something that is on as long as anybody asks for it. */
export class SharedSwitch {
  private count = 0;

  /** @param change turns it on or off. It is turned on at each request: a vCPU that is launched anew has a new VMCS. */
  constructor(private readonly change: (isOn: boolean) => void) {}

  get isOn(): boolean {
    return this.count > 0;
  }

  /** Turns it on until the request is disposed. */
  request(): Request {
    this.change(true);
    this.count++;
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        this.count--;
        if (this.count === 0) this.change(false);
      },
    };
  }

  /** Turns it on again if anybody asks for it. */
  apply(): void {
    if (this.isOn) this.change(true);
  }
}
