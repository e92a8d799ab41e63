// The theme follows the system until the button sets another. This script loads
// before the page is drawn, so that the theme does not flash.

(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem('demo-theme');
  if (kept) root.dataset.theme = kept;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';

  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => button?.setAttribute('aria-pressed', dark());
    button?.addEventListener('click', () => {
      root.dataset.theme = dark() ? 'light' : 'dark';
      localStorage.setItem('demo-theme', root.dataset.theme);
      show();
    });
    system.addEventListener('change', show);
    show();
  });
  // The phone follows the page that contains it.
  addEventListener('storage', (event) => {
    if (event.key === 'demo-theme' && event.newValue) root.dataset.theme = event.newValue;
  });
})();
