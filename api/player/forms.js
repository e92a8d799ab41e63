// Forms. The service stores no answers, so while they cannot be delivered they
// are kept here, and repeated under one id, which makes that harmless.

import { backOff, fault, passes, unknown } from './wire.js';
import { WEEK, Journal, alone, uuid } from './journal.js';

/** @typedef {import('./wire.js').Wire} Wire */
/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./autowebinar').FormAnswer} FormAnswer */
/** @typedef {{ submission_id: string, session_id: string, form_id: string, form_payload: object, at: number }} Entry */

export class Forms {
  #journal = new Journal('form');
  #wire; #failed; #signal;

  /**
   * @param {Wire} wire
   * @param {(error: Error) => void} failed told of every form that is given up
   * @param {AbortSignal} signal ends the waiting, not the keeping
   */
  constructor(wire, failed, signal) {
    this.#wire = wire;
    this.#failed = failed;
    this.#signal = signal;
  }

  /**
   * @param {string} sessionId kept forms name their session: on a shared computer
   * another viewer may be logged in when they are repeated
   * @param {string} formId
   * @param {object} payload
   * @param {string} [submissionId]
   * @returns {Promise<FormAnswer>}
   */
  submit(sessionId, formId, payload, submissionId = uuid()) {
    const entry = { submission_id: submissionId, session_id: sessionId, form_id: formId, form_payload: payload, at: Date.now() };
    this.#journal.write(submissionId, entry);
    return /** @type {Promise<FormAnswer>} */ (this.#alone(entry));
  }

  /** Takes up what earlier pages could not deliver, unless another tab is at it. */
  resume() {
    for (const key of this.#journal.keys()) {
      const entry = this.#journal.read(key);
      if (entry) this.#alone(entry, { ifAvailable: true }).catch(() => {});
    }
  }

  /** @param {Entry} entry @param {LockOptions} [options] */
  #alone(entry, options) {
    return alone(`form:${entry.submission_id}`, async () => {
      if (this.#journal.read(entry.submission_id)) return this.#deliver(entry);
    }, options);
  }

  /** @param {Entry} entry @returns {Promise<FormAnswer>} */
  async #deliver({ at, ...body }) {
    try {
      const answer = await this.patiently(() => {
        if (Date.now() - at > WEEK) throw fault('The form could not be delivered for a week.', { status: 410, code: 'autowebinar_form_expired' });
        return this.#wire.ask('form', body, { keepalive: false });
      });
      this.#journal.drop(body.submission_id);
      return answer;
    } catch (problem) {
      const error = /** @type {AutoWebinarError} */ (problem);
      // A session that is not this viewer's is another's, who may come back.
      if (!passes(error) && !unknown(error) && error.status !== 409) this.#journal.drop(body.submission_id);
      this.#failed(error);
      throw error;
    }
  }

  /**
   * Repeats a task while its failures are such as pass.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async patiently(task) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await task();
      } catch (problem) {
        const error = /** @type {AutoWebinarError} */ (problem);
        if (!passes(error) || this.#signal.aborted) throw error;
        await pause(backOff(attempt, error.retryAfter), this.#signal);
      }
    }
  }
}

/**
 * Waits, but not beyond the moment when the network comes back.
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
const pause = (seconds, signal) => new Promise((resolve) => {
  setTimeout(resolve, 1000 * seconds);
  addEventListener('online', resolve, { once: true, signal });
  signal.addEventListener('abort', resolve);
});
