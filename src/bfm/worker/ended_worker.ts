// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

const ADVICE = 'do not call process.exit in an extension; throw an error to stop its processor';

/**
 * The worker has gone without a message. Only users' code in it can cause that.
 *
 * @param call what the worker was doing, if it was outside VM exits and quanta.
 */
export function endedFromInside(code: number, call: string | undefined): BareflankError {
  const during = call === undefined ? '' : `, during ${call}`;
  return new BareflankError(`an extension's code ended the machine's thread, with status ${code}${during}: ${ADVICE}`, {
    details: { where: call ?? 'code of an extension', found: `process.exit(${code})`, advice: ADVICE },
  });
}
