// 試験の机の道具: ボタン、表、時間の書き方。机の 3 ページ (模擬試験・復習・学習の記録) のどれも使う。
(() => {
  'use strict';

  const { make } = window.workbookQuiz;
  const FULL = 'このブラウザの保存場所がいっぱいか、保存が禁じられているため、記録を残せません。ページを閉じると消えます。';

  // 机の要素 root と問題集 bank は、bank.js が読めてから start.js が入れる。
  const desk = { root: null, bank: null, FULL };

  const button = (text, onclick, props = {}) => make('button', { type: 'button', textContent: text, onclick, ...props });
  const buttons = (...items) => make('div', { className: 'quiz-buttons' }, ...items);
  const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
  const percent = (part, whole) => (whole ? `${Math.round(part / whole * 100)}%` : '—');
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const minutes = (seconds) => (seconds < 60 ? `${Math.round(seconds)}秒` : `${Math.floor(seconds / 60)}分${String(Math.round(seconds % 60)).padStart(2, '0')}秒`);
  const date = (time) => new Date(time).toLocaleDateString('ja-JP', { month: 'long', day: 'numeric' });
  const dateTime = (time) => new Date(time).toLocaleString('ja-JP', { dateStyle: 'medium', timeStyle: 'short' });

  /** 机の上を入れ替える。 */
  function show(...content) {
    desk.root.replaceChildren(...content);
  }

  function focus(element) {
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: 'start' });
  }

  const notice = (text) => Object.assign(make('p', { className: 'desk-notice', textContent: text }), { role: 'alert' });
  const heading = (text) => make('h2', { className: 'desk-title', textContent: text });

  function table(names, rows) {
    const row = (cells, tag) => make('tr', {}, ...cells.map((cell, i) => {
      const element = make(i === 0 ? 'th' : tag, {}, cell);
      if (i === 0 && tag === 'td') element.scope = 'row';
      return element;
    }));
    return make('div', { className: 'desk-table' }, make('table', {},
      make('thead', {}, row(names, 'th')), make('tbody', {}, ...rows.map((cells) => row(cells, 'td')))));
  }

  /** 割合の棒。数は隣に文字でも書く。 */
  function bar(part, whole) {
    const fill = make('span', {});
    fill.style.inlineSize = percent(part, whole || 1);
    return make('span', { className: 'desk-bar', ariaHidden: 'true' }, fill);
  }

  function download(name, text, type) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    make('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  window.workbookDesk = Object.assign(desk, { make, button, buttons, sum, percent, clock, minutes, date, dateTime, show, focus, notice, heading, table, bar, download });
})();
