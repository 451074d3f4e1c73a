// 印刷: 押すと、このページだけを刷る。練習の答えは開いて刷り、確認問題は、答えの置き方を選べる。
(() => {
  'use strict';

  if (location.pathname.endsWith('/print.html')) return;
  const opener = document.getElementById('print-page');
  if (!opener) return;

  function make(tag, props = {}, ...children) {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  }

  const quiz = document.querySelector('.quiz:not(.desk, .quiz-inline)');
  let mode = 'open'; // 確認問題の答え: open (問題の下)、last (最後)、none (刷らない)
  let opened = [];

  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('main details:not([open])')].filter((details) => !details.matches('.quiz-answer'));
    for (const details of opened) details.open = true;
    if (!quiz) return;
    document.documentElement.dataset.print = mode;
    if (mode !== 'last') return;
    const answers = [...quiz.querySelectorAll('.quiz-question')].filter((card) => !card.hidden).map((card) => make('div', {},
      make('h3', { textContent: card.querySelector('.quiz-title').textContent }),
      ...[...card.querySelector('.quiz-answer').cloneNode(true).childNodes].filter((node) => node.nodeName !== 'SUMMARY')));
    const list = make('section', { className: 'print-answers' }, make('h2', { textContent: '答えと解説' }), ...answers);
    list.querySelectorAll('[id]').forEach((part) => part.removeAttribute('id'));
    quiz.after(list);
  });
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
    delete document.documentElement.dataset.print;
    document.querySelector('.print-answers')?.remove();
  });

  const run = (chosen) => {
    mode = chosen;
    dialog.close();
    print();
    mode = 'open';
  };
  const choice = (text, chosen) => make('button', { type: 'button', textContent: text, onclick: () => run(chosen) });
  const dialog = make('dialog', { className: 'print-menu' },
    make('p', {}, make('strong', { textContent: '印刷する' })),
    ...(quiz ? [choice('このページ（答えは問題の下）', 'open'), choice('このページ（答えは最後にまとめる）', 'last'), choice('このページ（問題だけ）', 'none')]
      : [choice('このページ', 'open')]),
    make('a', { href: `${path_to_root}print.html`, textContent: '本の全体（A4 で 500 枚を超えます）' }),
    make('button', { type: 'button', textContent: 'やめる', onclick: () => dialog.close() }));
  dialog.setAttribute('aria-label', '印刷する');
  dialog.addEventListener('keydown', (event) => event.stopPropagation());
  dialog.addEventListener('click', ({ target }) => { if (target === dialog) dialog.close(); });
  document.body.append(dialog);
  opener.addEventListener('click', () => dialog.showModal());
})();
