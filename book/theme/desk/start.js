// 試験の机の始まり: 問題集 (exam/bank.js) を読み、ページの机 (模擬試験・復習・学習の記録) を開く。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, notice, load, draw } = desk;
  const { KEYS } = window.workbookStore;

  const place = document.querySelector('.desk');
  // 印刷用のページには 3 つの机が並ぶが、紙では使えないので、置いてある案内のままにする。
  if (!place || location.pathname.endsWith('/print.html')) return;
  const script = make('script', { src: 'bank.js' });
  script.onload = () => {
    desk.bank = window.workbookBank;
    desk.root = place;
    place.classList.add('quiz', 'quiz-js');
    // 机を使っている間は、mdBook にページをめくらせない。
    place.addEventListener('keydown', (event) => event.stopPropagation());
    load();
    place.draw = draw; // 選ばれやすさは、1 回の試験では測れない。試験から何度も呼べるようにする。
    const { open, catchUp } = desk[place.dataset.desk];
    open();
    // 別のタブで解いた分を、このタブにも映す。ブラウザの「戻る」で、そのまま戻ったページにも。
    addEventListener('storage', ({ key }) => { if (key === null || Object.values(KEYS).includes(key)) catchUp(); });
    addEventListener('pageshow', (event) => { if (event.persisted) catchUp(); });
  };
  script.onerror = () => {
    place.replaceChildren(notice('問題集 (bank.js) が見つかりません。cargo run か cargo run -- build で本を作り直してください。'));
  };
  document.head.append(script);
})();
