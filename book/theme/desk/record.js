// 学習の記録: 章とシラバスごとの進み、読み直すとよい節、ファイルの持ち出し。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, percent, show, focus, notice, heading, table, bar, download, FULL } = desk;
  const { LEVELS, OUTSIDE, load, isDue, history, portable, unsaved, isSafari } = desk;
  const { store } = window.workbookStore;

  function record(message = '') {
    load();
    const counts = (questions) => {
      const known = questions.filter((question) => question.record?.answered);
      const right = known.filter((question) => question.record.right).length;
      return [make('span', { className: 'desk-share' }, bar(known.length, questions.length), `${known.length} / ${questions.length}`),
        known.length ? `${right}（${percent(right, known.length)}）` : '—', questions.filter(isDue).length];
    };
    const names = ['解いた', '最後に正解', '復習待ち'];
    const groups = (list, own) => list.map((item) => [item.name ?? item.title, desk.bank.questions.filter((question) => own(question, item.id))])
      .filter(([, questions]) => questions.length > 0);
    const progress = (name, list) => table([name, ...names], list.map(([label, questions]) => [label, ...counts(questions)]));
    const levels = LEVELS.map((name, id) => ({ id, name: id === OUTSIDE ? `${name}（試験の外）` : name }));
    const known = desk.bank.questions.filter((question) => question.record?.answered).length;
    const past = history();
    const title = heading('今の様子');
    const status = make('p', { textContent: message });
    status.setAttribute('role', 'status');
    show(title, status, ...(store.works ? [] : [notice(FULL)]),
      make('p', { className: 'desk-score', textContent: `${desk.bank.questions.length}問のうち${known}問を解きました。` }),
      make('p', {}, `今日の復習は${desk.bank.questions.filter(isDue).length}問（`, make('a', { href: 'review.html', textContent: '復習へ' }),
        `）、模擬試験はこれまでに${past.length}回（`, make('a', { href: 'mock.html', textContent: '模擬試験へ' }), '）です。'),
      ...unsaved(),
      heading('読み直すとよい節'), ...weakSections(),
      heading('弱い所の地図'), ...weakMap(),
      heading('章ごと'), progress('章', groups(desk.bank.chapters, (question, id) => question.chapter === id)),
      heading('難しさごと'), progress('難しさ', groups(levels, (question, id) => question.level === id)),
      heading('シラバスの項目ごと'), progress('項目', groups(desk.bank.syllabus, (question, id) => question.syllabus.includes(id))),
      heading('記録のある所'), ...whereItLives(),
      Object.assign(heading('記録の持ち運び'), { className: 'desk-title desk-screen' }), ...portable((text) => { record(text); focus(desk.root.firstElementChild); }),
      heading('問題集と用語集のファイル'), make('ul', {}, ...desk.bank.files.map(([name, about]) => make('li', {},
        make('a', { href: name, download: name, textContent: `${about}（${name}）`, onclick: (event) => fetchFile(event, name) })))));
  }

  /** シラバスの項目ごとの升。解いた割合と正解の割合を、言葉と形で見せる。 */
  function weakMap() {
    const cells = desk.bank.syllabus.map(({ id, name }) => {
      const own = desk.bank.questions.filter((question) => question.syllabus.includes(id));
      const known = own.filter(({ record }) => record);
      const right = known.filter(({ record }) => record.right).length;
      const state = known.length < 3 ? 'none' : right / known.length < 0.6 ? 'weak' : right / known.length < 0.85 ? 'half' : 'good';
      const words = { none: 'まだ分からない', weak: '弱い', half: 'あと少し', good: 'できている' }[state];
      const cell = make('li', {}, make('b', { textContent: words }), make('span', { textContent: name }),
        make('span', { textContent: known.length ? `${known.length}問のうち${right}問（${percent(right, known.length)}）` : `${own.length}問` }));
      cell.dataset.state = state;
      return { cell, own, order: ['weak', 'half', 'none', 'good'].indexOf(state) };
    }).filter(({ own }) => own.length > 0).sort((a, b) => a.order - b.order);
    const known = cells.filter(({ cell }) => cell.dataset.state !== 'none');
    return [...(known.length ? [make('ul', { className: 'desk-map' }, ...known.map(({ cell }) => cell))] : []),
      make('p', { className: 'desk-about', textContent: `シラバスの${cells.length}項目のうち、${known.length}項目の様子が分かりました（三問以上を解いた項目）。` }),
      make('p', { className: 'desk-about' }, '試験で問われる点ごとには、', make('a', { href: '../appendix/points.html', textContent: '問われる点の確認表' }), 'で見られます。')];
  }

  /** 記録がどこにあり、いつ消えるか。 */
  function whereItLives() {
    const web = location.protocol !== 'file:';
    const place = web ? location.host : 'このファイルのある場所';
    const list = [`このブラウザの、${place} の記録です。${web ? '番地（ポート）や、127.0.0.1 と localhost の書き方が変わると、別の記録になります。記録が 0 に見えるときは、前に解いた番地を開いてください。' : ''}`,
      'シークレット（プライベート）ウィンドウで解いた記録は、窓を閉じると消えます。'];
    if (isSafari()) list.push('Safari は、7日間開かなかったページの記録を消すことがあります。間が空きそうなら、ファイルに書き出してください。');
    const kept = make('li', { textContent: '' });
    const items = make('ul', {}, ...list.map((textContent) => make('li', { textContent })), kept);
    navigator.storage?.persisted?.().then((yes) => {
      kept.textContent = yes ? 'ブラウザは、この記録を自動では消さないと約束しています。' : '空き容量が足りなくなると、ブラウザが記録を消すことがあります。';
    }, () => {});
    return [items];
  }

  /** 最後の答えが間違いのままの問題と、模擬試験で答えられなかった問題が多い節から並べる。 */
  function weakSections() {
    const sections = new Map();
    for (const { record, section } of desk.bank.questions) {
      if (!record) continue;
      const found = sections.get(section.page) ?? { section, known: 0, wrong: 0 };
      found.known += 1; // 答えられなかった問題も、できなかった問題として数える。
      found.wrong += record.right ? 0 : 1;
      sections.set(section.page, found);
    }
    const weak = [...sections.values()].filter(({ wrong }) => wrong > 0)
      .sort((a, b) => b.wrong - a.wrong || b.wrong / b.known - a.wrong / a.known).slice(0, 10);
    if (weak.length === 0) {
      return [make('p', { textContent: sections.size ? 'できなかったままの問題はありません。' : '問題を解くと、できなかった問題のある節がここに並びます。' })];
    }
    return [make('ul', { className: 'desk-weak' }, ...weak.map(({ section, known, wrong }) => make('li', {},
      make('a', { href: `../${section.page}`, innerHTML: section.title }), ` — ${known}問のうち${wrong}問ができていません`)))];
  }

  /** file:// では、リンクのままだと中身が画面に開く。同じ中身を持つ files.js から落とす。 */
  function fetchFile(event, name) {
    event.preventDefault();
    const script = make('script', { src: 'files.js' });
    script.onload = () => {
      download(name, window.workbookFiles[name], 'text/plain');
      script.remove();
    };
    script.onerror = () => { location.href = name; };
    document.head.append(script);
  }

  desk.record = { open: record, catchUp: record };
})();
