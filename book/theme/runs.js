// あなたの実行結果: `cargo run` で読んでいて、章を動かしてあれば、「動かす」のページの終わりに、本の図と並べて出す。
(async () => {
  'use strict';

  const chapter = location.pathname.match(/\/(ch\d\d-[a-z0-9-]+)\/run\.html$/)?.[1];
  // 公開した本やファイルには、動かした結果は無い。手元のサーバーは、再読み込みのための JS を差し込むので分かる。
  const local = [...document.scripts].some(({ dataset }) => /tower-livereload/.test(dataset.eventStream));
  const main = document.querySelector('main');
  if (!chapter || !local || !main) return;
  const answer = await fetch(`/-/runs/${chapter}`).catch(() => null);
  if (!answer?.ok) return;
  const { book, figures, runs } = await answer.json();
  if (runs.length === 0) return;

  function make(tag, props = {}, ...children) {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  }

  const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

  function table(names, rows) {
    return make('div', { className: 'table-wrapper' }, make('table', {},
      make('thead', {}, make('tr', {}, ...names.map((name) => make('th', { textContent: name })))),
      make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map((cell) => make('td', { textContent: cell })))))));
  }

  /** 本の設定と違うところ。コマンドの印 (--lr-d など) の名前で書く。 */
  function settings(config) {
    const own = Object.values(book?.configs ?? {});
    const same = own.map((known) => Object.keys(config).filter((key) => JSON.stringify(known[key]) !== JSON.stringify(config[key])));
    const changed = same.sort((a, b) => a.length - b.length)[0] ?? Object.keys(config);
    if (changed.length === 0) return [make('p', { textContent: '設定は、本と同じです。' })];
    const nearest = own.find((known) => changed.every((key) => key in known)) ?? {};
    return [make('p', { textContent: '本と違う設定' }), table(['設定', 'この本', 'あなた'],
      changed.map((key) => [`--${key.replaceAll('_', '-')}`, show(nearest[key] ?? '—'), show(config[key])]))];
  }

  function numbers(record) {
    const rows = Object.entries(record.results ?? {}).filter(([key]) => key in (book?.results ?? {}));
    const changed = rows.filter(([key, value]) => show(value) !== show(book.results[key]));
    if (rows.length === 0) return [];
    if (changed.length === 0) return [make('p', { textContent: `測った${rows.length}個の数は、すべて本と同じです。` })];
    return [make('p', { textContent: `測った${rows.length}個の数のうち、本と違うのは${changed.length}個です。機械が違うと、丸めの違いだけで少し変わります。` }),
      table(['測ったもの', 'この本', 'あなた'], changed.map(([key, value]) => [key, show(book.results[key]), show(value)]))];
  }

  function picture(src, text) {
    return make('figure', {}, make('img', { src, alt: text, loading: 'lazy' }), make('figcaption', { textContent: text }));
  }

  function details(run) {
    const when = new Date(run.at).toLocaleString('ja-JP', { dateStyle: 'medium', timeStyle: 'short' });
    const title = run.name === 'cargo-test' ? '最後の cargo test' : run.name;
    const pictures = run.files.filter((file) => /\.(svg|png)$/.test(file)).map((file) => {
      const mine = picture(`/-/runs/${chapter}/${encodeURIComponent(run.name)}/${encodeURIComponent(file)}`, `あなた: ${file}`);
      const theirs = figures.includes(file) ? [picture(`${path_to_root}figures/${chapter}/${file}`, `この本: ${file}`)] : [];
      return make('div', { className: 'runs-pair' }, ...theirs, mine);
    });
    return make('details', {}, make('summary', { textContent: `${title}（${when}）` }),
      ...(run.config ? settings(run.config) : []), ...(run.record ? numbers(run.record) : []), ...pictures);
  }

  main.append(make('section', { className: 'runs' }, make('h2', { id: 'your-runs', textContent: 'あなたの実行結果' }),
    make('p', { textContent: 'この章を手元で動かした結果です。本の図と数に並べました。' }), ...runs.slice(0, 8).map(details)));
})();
