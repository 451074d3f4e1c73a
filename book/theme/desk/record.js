// 学習の記録: 章とシラバスごとの進み、読み直すとよい節、ファイルの持ち出し。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, percent, show, focus, notice, heading, table, bar, download, FULL } = desk;
  const { LEVELS, OUTSIDE, load, isDue, history, portable } = desk;
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
      heading('読み直すとよい節'), ...weakSections(),
      heading('章ごと'), progress('章', groups(desk.bank.chapters, (question, id) => question.chapter === id)),
      heading('難しさごと'), progress('難しさ', groups(levels, (question, id) => question.level === id)),
      heading('シラバスの項目ごと'), progress('項目', groups(desk.bank.syllabus, (question, id) => question.syllabus.includes(id))),
      Object.assign(heading('記録の持ち運び'), { className: 'desk-title desk-screen' }), ...portable((text) => { record(text); focus(desk.root.firstElementChild); }),
      heading('問題集と用語集のファイル'), make('ul', {}, ...desk.bank.files.map(([name, about]) => make('li', {},
        make('a', { href: name, download: name, textContent: `${about}（${name}）`, onclick: (event) => fetchFile(event, name) })))));
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
