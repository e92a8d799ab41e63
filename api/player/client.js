// Requests to the service: addresses, authentication, and which failures are
// worth a retry.

/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./autowebinar').Options} Options */

/**
 * @param {string} message
 * @param {Partial<AutoWebinarError>} [properties]
 * @returns {AutoWebinarError}
 */
export const clientError = (message, properties) => Object.assign(new Error(message), { status: 0, code: 'fetch_error', retryAfter: 0, ...properties });

/**
 * Reports whether a failure is temporary: no response, or one that asks for a retry.
 * @param {any} error
 */
export const isTemporary = ({ status }) => status === 0 || status === 408 || status === 429 || status >= 500;

/**
 * Reports whether the viewer is not authenticated. A login helps, a retry does not.
 * @param {any} error
 */
export const isUnauthorized = ({ status }) => status === 401 || status === 403;

/**
 * Returns the seconds until the next attempt. They double up to a minute, with
 * jitter, and are never fewer than the service requested.
 * @param {number} attempt from 1
 * @param {number} [retryAfter] seconds
 */
export const backoff = (attempt, retryAfter = 0) => Math.max(retryAfter, Math.min(60, 2 ** (attempt - 1))) * (1 + Math.random() / 2);

const TIMEOUT = 20_000; // milliseconds; the service has the same limit
const MAX_RENEWALS = 2; // of the nonce or token, per request

export class Client {
  #base; #nonce; #nonceUrl; #getToken;
  /** @type {string | undefined} */ #token;

  /** @param {Options & { base: string }} options */
  constructor({ base, nonce, nonceUrl, token }) {
    this.#base = base.replace(/\/$/, '');
    this.#nonce = nonce;
    this.#nonceUrl = nonceUrl;
    this.#getToken = typeof token === 'function' ? token : undefined;
    this.#token = typeof token === 'string' ? token : undefined;
  }

  /**
   * Returns the address of a route. With plain permalinks the base contains a
   * query already: /?rest_route=/autowebinar/v1
   * @param {string} route
   * @param {Record<string, string>} [query]
   */
  url(route, query = {}) {
    const url = `${this.#base}/${route}`;
    const parameters = new URLSearchParams(query).toString();
    return parameters ? url + (url.includes('?') ? '&' : '?') + parameters : url;
  }

  /**
   * Sends a request, and repeats it with a new nonce or token if the old one has expired.
   * @param {string} route
   * @param {object} [body] omitted for a GET request
   * @param {{ keepalive?: boolean, query?: Record<string, string> }} [options]
   * @returns {Promise<any>} the JSON of the response; rejects with an AutoWebinarError
   */
  async request(route, body, { keepalive = true, query } = {}) {
    if (this.#getToken && !this.#token && !(await this.#renew())) throw clientError('no token');
    for (let renewals = 0; ; renewals++) {
      const { json, error } = await this.#fetch(this.url(route, query), body, keepalive && !!body);
      if (!error) return json;
      const expired = error.code === 'rest_cookie_invalid_nonce' || (this.#getToken && error.status === 401);
      if (!expired || renewals >= MAX_RENEWALS || !(await this.#renew())) throw error;
    }
  }

  /**
   * Sends the last report of a page that may be closed before the response arrives.
   * @param {string} route
   * @param {object} body
   * @returns {Promise<boolean>} whether it is known to have arrived
   */
  async sendLast(route, body) {
    if ('keepalive' in Request.prototype || this.#token) {
      const { error } = await this.#fetch(this.url(route), body, true);
      if (!error) return true;
      if (error.status || this.#token) return false;
    }
    // A beacon cannot have headers, so the nonce is a parameter.
    navigator.sendBeacon(this.url(route, this.#nonce ? { _wpnonce: this.#nonce } : {}), JSON.stringify(body));
    return false;
  }

  /**
   * @param {string} url
   * @param {object | undefined} body
   * @param {boolean} keepalive
   * @returns {Promise<{ json?: any, error?: AutoWebinarError }>}
   */
  async #fetch(url, body, keepalive) {
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
      this.#nonce = response.headers.get('X-WP-Nonce') || this.#nonce; // a page may stay open longer than a nonce is valid
      const json = await response.json().catch(() => null);
      if (response.ok && json && typeof json === 'object') return { json };
      // A success without JSON comes from a captive portal or another proxy.
      const { ok, statusText } = response;
      return { error: clientError(json?.message || statusText || 'not a response of the service', {
        status: ok ? 0 : response.status, code: json?.code || 'invalid_json', data: json?.data,
        retryAfter: parseRetryAfter(response.headers.get('Retry-After')),
      }) };
    } catch (error) {
      return { error: clientError(String(error)) };
    }
  }

  /** Fetches a new token or nonce and reports whether there is one. */
  async #renew() {
    try {
      if (this.#getToken) return !!(this.#token = (await this.#getToken()) || undefined);
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
 * Returns the seconds of a Retry-After header, which may contain a date; at most an hour.
 * @param {string | null} header
 */
function parseRetryAfter(header) {
  const value = Number(header ?? 0);
  const seconds = Number.isNaN(value) ? (Date.parse(/** @type {string} */ (header)) - Date.now()) / 1000 : value;
  return Math.min(3600, Math.max(0, seconds || 0));
}
