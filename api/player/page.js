// What the page says by itself: WordPress's settings, and the attributes of the
// script tag that brought this file.

/** @typedef {import('./autowebinar').Options} Options */

const here = import.meta.url;

const ownTag = () => [...document.scripts].find((script) => script.src === here);

/**
 * Fills in what the page's own code left out.
 * @param {Partial<Options>} given
 * @returns {Options & { base: string }}
 */
export function settings(given) {
  const data = ownTag()?.dataset ?? {};
  const { wpApiSettings: wp, wp: { apiFetch } = {} } = /** @type {any} */ (window);
  const own = /^(https?:.*)\/player(\.classic)?\.js([?&].*)?$/.exec(here)?.[1];
  const base = given.base ?? data.base ?? (own || (wp?.root && `${wp.root}autowebinar/v1`) || '/wp-json/autowebinar/v1');
  const webinarId = given.webinarId ?? data.webinar;
  if (!webinarId) throw new TypeError('AutoWebinar: which webinar? attach(player, { webinarId })');
  return {
    ...given, webinarId, base,
    nonce: given.nonce ?? data.nonce ?? wp?.nonce,
    token: given.token ?? data.token,
    nonceUrl: given.nonceUrl ?? data.nonceUrl ?? apiFetch?.nonceEndpoint ?? refreshAddress(wp?.root ?? base),
  };
}

// WordPress's own, where the REST root shows where WordPress is.
const refreshAddress = (/** @type {string} */ root) => `${/^(.*?)\/(wp-json|index\.php|\?)/.exec(root)?.[1] ?? ''}/wp-admin/admin-ajax.php?action=rest-nonce`;

/**
 * A script tag with data-webinar needs no code beside it, only one <video>.
 * @param {(player: any, options: Partial<Options>) => EventTarget} attach
 */
export function attachDeclared(attach) {
  const tag = ownTag();
  if (!tag?.dataset.webinar) return;
  const begin = () => {
    const found = document.querySelectorAll(/** @type {'video'} */ (tag.dataset.video ?? 'video'));
    if (found.length !== 1) return console.error(`AutoWebinar: data-webinar wants one <video>, there are ${found.length}; data-video="#id" names one`);
    const detail = attach(found[0], {});
    found[0].dispatchEvent(new CustomEvent('autowebinar', { detail, bubbles: true }));
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin);
  else begin();
}
