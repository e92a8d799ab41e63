package browser

// fiveLines is all that a page needs.
const scriptTagPage = `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script>wpApiSettings = { root: '/wp-json/', nonce: '{{nonce}}' }</script>
<script type="module" src="/wp-json/autowebinar/v1/player.js" data-webinar="intro"></script>
`

// recorder notes what an attachment tells, as window.told.
const recordEvents = `
  window.told = [];
  window.note = (attachment) => {
    for (const type of ['state', 'mark', 'completed', 'clamped', 'offline', 'error']) {
      attachment.addEventListener(type, ({ detail }) => told.push({ type, ...detail, message: detail?.message, code: detail?.code, status: detail?.status }));
    }
    return window.a = attachment;
  };
  window.v = document.querySelector('video');
`

// withCode attaches by code; the query of the page's address holds options, as JSON.
const codePage = `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script type="module">
  import { attach } from '/wp-json/autowebinar/v1/player.js';
` + recordEvents + `
  const options = JSON.parse(decodeURIComponent(location.search.slice(1)) || '{}');
  note(attach(v, { webinarId: 'intro', nonce: '{{nonce}}', ...options }));
</script>
`
