// How the player speaks to the service: addresses, who is asking, and what a
// failure means.

/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./autowebinar').Options} Options */

/**
 * @param {string} message
 * @param {Partial<AutoWebinarError>} [more]
 * @returns {AutoWebinarError}
 */
export const fault = (message, more) => Object.assign(new Error(message), { status: 0, code: 'fetch_error', retryAfter: 0, ...more });

/**
 * A failure that passes: nobody answered, or somebody who cannot take it now.
 * @param {any} error
 */
export const passes = ({ status }) => status === 0 || status === 408 || status === 429 || status >= 500;

/**
 * Who asks is not known here (any more): to log in helps, to repeat does not.
 * @param {any} error
 */
export const unknown = ({ status }) => status === 401 || status === 403;

/**
 * Seconds until the next try: doubling, up to a minute, each player at a moment
 * of its own, and never sooner than the service asked for.
 * @param {number} attempt from 1
 * @param {number} [retryAfter] seconds
 */
export const backOff = (attempt, retryAfter = 0) => Math.max(retryAfter, Math.min(60, 2 ** (attempt - 1))) * (1 + Math.random() / 2);

const TIMEOUT = 20_000; // the service gives up after as long
const REFRESHES = 2; // of the nonce or token, for one request

export class Wire {
  #base; #nonce; #nonceUrl; #tokens;
  /** @type {string | undefined} */ #token;

  /** @param {Options & { base: string }} options */
  constructor({ base, nonce, nonceUrl, token }) {
    this.#base = base.replace(/\/$/, '');
    this.#nonce = nonce;
    this.#nonceUrl = nonceUrl;
    this.#tokens = typeof token === 'function' ? token : undefined;
    this.#token = typeof token === 'string' ? token : undefined;
  }

  /**
   * A site with plain permalinks has its routes in the query: /?rest_route=/autowebinar/v1
   * @param {string} route
   * @param {Record<string, string>} [query]
   */
  url(route, query = {}) {
    const url = `${this.#base}/${route}`;
    const more = new URLSearchParams(query).toString();
    return more ? url + (url.includes('?') ? '&' : '?') + more : url;
  }

  /**
   * Asks until there is an answer that does not depend on a stale nonce or token.
   * @param {string} route
   * @param {object} [body] without it: a GET
   * @param {{ keepalive?: boolean, query?: Record<string, string> }} [how]
   * @returns {Promise<any>} the answer's JSON; every failure is an AutoWebinarError
   */
  async ask(route, body, { keepalive = true, query } = {}) {
    if (this.#tokens && !this.#token && !(await this.#refresh())) throw fault('no token');
    for (let refreshes = 0; ; refreshes++) {
      const outcome = await this.#try(this.url(route, query), body, keepalive && !!body);
      if (!('fault' in outcome)) return outcome.answer;
      const stale = outcome.fault.code === 'rest_cookie_invalid_nonce' || (this.#tokens && outcome.fault.status === 401);
      if (!stale || refreshes >= REFRESHES || !(await this.#refresh())) throw outcome.fault;
    }
  }

  /**
   * The last word of a page that may not live to see an answer.
   * @param {string} route
   * @param {object} body
   * @returns {Promise<boolean>} whether it is known to have arrived
   */
  async farewell(route, body) {
    if ('keepalive' in Request.prototype || this.#token) {
      const outcome = await this.#try(this.url(route), body, true);
      if (!('fault' in outcome)) return true;
      if (outcome.fault.status || this.#token) return false;
    }
    // A beacon has no headers: its nonce stands in the address.
    navigator.sendBeacon(this.url(route, this.#nonce ? { _wpnonce: this.#nonce } : {}), JSON.stringify(body));
    return false;
  }

  /**
   * @param {string} url
   * @param {object | undefined} body
   * @param {boolean} keepalive
   * @returns {Promise<{ answer: any } | { fault: AutoWebinarError }>}
   */
  async #try(url, body, keepalive) {
    /** @type {Record<string, string>} */
    const headers = { Accept: 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    else if (this.#nonce) headers['X-WP-Nonce'] = this.#nonce;
    try {
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), keepalive,
        credentials: this.#token ? 'omit' : 'include', signal: AbortSignal.timeout?.(TIMEOUT),
      });
      this.#nonce = response.headers.get('X-WP-Nonce') || this.#nonce; // a page may be open for longer than a nonce lives
      const answer = await response.json().catch(() => null);
      if (response.ok && answer && typeof answer === 'object') return { answer };
      // A page with status 200 is some other server's: a captive portal, a proxy.
      const { ok, statusText } = response;
      return { fault: fault(answer?.message || statusText || 'not the service', {
        status: ok ? 0 : response.status, code: answer?.code || 'invalid_json', data: answer?.data,
        retryAfter: seconds(response.headers.get('Retry-After')),
      }) };
    } catch (problem) {
      return { fault: fault(String(problem)) };
    }
  }

  /** Gets a fresh token or nonce; false when there is none. */
  async #refresh() {
    try {
      if (this.#tokens) return !!(this.#token = (await this.#tokens()) || undefined);
      if (this.#token || !this.#nonceUrl) return false;
      const response = await fetch(this.#nonceUrl, { credentials: 'include', signal: AbortSignal.timeout?.(TIMEOUT) });
      const nonce = (await response.text()).trim();
      if (!response.ok || !/^\w{4,40}$/.test(nonce)) return false;
      this.#nonce = nonce;
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * Retry-After as seconds, whether it is given as such or as a date; at most an hour.
 * @param {string | null} header
 */
function seconds(header) {
  const value = Number(header ?? 0);
  const wait = Number.isNaN(value) ? (Date.parse(/** @type {string} */ (header)) - Date.now()) / 1000 : value;
  return Math.min(3600, Math.max(0, wait || 0));
}
