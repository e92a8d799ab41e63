// Options that the page provides: the settings of WordPress, and the attributes of
// the script tag that loaded this file.

/** @typedef {import('./autowebinar').Options} Options */

const scriptURL = import.meta.url;

const scriptTag = () => [...document.scripts].find((script) => script.src === scriptURL);

/**
 * Completes the options that the code of the page has passed to attach.
 * @param {Partial<Options>} options
 * @returns {Options & { base: string }}
 */
export function completeOptions(options) {
  const data = scriptTag()?.dataset ?? {};
  const { wpApiSettings: wp, wp: { apiFetch } = {} } = /** @type {any} */ (window);
  const scriptBase = /^(https?:.*)\/player(\.classic)?\.js([?&].*)?$/.exec(scriptURL)?.[1];
  const base = options.base ?? data.base ?? (scriptBase || (wp?.root && `${wp.root}autowebinar/v1`) || '/wp-json/autowebinar/v1');
  const webinarId = options.webinarId ?? data.webinar;
  if (!webinarId) throw new TypeError('AutoWebinar: no webinar id: attach(player, { webinarId })');
  return {
    ...options, webinarId, base,
    nonce: options.nonce ?? data.nonce ?? wp?.nonce,
    token: options.token ?? data.token,
    nonceUrl: options.nonceUrl ?? data.nonceUrl ?? apiFetch?.nonceEndpoint ?? defaultNonceURL(wp?.root ?? base),
  };
}

// The address of WordPress is derived from its REST root.
const defaultNonceURL = (/** @type {string} */ root) => `${/^(.*?)\/(wp-json|index\.php|\?)/.exec(root)?.[1] ?? ''}/wp-admin/admin-ajax.php?action=rest-nonce`;

/**
 * Attaches the video of the page if the script tag has the attribute data-webinar.
 * @param {(player: any, options: Partial<Options>) => EventTarget} attach
 */
export function attachFromScriptTag(attach) {
  const tag = scriptTag();
  if (!tag?.dataset.webinar) return;
  const run = () => {
    const videos = document.querySelectorAll(/** @type {'video'} */ (tag.dataset.video ?? 'video'));
    if (videos.length !== 1) return console.error(`AutoWebinar: data-webinar needs exactly one <video>, found ${videos.length}; select one with data-video="#id"`);
    const detail = attach(videos[0], {});
    videos[0].dispatchEvent(new CustomEvent('autowebinar', { detail, bubbles: true }));
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', run);
  else run();
}
