// mdBook の上の帯は、見出しへ飛ぶなどして 1 度に大きく上へ動くと、次に動かすまで画面の途中に残る。
// 動いた後にもう一度知らせると、上端に付く。
(() => {
  'use strict';

  let last = scrollY;
  document.addEventListener('scroll', ({ isTrusted }) => {
    if (!isTrusted) return;
    if (scrollY < last - 50) document.dispatchEvent(new Event('scroll'));
    last = scrollY;
  }, { passive: true });
})();

// 目次を開くボタン。mdBook は見えない checkbox で開閉するので、押されたことをそこへ伝える。
(() => {
  'use strict';

  const button = document.getElementById('mdbook-sidebar-toggle');
  const box = document.getElementById('mdbook-sidebar-toggle-anchor');
  const sidebar = document.getElementById('mdbook-sidebar');
  if (button?.tagName !== 'BUTTON') return;
  const narrow = matchMedia('(max-width: 1079px)');

  function toggle() {
    box.checked = !box.checked;
    box.dispatchEvent(new Event('change'));
  }

  button.addEventListener('click', () => {
    toggle();
    // 狭い画面の目次は本文に重なる。キーで開いた人が、すぐに選べるようにする。
    if (box.checked && narrow.matches) (sidebar.querySelector('a.active') ?? sidebar.querySelector('a'))?.focus();
  });
  const covers = () => box.checked && narrow.matches;
  // 重なった目次は、外を押しても、Esc でも閉じる。
  document.addEventListener('pointerdown', ({ target }) => {
    if (covers() && !sidebar.contains(target) && !button.contains(target)) toggle();
  });
  sidebar.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !covers()) return;
    toggle();
    button.focus();
  });
})();

// 横に流れる箱 (コード、表、式) は、キーで動かせて、その間はページをめくらない。
(() => {
  'use strict';

  const BOXES = [['pre > code', '横に動くコード'], ['.table-wrapper', '横に動く表'], ['.formula', '横に動く式'], ['.cheatsheet ul', '横に動く一覧']];
  const boxes = BOXES.flatMap(([selector, name]) => [...document.querySelectorAll(`main :is(${selector})`)].map((box) => ({ box, name })));
  const wide = ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1;

  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
  const names = new Map();

  function mark(box) {
    if (wide(box) === (box.tabIndex === 0)) return;
    if (wide(box)) {
      box.tabIndex = 0;
      box.setAttribute('role', 'group');
      box.setAttribute('aria-label', names.get(box));
    } else {
      for (const name of ['tabindex', 'role', 'aria-label']) box.removeAttribute(name);
    }
  }

  for (const { box, name } of boxes) {
    names.set(box, name);
    sizes.observe(box);
    box.addEventListener('keydown', (event) => {
      if (wide(box) && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) event.stopPropagation();
    });
  }
})();
