// 問題を解く操作。ビルドが出した HTML (book/builder/page/question.rs) に、選ぶ・採点する・記録するを加える。
// 試験の机 (desk/) も、ここのカードをそのまま使う。
(() => {
  'use strict';

  const { KEYS, store, readMap, write } = window.workbookStore;
  const FILTERS = { all: 'すべて', fresh: 'まだ解いていない', wrong: '間違えた' };
  const IMPORTANCES = ['超重要', '重要', '覚えておきたい'];
  const LEVELS = ['基本', '標準', '発展'];

  function make(tag, props = {}, ...children) {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  }

  // 種が同じなら同じ並びになる（mulberry32 と Fisher–Yates）。解き終えた並びを再読み込みの後も保つため。
  function shuffle(items, seed) {
    const random = () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const mixed = [...items];
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  }

  class Card {
    /**
     * `record` があれば、答えた後の姿で始める。`exam` ({ picks, seed, onPick }) なら、
     * 選ぶことだけができて、正誤は [grade] を呼ぶまで見せない。
     */
    constructor(element, { record = null, exam = null, onChange = () => {}, onNext = () => {} } = {}) {
      this.element = element;
      this.id = element.dataset.id;
      this.multiple = element.dataset.kind === 'multiple';
      this.onChange = onChange;
      this.onNext = () => onNext(this);
      this.result = null; // 最後に解いた結果。null はまだ解いていない。
      const reasonLists = element.querySelectorAll('.quiz-reasons');
      this.groups = [...element.querySelectorAll('.quiz-group')]
        .map((group, index) => this.group(group, reasonLists[index], index));
      this.verdict = make('p', { className: 'quiz-verdict', tabIndex: -1 });
      this.verdict.setAttribute('role', 'status');
      this.decideButton = make('button', { type: 'button', className: 'quiz-decide', textContent: '決定', onclick: () => this.decide() });
      this.retryButton = make('button', { type: 'button', textContent: 'もう一度', onclick: () => { this.retry(); element.focus(); } });
      this.nextButton = make('button', { type: 'button', className: 'quiz-next', textContent: '次の問題へ', onclick: this.onNext });
      this.answer = element.querySelector('.quiz-answer');
      this.answer.before(this.verdict);
      element.tabIndex = -1;
      element.addEventListener('keydown', (event) => this.key(event));
      if (exam) {
        this.deal(exam.seed);
        this.choose(exam.picks);
        this.onPick = () => exam.onPick?.(this.picks());
        element.addEventListener('change', this.onPick);
        return;
      }
      // 決定する前に選んだ答えも、開き直して残す。
      element.addEventListener('change', () => this.keep());
      this.verdict.after(make('div', { className: 'quiz-buttons' }, this.decideButton));
      this.answer.after(make('div', { className: 'quiz-buttons quiz-after' }, this.retryButton, this.nextButton));
      if (!this.restore(record)) this.retry();
      const kept = readMap(KEYS.picked)[this.id];
      if (!this.answered && this.fits(kept?.picks)) {
        this.deal(Number(kept.seed) | 0);
        this.choose(kept.picks);
      }
    }

    /** まだ決定していない答えを覚える。決定したら忘れる。 */
    keep() {
      const all = readMap(KEYS.picked);
      if (this.answered || !this.picks().some((keys) => keys.length)) delete all[this.id];
      else all[this.id] = { picks: this.picks(), seed: this.seed };
      write(KEYS.picked, all);
    }

    /** 選んだ鍵が、どれも今の選択肢か。 */
    fits(picks) {
      return Array.isArray(picks) && picks.length === this.groups.length &&
        this.groups.every((group, i) => Array.isArray(picks[i]) && picks[i].every((key) => group.choices.some((choice) => choice.key === key)));
    }

    /** 組ごとの、選んだ選択肢の鍵。 */
    picks() {
      return this.groups.map((group) => group.choices.filter((choice) => choice.input.checked).map((choice) => choice.key));
    }

    choose(picks) {
      this.groups.forEach((group, i) => group.choices.forEach((choice) => {
        choice.input.checked = picks[i].includes(choice.key);
      }));
    }

    // 選択肢 1 組を、本物の radio か checkbox にする。理由は build の並びで 1 対 1 に対応している。
    group(element, reasonList, index) {
      const label = element.querySelector('.quiz-label')?.textContent ?? '';
      element.setAttribute('role', this.multiple ? 'group' : 'radiogroup');
      element.setAttribute('aria-label', `${label}選択肢`);
      const list = element.querySelector('.quiz-choices');
      list.setAttribute('role', 'presentation');
      const choices = [...list.children].map((item, i) => {
        const input = make('input', { type: this.multiple ? 'checkbox' : 'radio', name: `${this.id}-${index}` });
        if (item.dataset.name) input.ariaLabel = item.dataset.name; // 数式は、読み上げの名前にならない。
        const text = make('span', { className: 'quiz-text' }, ...item.childNodes);
        item.setAttribute('role', 'presentation');
        item.append(make('label', {}, input, make('span', { className: 'quiz-number', ariaHidden: 'true' }), text));
        const reason = reasonList.children[i];
        return { key: item.dataset.key, item, input, reason, right: reason.classList.contains('quiz-right') };
      });
      return { label, list, reasonList, choices };
    }

    // 並べ替えは画面の順そのものを変える。読み上げも、印刷の答えの番号も、同じ順になる。
    deal(seed) {
      this.seed = seed;
      for (const group of this.groups) {
        group.choices = shuffle(group.choices.sort((a, b) => (a.key < b.key ? -1 : 1)), seed);
        group.list.append(...group.choices.map((choice) => choice.item));
        group.reasonList.append(...group.choices.map((choice) => choice.reason));
      }
    }

    // 解き直している間も、最後の結果は次に決定するまで残す。
    retry() {
      this.answered = false;
      this.element.classList.remove('quiz-answered');
      this.element.querySelectorAll('.quiz-note').forEach((note) => note.remove());
      for (const { input, item } of this.groups.flatMap((group) => group.choices)) {
        input.checked = input.disabled = false;
        delete item.dataset.mark;
      }
      this.verdict.textContent = '';
      this.answer.open = false;
      this.deal(Math.floor(Math.random() * 2 ** 31));
    }

    decide() {
      if (this.answered) return;
      const empty = this.groups.find((group) => !group.choices.some((choice) => choice.input.checked));
      if (empty) {
        this.verdict.textContent = `${empty.label}選択肢を選んでから決定してください。`;
        return;
      }
      this.grade();
      store.put({ id: this.id, picks: this.picks(), seed: this.seed, right: this.result });
      this.keep();
      this.verdict.focus({ preventScroll: true });
      this.verdict.scrollIntoView({ block: 'nearest' });
      this.onChange();
    }

    // 記録の選択肢が今の問題に無ければ（文面が直された、記録が壊れた）、解いていないことにする。
    restore(record) {
      if (!this.fits(record?.picks) || record.picks.some((keys) => keys.length === 0)) return false;
      this.deal(Number(record.seed) | 0);
      this.choose(record.picks);
      this.grade();
      return true;
    }

    /** 採点し、正誤と理由を見せる。 */
    grade() {
      const choices = this.groups.flatMap((group) => group.choices);
      this.answered = true;
      this.result = choices.every((choice) => choice.input.checked === choice.right);
      for (const { item, input, reason, right } of choices) {
        const note = make('div', { className: 'quiz-note', innerHTML: reason.innerHTML });
        const missed = this.multiple ? '○ 正解（選び忘れ）' : '○ 正解';
        const mark = right ? (input.checked ? '○ 正解（選んだ答え）' : missed) : input.checked ? '× 選んだ答え' : '';
        note.querySelector('b').textContent = mark;
        item.dataset.mark = right ? 'right' : input.checked ? 'wrong' : 'other';
        item.append(note);
        input.disabled = true;
      }
      const answers = this.groups.map((group) => group.label +
        group.choices.flatMap((choice, i) => (choice.right ? [i + 1] : [])).join(' と '));
      this.element.classList.add('quiz-answered');
      const empty = this.groups.filter((group) => !group.choices.some((choice) => choice.input.checked)).length;
      const wrong = empty === 0 ? '× 不正解です。' : empty === this.groups.length ? '× 答えていません。' : '× 答えていない空欄があります。';
      this.verdict.textContent = this.result ? '○ 正解です。' : `${wrong}正解は ${answers.join('、')} です。`;
      this.verdict.dataset.mark = this.result ? 'right' : 'wrong';
      this.answer.open = true;
    }

    key(event) {
      // 伝わると、mdBook が ←/→ でページをめくり、s と / で検索を開いてしまう。
      event.stopPropagation();
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (/^[1-9]$/.test(event.key) && !this.answered) {
        this.press(Number(event.key) - 1);
        event.preventDefault();
      } else if (event.key === 'Enter' && !event.target.closest('a, button, summary')) {
        if (this.answered || this.onPick) this.onNext();
        else this.decide();
        event.preventDefault();
      }
    }

    // 空欄補充では、いまいる空欄に入れ、まだ空いている空欄へ進む。
    press(index) {
      const open = (group) => !group.choices.some((choice) => choice.input.checked);
      const group = this.groups.find((g) => g.list.contains(document.activeElement)) ?? this.groups.find(open) ?? this.groups[0];
      const input = group.choices[index]?.input;
      if (!input) return;
      input.checked = !this.multiple || !input.checked;
      const next = this.groups.find(open);
      (this.multiple || !next ? input : next.choices[0].input).focus();
      if (this.onPick) this.onPick();
      else this.keep();
    }
  }

  /** 本文の節の終わりに置いた 1 問。絞り込みや得点の欄は付けない。 */
  function startInline(quiz) {
    store.load();
    quiz.classList.add('quiz-js');
    for (const element of quiz.querySelectorAll('.quiz-question')) {
      const card = new Card(element, { record: store.records[element.dataset.id] });
      card.nextButton.remove();
    }
  }

  function start(quiz) {
    store.load();
    let filter = 'all';
    const score = make('p', { className: 'quiz-score' });
    score.setAttribute('role', 'status');
    const none = make('p', { className: 'quiz-none', hidden: true, textContent: '当てはまる問題はありません。' });
    const shown = { all: () => true, fresh: (card) => card.result === null, wrong: (card) => card.result === false };
    // 重要度、難しさ、一問ずつ。
    const pick = (label, names) => {
      const list = make('select', { onchange: () => show(filter) }, make('option', { value: '', textContent: 'すべて' }), ...names.map((name) => make('option', { value: name, textContent: name })));
      return { list, label: make('label', {}, label, list) };
    };
    const importance = pick('重要度', IMPORTANCES);
    const level = pick('難しさ', LEVELS);
    const single = make('input', { type: 'checkbox', onchange: () => show(filter) });
    const choose = make('div', { className: 'quiz-choose' }, importance.label, level.label, make('label', {}, single, '一問ずつ'));
    let at = null; // 一問ずつのときの、いまの問題
    const tabs = Object.keys(FILTERS).map((name) => make('button', { type: 'button', onclick: () => show(name) }));
    const again = make('button', { type: 'button', textContent: '間違えた問題だけ解き直す', onclick: solveAgain });
    const erase = make('button', { type: 'button', textContent: '記録を消す', onclick: eraseRecords });
    const filters = make('div', { className: 'quiz-buttons' }, ...tabs);
    filters.setAttribute('role', 'group');
    filters.setAttribute('aria-label', '表示する問題');
    const bar = make('div', { className: 'quiz-bar', tabIndex: -1 }, score, filters, choose,
      make('div', { className: 'quiz-buttons' }, again, erase),
      make('p', { className: 'quiz-hint', textContent: 'キーボードでは、数字キーで選び、Enter キーで決定します。もう一度 Enter キーを押すと次の問題へ進みます。' }),
      // path_to_root は mdBook がどのページにも置く、本の根元への道。
      make('p', { className: 'quiz-hint' }, '答えた問題は、', make('a', { href: `${path_to_root}exam/review.html`, textContent: '復習' }), 'の予定に入ります。記録は、このブラウザの中の', location.protocol === 'file:' ? 'このファイルの所' : location.host,
        'にだけ残ります（シークレットウィンドウでは、閉じると消えます）。'), none);
    const cards = [...quiz.querySelectorAll('.quiz-question')]
      .map((element) => new Card(element, { record: store.records[element.dataset.id], onChange: update, onNext: next }));
    quiz.prepend(bar);
    quiz.classList.add('quiz-js');
    show('all');
    // ほかのページから問題を指して来たときは、その問題が見えるようにする。
    addEventListener('hashchange', () => { if (cards.some(({ element }) => element.hidden && `#${element.id}` === location.hash)) { single.checked = false; importance.list.value = level.list.value = ''; show('all'); } });

    // 絞り込みは押したときにだけ行う。解いた直後の問題が、解説を読む前に消えないように。
    function show(name) {
      filter = name;
      const text = (card, selector) => card.element.querySelector(selector)?.textContent ?? '';
      const fits = (card) => shown[name](card) && (!importance.list.value || text(card, '.quiz-importance') === importance.list.value) &&
        (!level.list.value || text(card, '.quiz-level').includes(level.list.value));
      const wanted = cards.filter(fits);
      // 一問ずつなら、まだ解いていない初めの問題から。
      if (!wanted.includes(at)) at = wanted.find((card) => !card.answered) ?? wanted[0] ?? null;
      for (const card of cards) {
        card.wanted = wanted.includes(card);
        card.element.hidden = single.checked ? card !== at : !card.wanted;
      }
      none.hidden = wanted.length > 0;
      update();
    }

    function update() {
      const count = (name) => cards.filter(shown[name]).length;
      score.textContent = `${cards.length} 問中 ${cards.length - count('fresh')} 問を解き、${cards.filter((card) => card.result).length} 問正解` +
        (store.works ? '' : '（このブラウザでは記録を残せません。ページを閉じると消えます。）');
      Object.keys(FILTERS).forEach((name, i) => {
        tabs[i].textContent = `${FILTERS[name]} ${count(name)}`;
        tabs[i].setAttribute('aria-pressed', String(name === filter));
      });
      again.disabled = count('wrong') === 0;
      erase.disabled = count('fresh') === cards.length;
    }

    function next(card) {
      const after = cards.slice(cards.indexOf(card) + 1);
      const rest = single.checked ? after.find((other) => other.wanted) : after.find((other) => !other.element.hidden);
      if (single.checked && rest) {
        at = rest;
        show(filter);
      }
      const target = rest ? rest.element : bar;
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: 'start' });
    }

    function solveAgain() {
      show('wrong');
      cards.filter(shown.wrong).forEach((card) => card.retry());
      next({});
    }

    function eraseRecords() {
      if (!confirm('この章の問題の記録をすべて消します。よろしいですか。')) return;
      store.forget(cards.map((card) => card.id));
      for (const card of cards) {
        card.result = null;
        card.retry();
      }
      show('all');
      bar.focus();
    }
  }

  // 問題へのリンク (65点の確認表、シラバス対応表) に、最後の結果を添える。戻るボタンで帰ってきたときも付け直す。
  // 文面が直されて選択肢が合わない記録と、答えていない空欄のある記録は、まだ解いていないことにする。
  addEventListener('pageshow', () => {
    store.load();
    for (const { dataset } of document.querySelectorAll('[data-question]')) {
      const record = store.records[dataset.question];
      const picks = Array.isArray(record?.picks) ? record.picks : [];
      const known = dataset.keys.split(' ');
      const fits = picks.length > 0 && picks.every((keys) => keys?.length > 0 && [...keys].every((key) => known.includes(key)));
      dataset.result = !fits ? 'まだ' : record.right ? '○' : '×';
    }
  });

  // 印刷用のページは紙の上で読むので、操作を付けずに答えを開く。
  const openAnswers = () => document.querySelectorAll('.quiz-answer').forEach((answer) => { answer.open = true; });
  if (location.pathname.endsWith('/print.html')) openAnswers();
  else document.querySelectorAll('.quiz').forEach((quiz) => (quiz.matches('.quiz-inline') ? startInline : start)(quiz));
  addEventListener('beforeprint', openAnswers);
  window.workbookQuiz = { Card, make };
})();
