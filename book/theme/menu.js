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
