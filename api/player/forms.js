// Forms. The service does not store answers, so they are kept in this browser
// until they are delivered. Repeats are harmless, because they have the same id.

import { backoff, clientError, isTemporary, isUnauthorized } from './client.js';
import { WEEK, Journal, exclusive, uuid } from './journal.js';

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./autowebinar').FormAnswer} FormAnswer */
/** @typedef {{ submission_id: string, session_id: string, form_id: string, form_payload: object, at: number }} Entry */

export class Forms {
  #journal = new Journal('form');
  #client; #onError; #signal;

  /**
   * @param {Client} client
   * @param {(error: Error) => void} onError called for each form that is given up
   * @param {AbortSignal} signal stops retries; the forms are kept
   */
  constructor(client, onError, signal) {
    this.#client = client;
    this.#onError = onError;
    this.#signal = signal;
  }

  /**
   * @param {string} sessionId stored with the form: on a shared computer another
   * viewer may be logged in when it is repeated
   * @param {string} formId
   * @param {object} payload
   * @param {string} [submissionId]
   * @returns {Promise<FormAnswer>}
   */
  submit(sessionId, formId, payload, submissionId = uuid()) {
    const entry = { submission_id: submissionId, session_id: sessionId, form_id: formId, form_payload: payload, at: Date.now() };
    this.#journal.write(submissionId, entry);
    return /** @type {Promise<FormAnswer>} */ (this.#deliverExclusively(entry));
  }

  /** Delivers the forms that earlier pages have left, unless another tab does. */
  resume() {
    for (const key of this.#journal.keys()) {
      const entry = this.#journal.read(key);
      if (entry) this.#deliverExclusively(entry, { ifAvailable: true }).catch(() => {});
    }
  }

  /** @param {Entry} entry @param {LockOptions} [options] */
  #deliverExclusively(entry, options) {
    return exclusive(`form:${entry.submission_id}`, async () => {
      if (this.#journal.read(entry.submission_id)) return this.#deliver(entry);
    }, options);
  }

  /** @param {Entry} entry @returns {Promise<FormAnswer>} */
  async #deliver({ at, ...body }) {
    try {
      const answer = await this.retry(() => {
        if (Date.now() - at > WEEK) throw clientError('The form could not be delivered for a week.', { status: 410, code: 'autowebinar_form_expired' });
        return this.#client.request('form', body, { keepalive: false });
      });
      this.#journal.remove(body.submission_id);
      return answer;
    } catch (thrown) {
      const error = /** @type {AutoWebinarError} */ (thrown);
      // 409: the session belongs to another viewer, who may log in again.
      if (!isTemporary(error) && !isUnauthorized(error) && error.status !== 409) this.#journal.remove(body.submission_id);
      this.#onError(error);
      throw error;
    }
  }

  /**
   * Repeats a task until it succeeds or fails permanently.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async retry(task) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await task();
      } catch (thrown) {
        const error = /** @type {AutoWebinarError} */ (thrown);
        if (!isTemporary(error) || this.#signal.aborted) throw error;
        await pause(backoff(attempt, error.retryAfter), this.#signal);
      }
    }
  }
}

/**
 * Waits for a time, or until the browser is online again.
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
const pause = (seconds, signal) => new Promise((resolve) => {
  setTimeout(resolve, 1000 * seconds);
  addEventListener('online', resolve, { once: true, signal });
  signal.addEventListener('abort', resolve);
});
