package browser

// scriptTagPage attaches the player with a script tag alone.
const scriptTagPage = `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script>wpApiSettings = { root: '/wp-json/', nonce: '{{nonce}}' }</script>
<script type="module" src="/wp-json/autowebinar/v1/player.js" data-webinar="intro"></script>
`

// recordEvents defines record(attachment), which collects its events in window.events.
const recordEvents = `
  window.events = [];
  window.record = (attachment) => {
    for (const type of ['state', 'mark', 'completed', 'clamped', 'offline', 'error']) {
      attachment.addEventListener(type, ({ detail }) => events.push({ type, ...detail, message: detail?.message, code: detail?.code, status: detail?.status }));
    }
    return window.a = attachment;
  };
  window.v = document.querySelector('video');
`

// codePage attaches the player by code, with the options in the query, as JSON.
const codePage = `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script type="module">
  import { attach } from '/wp-json/autowebinar/v1/player.js';
` + recordEvents + `
  const options = JSON.parse(decodeURIComponent(location.search.slice(1)) || '{}');
  record(attach(v, { webinarId: 'intro', nonce: '{{nonce}}', ...options }));
</script>
`
