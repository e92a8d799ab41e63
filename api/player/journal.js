// Stores what is not delivered yet in localStorage: a report for each session and an
// entry for each form. Where storage is blocked they are kept in memory.

const PREFIX = 'autowebinar:';
export const WEEK = 7 * 24 * 3600 * 1000;

/**
 * A report that is not delivered yet.
 * @typedef {object} PendingReport
 * @property {string} session_id
 * @property {number} position seconds, the position of the video
 * @property {number} furthest seconds, the highest position since the last delivered report
 * @property {number} [duration] seconds
 * @property {boolean} [ended]
 * @property {boolean} [sought] whether the viewer seeked
 * @property {boolean} [jumped] whether that seek went beyond what was watched
 * @property {string} [exit] the leave reason
 * @property {string | null} [seen] last_seen_at in the last response
 * @property {number} at Unix milliseconds
 */

/** Values by key, each with its time in the member `at`. */
export class Journal {
  /** @type {Map<string, string>} */ #memory = new Map();
  #prefix;

  /** @param {string} kind */
  constructor(kind) { this.#prefix = `${PREFIX}${kind}:`; }

  /** @param {string} key @param {object} value */
  write(key, value) {
    const text = JSON.stringify(value);
    try {
      localStorage.setItem(this.#prefix + key, text);
    } catch {
      this.#memory.set(key, text);
    }
  }

  /** @param {string} key @returns {any} null if there is none */
  read(key) {
    let text = this.#memory.get(key);
    try {
      text ??= localStorage.getItem(this.#prefix + key) ?? undefined;
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
    try {
      localStorage.removeItem(this.#prefix + key);
    } catch { /* storage is blocked */ }
  }

  keys() {
    let stored = /** @type {string[]} */ ([]);
    try {
      stored = Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix)).map((key) => key.slice(this.#prefix.length));
    } catch { /* storage is blocked */ }
    return [...new Set([...this.#memory.keys(), ...stored])];
  }
}

/**
 * Runs a task while no other tab runs one of the same name. Web Locks exist in
 * secure contexts only; elsewhere tasks may overlap, which is harmless because
 * the service accepts repeats.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} task
 * @param {LockOptions} [options] with ifAvailable the task is skipped while another tab runs it
 * @returns {Promise<T | undefined>}
 */
export async function exclusive(name, task, options = {}) {
  let granted = false;
  try {
    return await navigator.locks.request(PREFIX + name, options, async (lock) => {
      granted = true;
      return lock ? task() : undefined;
    });
  } catch (error) {
    if (granted) throw error;
    return task();
  }
}

/** Returns a random UUID. crypto.randomUUID exists in secure contexts only. */
export function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return [...b].map((byte, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + byte.toString(16).padStart(2, '0')).join('');
}
