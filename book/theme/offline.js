// ホーム画面と、通信の無い所で読む準備。押したときにだけ、本の全体をこの端末に控える。
(async () => {
  'use strict';

  if (!/^https?:$/.test(location.protocol) || location.pathname.endsWith('/print.html')) return;
  const head = (rel, href) => document.head.append(Object.assign(document.createElement('link'), { rel, href: path_to_root + href }));
  head('manifest', 'manifest.webmanifest');
  head('apple-touch-icon', 'icons/icon-180.png');

  const place = document.querySelector('.offline');
  if (!place || !('serviceWorker' in navigator)) return;
  const { version, bytes } = await fetch(`${path_to_root}offline.json`).then((answer) => answer.json());
  const button = Object.assign(document.createElement('button'), { type: 'button' });
  const status = document.createElement('p');
  status.setAttribute('role', 'status');
  const size = `およそ ${Math.ceil(bytes / 1e6)} MB`;

  async function show() {
    const kept = (await caches.keys()).includes(`workbook-${version}`) && await navigator.serviceWorker.getRegistration(path_to_root || './');
    button.textContent = kept ? '控えを消す' : `この本を端末に残す（${size}）`;
    button.dataset.kept = Boolean(kept);
    if (kept) status.textContent = '本の全体が、この端末にあります。通信の無い所でも読めて、問題も解けます。新しい版は、つながったときに自動で入れ替わります。';
  }

  button.onclick = async () => {
    button.disabled = true;
    try {
      if (button.dataset.kept === 'true') {
        await (await navigator.serviceWorker.getRegistration(path_to_root || './'))?.unregister();
        for (const name of await caches.keys()) if (name.startsWith('workbook-')) await caches.delete(name);
        status.textContent = '控えを消しました。学習の記録は残っています。';
      } else {
        status.textContent = '控えを取っています。';
        const registration = await navigator.serviceWorker.register(`${path_to_root}sw.js`);
        const worker = registration.installing ?? registration.waiting ?? registration.active;
        if (worker.state !== 'activated') {
          await new Promise((done, failed) => worker.addEventListener('statechange', () => {
            if (worker.state === 'activated') done();
            if (worker.state === 'redundant') failed(new Error('途中で止まりました'));
          }));
        }
      }
    } catch {
      status.textContent = '控えを取れませんでした。空き容量と通信を確かめて、もう一度押してください。';
    }
    button.disabled = false;
    await show();
  };
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data?.all) status.textContent = `控えを取っています（${data.all}のうち${data.done}）。`;
  });
  await show();
  place.replaceChildren(button, status); // 名前が決まる前のボタンは見せない。
})();
