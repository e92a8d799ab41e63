// The network switch. While it is off, everything that this page sends to the
// service is lost on its way, as without a network: no answer, no status. What
// the demo itself asks for (rows, events, switches) goes through. It survives a
// reload, so that a closed page can be tried, too.

const { base } = document.body.dataset;
const goes = { fetch: window.fetch.bind(window), beacon: navigator.sendBeacon.bind(navigator) };
const ofService = (target) => new URL(target instanceof Request ? target.url : target, location.href).pathname.startsWith(`${base}/`);

class Network extends EventTarget {
  #lost = sessionStorage.getItem('demo-network') === 'off';

  /** How many requests were dropped since the switch went off. */
  dropped = 0;

  get lost() { return this.#lost; }

  set lost(lost) {
    if (lost === this.#lost) return;
    this.#lost = lost;
    if (lost) this.dropped = 0;
    sessionStorage.setItem('demo-network', lost ? 'off' : 'on');
    window.dispatchEvent(new Event(lost ? 'offline' : 'online')); // as the browser tells a page
    this.dispatchEvent(new Event('change'));
  }

  /** Whether a request is lost. */
  drops(target) {
    if (!this.#lost || !ofService(target)) return false;
    this.dropped++;
    this.dispatchEvent(new Event('change'));
    return true;
  }
}

export const network = new Network();

window.fetch = (target, options) => (network.drops(target)
  ? Promise.reject(new TypeError('The network is off.')) : goes.fetch(target, options));
navigator.sendBeacon = (target, data) => network.drops(target) || goes.beacon(target, data);
Object.defineProperty(navigator, 'onLine', { get: () => !network.lost });
