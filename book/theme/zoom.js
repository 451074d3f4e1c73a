// 図の拡大。図を押すか、図の右上のボタンで開き、Esc か「閉じる」で元の所に戻る。
(() => {
  'use strict';

  const figures = [...document.querySelectorAll('.figure')];
  // 印刷用のページには何百もの図が並ぶ。紙では使えないので、何も付けない。
  if (figures.length === 0 || location.pathname.endsWith('/print.html')) return;

  const SCALES = [1, 1.5, 2, 3, 4]; // 1 は、画面にちょうど収まる大きさ。

  function make(tag, props = {}, ...children) {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  }

  const button = (text, onclick, props = {}) => make('button', { type: 'button', textContent: text, onclick, ...props });
  const smaller = button('−', () => scale(at - 1), { ariaLabel: '小さくする' });
  const larger = button('＋', () => scale(at + 1), { ariaLabel: '大きくする' });
  const stage = make('div', { className: 'zoom-stage', tabIndex: 0 });
  stage.setAttribute('role', 'group');
  const caption = make('div', { className: 'zoom-caption', tabIndex: 0 });
  caption.setAttribute('role', 'note');
  const bar = make('div', { className: 'zoom-bar' }, smaller, larger, button('閉じる', () => dialog.close()));
  const dialog = make('dialog', { className: 'zoom' }, bar, stage, caption);
  dialog.setAttribute('aria-label', '拡大した図');
  document.body.append(dialog);
  let at = 0;

  /** 段階 `to` の大きさにする。真ん中に見えている所は、真ん中のまま。 */
  function scale(to) {
    const place = [(stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth, (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight];
    at = Math.max(0, Math.min(to, SCALES.length - 1));
    stage.style.setProperty('--zoom', SCALES[at]);
    stage.scrollTo(place[0] * stage.scrollWidth - stage.clientWidth / 2, place[1] * stage.scrollHeight - stage.clientHeight / 2);
    // 押したボタンが使えなくなると焦点が消えるので、図に移す。
    if ([smaller, larger].includes(document.activeElement)) (at === 0 || at === SCALES.length - 1) && stage.focus();
    smaller.disabled = at === 0;
    larger.disabled = at === SCALES.length - 1;
  }

  function open(figure, opener) {
    const picture = figure.querySelector(':scope > :is(svg, img)');
    const copy = picture.cloneNode(true);
    // 同じ id が二つにならないように外す。絵の中の参照は、ページの図の部品を指したままで描ける。
    for (const part of copy.querySelectorAll('[id]')) part.removeAttribute('id');
    copy.removeAttribute('loading');
    const box = picture.viewBox?.baseVal;
    const [width, height] = box ? [box.width, box.height] : [picture.naturalWidth || picture.width, picture.naturalHeight || picture.height];
    stage.style.setProperty('--ratio', width / height);
    stage.classList.toggle('figure-svg', Boolean(box));
    stage.classList.toggle('figure-png', !box);
    stage.replaceChildren(copy);
    stage.setAttribute('aria-label', '図。矢印キーで動かせます。');
    caption.replaceChildren(...(figure.querySelector('figcaption')?.cloneNode(true).childNodes ?? []));
    opener.focus({ preventScroll: true }); // 閉じると、ブラウザがここへ焦点を戻す。
    dialog.showModal();
    // 狭い画面では、収まる大きさは本文の図と変わらない。倍から始める。
    scale(innerWidth < 620 ? 2 : 0);
    stage.scrollTo(0, 0);
    stage.focus();
  }

  dialog.addEventListener('keydown', (event) => {
    event.stopPropagation(); // 伝わると、mdBook が ←/→ でページをめくり、s と / で検索を開く。
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === '+' || event.key === ';' || event.key === '=') scale(at + 1);
    else if (event.key === '-') scale(at - 1);
    else return;
    event.preventDefault();
  });
  // 図の外 (地) を押しても閉じる。
  dialog.addEventListener('click', ({ target }) => { if (target === dialog) dialog.close(); });

  for (const figure of figures) {
    const picture = figure.querySelector(':scope > :is(svg, img)');
    if (!picture) continue;
    const opener = button('', () => open(figure, opener), { className: 'zoom-open', title: '図を拡大する' });
    opener.setAttribute('aria-label', '図を拡大する');
    opener.setAttribute('aria-haspopup', 'dialog');
    picture.addEventListener('click', () => open(figure, opener));
    figure.append(opener);
  }
})();
