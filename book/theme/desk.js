// 試験の机: 模擬試験、復習、学習の記録の 3 ページ。
// 問題のカードと答えの記録は quiz.js のものを使い、問題集 (exam/bank.js) はこの 3 ページでだけ読む。
// 記録はこのブラウザの localStorage にだけ置き、外へは何も送らない。
(() => {
  'use strict';

  const { Card, store, make, BOX_DAYS, dayAfter } = window.workbookQuiz;
  const EXAM = 'workbook-exam-v1'; // 途中の模擬試験
  const HISTORY = 'workbook-history-v1'; // 終わった模擬試験
  const WEIGHTS = [4, 2, 1]; // 重要度ごとの、選ばれやすさ
  const PACE = 41; // 本番の、小問 1 つあたりの秒
  const PARTS = 145; // 本番の、小問の数
  const PACES = { exam: [`本番のペース（小問一つに${PACE}秒）`, 1], slow: [`ゆっくり（小問一つに${2 * PACE}秒）`, 2], none: ['時間の制限なし', 0] };
  const FULL = 'このブラウザの保存場所がいっぱいか、保存が禁じられているため、記録を残せません。ページを閉じると消えます。';

  let bank; // bank.js が読めてから入る。
  let root; // この机の要素。

  // ---- 小さな道具 ----

  const button = (text, onclick, props = {}) => make('button', { type: 'button', textContent: text, onclick, ...props });
  const buttons = (...items) => make('div', { className: 'quiz-buttons' }, ...items);
  const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
  const percent = (part, whole) => (whole ? `${Math.round(part / whole * 100)}%` : '—');
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const minutes = (seconds) => (seconds < 60 ? `${Math.round(seconds)}秒` : `${Math.floor(seconds / 60)}分${String(Math.round(seconds % 60)).padStart(2, '0')}秒`);
  const date = (time) => new Date(time).toLocaleDateString('ja-JP', { month: 'long', day: 'numeric' });
  const dateTime = (time) => new Date(time).toLocaleString('ja-JP', { dateStyle: 'medium', timeStyle: 'short' });

  function read(key, fallback) {
    try { return JSON.parse(localStorage.getItem(key)) ?? fallback; } catch { return fallback; }
  }

  function write(key, value) {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { return false; }
    return true;
  }

  function remove(key) {
    try { localStorage.removeItem(key); } catch { /* 保存できない所では、消すものも無い。 */ }
  }

  /** 机の上を入れ替える。 */
  function show(...content) {
    root.replaceChildren(...content);
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

  /** 問題の HTML から、新しいカードの要素を作る。 */
  function article(question, title) {
    const element = make('div', { innerHTML: question.html }).firstElementChild;
    element.querySelector('.quiz-title').textContent = title;
    return element;
  }

  const same = (a, b) => a.length === b.length && a.every((key) => b.includes(key));
  const strings = (value) => Array.isArray(value) && value.every((item) => typeof item === 'string');

  /** 選んだ鍵が、今の問題の選択肢か。問題が書き直されると合わなくなる。 */
  const fits = (question, picks) => Array.isArray(picks) && picks.length === question.keys.length &&
    picks.every((keys, i) => strings(keys) && keys.every((key) => question.keys[i].includes(key)));

  /** 小問 (空欄ごと、空欄が無ければ 1 つ) の正誤。 */
  const marks = (question, picks) => question.right.map((right, i) => same(right, picks[i]));

  /** 小問の数。 */
  const parts = (questions) => sum(questions.map((question) => question.right.length));

  /** すべての空欄 (空欄が無ければ、その問題) に答えたか。 */
  const answered = ({ picks }) => picks.every((keys) => keys.length > 0);

  // ---- 記録 ----

  /** 復習の予定に入っている問題の記録。形の合わないものは、まだ解いていないと見なす。 */
  function recordOf(question) {
    const record = store.records[question.id];
    if (!record || !fits(question, record.picks)) return null;
    const right = marks(question, record.picks).every(Boolean);
    const boxed = BOX_DAYS[record.box] !== undefined && Number.isFinite(record.due);
    // 箱の無い、以前の版の記録は、今日の復習に入れる。
    // 模擬試験で答えずに終わっただけの問題は、復習には出るが、解いたことにはならない。
    // 時計が狂っていた日の記録でも、いちばん長い間隔より先にはならない。
    const due = boxed ? Math.min(record.due, dayAfter(Date.now(), BOX_DAYS.at(-1))) : 0;
    return { right, answered: answered(record), box: boxed ? record.box : right ? 1 : 0, due };
  }

  function load() {
    store.load();
    for (const question of bank.questions) question.record = recordOf(question);
  }

  const isDue = (question) => question.record && question.record.due <= Date.now();

  /** 終わった模擬試験を、新しい順に。 */
  function history() {
    const list = read(HISTORY, []);
    const whole = (result) => Number.isFinite(result?.started) && Number.isFinite(result.seconds) && Array.isArray(result.answers) &&
      result.answers.length > 0 &&
      result.answers.every((answer) => typeof answer?.id === 'string' && Array.isArray(answer.marks) && answer.marks.length > 0 &&
        Array.isArray(answer.picks) && answer.picks.every(strings));
    return Array.isArray(list) ? list.filter(whole).sort((a, b) => b.started - a.started) : [];
  }

  // ---- 問題を選ぶ ----

  /** 重みに比例して選ばれやすい、重ならない `count` 問 (Efraimidis–Spirakis の方法)。並びはばらばらにする。 */
  function draw(questions, count) {
    const drawn = questions
      .map((question) => ({ question, key: Math.random() ** (1 / WEIGHTS[question.importance]) }))
      .sort((a, b) => b.key - a.key)
      .slice(0, count);
    return drawn.map(({ question }) => ({ question, key: Math.random() })).sort((a, b) => a.key - b.key)
      .map(({ question }) => question);
  }

  const seed = () => Math.floor(Math.random() * 2 ** 31);

  // ---- 模擬試験 ----

  let exam = null;
  let ticking = 0;
  let kept = true; // 途中の試験を保存できているか。

  /** 途中の試験を読む。今の問題集に合わなければ捨てる。 */
  function savedExam() {
    const saved = read(EXAM, null);
    if (!saved) return null;
    if (saved.deadline !== null && !Number.isFinite(saved.deadline)) return null;
    const whole = Number.isFinite(saved.started) && Array.isArray(saved.items) && saved.items.length > 0 &&
      saved.items.every((item) => {
        const question = bank.questions.find(({ id }) => id === item?.id);
        return question && fits(question, item.picks);
      });
    if (!whole) return null;
    return { ...saved, at: saved.items[saved.at] ? saved.at : 0 };
  }

  function mock() {
    clearInterval(ticking);
    exam = savedExam();
    if (!exam) {
      const lost = read(EXAM, null) !== null;
      remove(EXAM);
      setup(lost ? '途中だった模擬試験は、今の問題集に合わないため、続けられません。' : '');
    }
    else if (exam.deadline && Date.now() >= exam.deadline) finish(true);
    else sit();
  }

  function setup(problem = '') {
    const chapters = bank.chapters.map(({ id, title }) => {
      const own = bank.questions.filter((question) => question.chapter === id);
      const box = make('input', { type: 'checkbox', checked: true, value: id, onchange: estimate });
      return { own, box, label: make('label', {}, box, make('span', { textContent: `${title}（${own.length}問）` })) };
    });
    const count = make('input', { type: 'number', min: 1, value: Math.min(20, bank.questions.length), inputMode: 'numeric', oninput: estimate });
    const presets = [10, 20, 40].map((n) => button(`${n}問`, () => { count.value = n; estimate(); }));
    presets.push(button(`本番の量（小問${PARTS}ほど）`, () => { count.value = enough(pool()); estimate(); }));
    presets.push(button('すべて', () => { count.value = pool().length; estimate(); }));
    const paces = Object.entries(PACES).map(([value, [name]], i) => make('label', {},
      make('input', { type: 'radio', name: 'pace', value, checked: i === 0, onchange: estimate }), make('span', { textContent: name })));
    let drawn = []; // 空欄補充の小問の数は選んだ問題で変わるので、始める前に選んで、時間を知らせる。
    const about = make('p', { className: 'desk-about' });
    about.setAttribute('role', 'status');
    const start = make('button', { className: 'quiz-decide', textContent: '始める' });
    const form = make('form', { className: 'desk-form', onsubmit: begin },
      make('fieldset', {}, make('legend', { textContent: '章' }), ...chapters.map(({ label }) => label)),
      make('fieldset', {}, make('legend', { textContent: '問題の数' }),
        make('label', {}, count, make('span', { textContent: '問' })), buttons(...presets)),
      make('fieldset', {}, make('legend', { textContent: '時間' }), ...paces), about, buttons(start));
    show(heading('新しい模擬試験'), ...(problem ? [notice(problem)] : []), form, make('div', { className: 'desk-past' }, ...pastExams()));
    estimate();

    /** 空欄補充があるので、問題の数は小問の数より少ない。試しに選んで、1 問あたりの小問の数を見積もる。 */
    function enough(questions) {
      const some = draw(questions, Math.min(questions.length, PARTS));
      return Math.max(1, Math.min(questions.length, Math.round(PARTS * some.length / parts(some)) || 0));
    }

    function pool() {
      return chapters.flatMap(({ own, box }) => (box.checked ? own : []));
    }

    function chosen() {
      const questions = pool();
      const wanted = Math.floor(Number(count.value));
      return { questions, wanted: Math.min(wanted, questions.length), valid: questions.length > 0 && wanted >= 1 };
    }

    function pace() {
      return PACES[new FormData(form).get('pace')][1] * PACE;
    }

    function estimate() {
      const { questions, wanted, valid } = chosen();
      start.disabled = !valid;
      if (!valid) {
        about.textContent = questions.length ? '問題の数を 1 以上にしてください。' : '章を一つ以上選んでください。';
        return;
      }
      drawn = draw(questions, wanted);
      about.textContent = `${wanted}問（小問${parts(drawn)}）を出します。` +
        (pace() ? `制限時間は、およそ${Math.max(1, Math.round(parts(drawn) * pace() / 60))}分です。` : '時間の制限はありません。');
    }

    function begin(event) {
      event.preventDefault();
      if (drawn.length !== chosen().wanted) estimate();
      const started = Date.now();
      const seconds = parts(drawn) * pace();
      exam = {
        started,
        deadline: seconds ? started + seconds * 1000 : null,
        at: 0,
        items: drawn.map(({ id, keys }) => ({ id, seed: seed(), picks: keys.map(() => []), flag: false })),
      };
      sit();
      focus(root.querySelector('.quiz-question'));
    }
  }

  function sit() {
    const questions = exam.items.map(({ id }) => bank.questions.find((question) => question.id === id));
    const time = make('span', { className: 'desk-time' });
    const count = make('span', {});
    const warning = make('p', { className: 'desk-about' });
    warning.setAttribute('role', 'status');
    const full = notice('');
    const place = make('div', {});
    const flag = button('あとで見直す', toggle);
    const back = button('前の問題', () => move(exam.at - 1));
    const next = button('次の問題', () => move(exam.at + 1), { className: 'quiz-next' });
    let card;
    const numbers = exam.items.map((_, i) => button(i + 1, () => move(i)));
    const list = make('nav', { className: 'desk-numbers', ariaLabel: '問題の一覧' }, ...numbers);
    const end = button('終了して採点する', () => {
      const rest = exam.items.filter((item) => !answered(item)).length;
      if (confirm(rest ? `まだ答えていない問題が${rest}問あります。終了して採点しますか。` : '終了して採点しますか。')) finish(false);
    });
    show(warning, full, place, buttons(back, next, flag), buttons(end),
      list, make('p', { className: 'quiz-hint', textContent: '数字キーで選び、Enter キーで次の問題へ進みます。F キーで、見直す印を付け外しします。' }),
      make('div', { className: 'desk-status' }, time, count));
    open();
    save();
    tick();
    clearInterval(ticking);
    ticking = setInterval(tick, 250);

    function open() {
      const item = exam.items[exam.at];
      const element = article(questions[exam.at], `問 ${exam.at + 1}`);
      place.replaceChildren(element);
      card = new Card(element, {
        exam: { seed: item.seed, picks: item.picks, onPick: (picks) => { item.picks = picks; save(); } },
        // 最後の問題で Enter キーを押した人を、終わりへ導く。
        onNext: () => { if (exam.at + 1 < exam.items.length) move(exam.at + 1); else end.focus(); },
      });
      refresh();
    }

    function move(to) {
      if (!exam.items[to]) return;
      exam.at = to;
      open();
      save();
      focus(place.firstElementChild);
    }

    function toggle() {
      exam.items[exam.at].flag = !exam.items[exam.at].flag;
      save();
    }

    function save() {
      kept = write(EXAM, exam);
      full.textContent = kept ? '' : FULL;
      refresh();
    }

    function refresh() {
      const item = exam.items[exam.at];
      flag.setAttribute('aria-pressed', item.flag);
      back.disabled = exam.at === 0;
      next.disabled = exam.at === exam.items.length - 1;
      count.textContent = `${exam.items.length}問のうち${exam.items.filter(answered).length}問に解答`;
      numbers.forEach((number, i) => {
        const { flag } = exam.items[i];
        const done = answered(exam.items[i]);
        number.dataset.state = `${done ? 'done' : ''} ${flag ? 'flag' : ''}`;
        number.ariaLabel = `問 ${i + 1}、${done ? '解答済み' : '未解答'}${flag ? '、見直す印あり' : ''}`;
        if (i === exam.at) number.setAttribute('aria-current', 'true');
        else number.removeAttribute('aria-current');
      });
    }

    function tick() {
      if (!exam) return;
      const now = Date.now();
      if (!exam.deadline) {
        time.textContent = `経過 ${clock((now - exam.started) / 1000)}`;
        return;
      }
      const left = Math.max(0, Math.ceil((exam.deadline - now) / 1000));
      time.textContent = `残り ${clock(left)}`;
      time.dataset.near = left <= 60;
      // 毎秒読み上げると解けないので、残りが少なくなったときだけ知らせる。
      const total = (exam.deadline - exam.started) / 1000;
      const mark = [60, 300].find((seconds) => left <= seconds && total > seconds);
      const text = mark ? `残り${mark / 60}分を切りました。` : '';
      if (warning.textContent !== text) warning.textContent = text;
      if (left === 0) finish(true);
    }

    // 別のタブで同じ試験を解いたら、その答えを受け取る。受け取らないと、次に選んだとき古い答えで上書きしてしまう。
    sit.follow = (other) => {
      exam.items.forEach((item, i) => Object.assign(item, other.items[i]));
      card.choose(exam.items[exam.at].picks);
      refresh();
    };

    // カードの外 (ページの地) にいても、キーで解けるようにする。
    sit.key = (event) => {
      const choosing = event.target.matches?.('input'); // ラジオボタンの ←/→ は、選択肢を動かす。
      if (event.key === 'f' || event.key === 'F') toggle();
      else if (event.key === 'ArrowRight' && !choosing) move(exam.at + 1);
      else if (event.key === 'ArrowLeft' && !choosing) move(exam.at - 1);
      else if (!root.contains(event.target)) card.key(event);
      else return;
      event.stopPropagation(); // 伝わると、mdBook が ←/→ でページをめくり、s と / で検索を開く。
    };
  }

  document.addEventListener('keydown', (event) => {
    const elsewhere = event.target.closest?.('#mdbook-search-wrapper, #mdbook-sidebar, #mdbook-menu-bar');
    if (exam && !elsewhere && !event.ctrlKey && !event.altKey && !event.metaKey) sit.key(event);
  }, true);

  /** 試験を終え、問題を復習の予定に、結果を履歴に入れる。答えなかった問題は、間違いと同じに数える。 */
  function finish(timeout) {
    clearInterval(ticking);
    const { started, deadline, items } = exam;
    const ended = timeout ? deadline : Date.now();
    const answers = items.map(({ id, seed, picks, flag }) => {
      const question = bank.questions.find((one) => one.id === id);
      return { id, seed, picks, flag, marks: marks(question, picks) };
    });
    const result = { started, seconds: Math.round((ended - started) / 1000), timeout, answers };
    exam = null;
    remove(EXAM);
    const past = history();
    let saved = true;
    // 2 つのタブで開いていても、同じ試験を 2 度は記録しない。
    if (!past.some((other) => other.started === started)) {
      saved = write(HISTORY, [result, ...past]);
      store.put(...answers.map(({ id, seed, picks, marks }) => ({ id, seed, picks, right: marks.every(Boolean), at: ended })));
    }
    report(result, saved && store.works ? '' : FULL);
  }

  function report(result, problem = '') {
    const found = result.answers.map((answer) => ({ answer, question: bank.questions.find(({ id }) => id === answer.id) }));
    const tally = (list) => ({ right: sum(list.map(({ answer }) => answer.marks.filter(Boolean).length)), all: sum(list.map(({ answer }) => answer.marks.length)) });
    const total = tally(found);
    const perfect = found.filter(({ answer }) => answer.marks.every(Boolean)).length;
    const skipped = found.filter(({ answer }) => !answered(answer)).length;
    const title = heading('結果');
    const score = make('p', { className: 'desk-score', textContent: `小問${total.all}のうち${total.right}が正解（${percent(total.right, total.all)}）` });
    const details = make('p', { textContent: `${found.length}問のうち、すべて正しく答えたのは${perfect}問です。${skipped ? `答えなかった問題は${skipped}問です。` : ''}かかった時間は${minutes(result.seconds)}、小問一つあたり${Math.round(result.seconds / total.all)}秒でした。` });

    const breakdown = (name, groups) => table([name, '正解', '割合'], groups
      .map(([label, list]) => [label, tally(list)]).filter(([, { all }]) => all > 0)
      .map(([label, { right, all }]) => [label, `${right} / ${all}`, make('span', { className: 'desk-share' }, bar(right, all), percent(right, all))]));
    const bySyllabus = breakdown('シラバスの項目', bank.syllabus.map(({ id, name }) => [name, found.filter(({ question }) => question?.syllabus.includes(id))]));
    const byChapter = breakdown('章', bank.chapters.map(({ id, title }) => [title, found.filter(({ question }) => question?.chapter === id)]));

    const cards = found.map(({ answer, question }, i) => {
      if (!question || !fits(question, answer.picks)) {
        const mark = answer.marks.every(Boolean) ? '○ 正解' : answered(answer) ? '× 不正解' : '× 無解答';
        return { answer, element: make('p', { textContent: `問 ${i + 1}: ${mark}。この問題は、試験のあとで書き直されたか、問題集から除かれました。` }) };
      }
      const element = article(question, `問 ${i + 1}`);
      const card = new Card(element, { exam: { seed: answer.seed, picks: answer.picks } });
      card.grade();
      return { answer, element };
    });
    const filters = {
      すべて: () => true,
      間違えた問題: ({ answer }) => answered(answer) && !answer.marks.every(Boolean),
      答えなかった問題: ({ answer }) => !answered(answer),
      見直す印を付けた問題: ({ answer }) => answer.flag,
    };
    const tabs = Object.entries(filters).map(([name, wanted]) =>
      button(`${name} ${cards.filter(wanted).length}`, (event) => select(event.target, wanted)));
    const list = make('div', {}, ...cards.map(({ element }) => element));
    show(title, ...(result.timeout ? [notice('時間になったので、採点しました。')] : []), ...(problem ? [notice(problem)] : []), score, details,
      buttons(make('a', { className: 'desk-link', href: 'review.html', textContent: 'できなかった問題を復習する' }), button('模擬試験の始めに戻る', () => { mock(); focus(root.firstElementChild); })),
      make('h3', { textContent: 'シラバスの項目ごと' }), bySyllabus,
      make('p', { className: 'desk-about', textContent: '一つの問題が、二つ以上の項目に数えられることがあります。' +
        (found.every(({ question }) => question) ? '' : '問題集から除かれた問題は、項目にも章にも数えていません。') }),
      make('h3', { textContent: '章ごと' }), byChapter,
      make('h3', { textContent: '問題ごとの答えと理由' }), buttons(...tabs), list);
    select(tabs[0], filters.すべて);
    focus(title);

    function select(tab, wanted) {
      for (const other of tabs) other.setAttribute('aria-pressed', other === tab);
      for (const card of cards) card.element.hidden = !wanted(card);
    }
  }

  /** これまでの結果の表。まだ無ければ何も置かない。 */
  function pastExams() {
    const past = history();
    if (past.length === 0) return [];
    return [heading('これまでの結果'), table(['受けた日', '', '小問の正解', '時間'], past.map((result) => {
      const all = result.answers.flatMap((answer) => answer.marks);
      const right = all.filter(Boolean).length;
      return [dateTime(result.started),
        button('見る', () => report(result), { className: 'desk-small', ariaLabel: `${dateTime(result.started)} の結果を見る` }),
        `${right} / ${all.length}（${percent(right, all.length)}）`, minutes(result.seconds)];
    }))];
  }

  // ---- 復習 ----

  function review() {
    load();
    const due = bank.questions.filter(isDue).sort((a, b) => a.record.box - b.record.box || a.record.due - b.record.due);
    const fresh = bank.questions.filter((question) => !question.record);
    const known = bank.questions.filter((question) => question.record);
    const later = known.filter((question) => !isDue(question));
    const some = Math.min(10, fresh.length);
    const next = Math.min(...later.map((question) => question.record.due));
    let text = `今日の復習は${due.length}問です。`;
    if (known.length === 0) text = '答えた問題がまだないので、復習するものはありません。章の確認問題か模擬試験を解くと、ここに予定が入ります。';
    else if (due.length === 0 && later.length) text = `今日の復習は終わりました。次は${date(next)}に${later.filter((q) => q.record.due === next).length}問あります。`;
    const status = make('p', { className: 'desk-score', textContent: text });
    const rows = BOX_DAYS.map((days, box) => [`箱${box}`, days ? `${days}日` : 'すぐに', known.filter(({ record }) => record.box === box).length]);
    show(heading('今日の復習'), ...(store.works ? [] : [notice(FULL)]), status,
      buttons(...(due.length ? [button('復習を始める', () => go(due), { className: 'quiz-decide' })] : []),
        ...(some ? [button(`まだ解いていない問題を${some}問解く`, () => go(draw(fresh, some)))] : [])),
      heading('箱の中身'), table(['箱', '次に出るまで', '問題'], rows));
  }

  /** 1 問ずつ解く。間違えた問題は、列の終わりにもう一度並ぶ。 */
  function go(questions) {
    const queue = [...questions];
    let done = 0;
    const count = make('span', {});
    const full = notice('');
    const place = make('div', {});
    show(full, place, buttons(button('ここまでにする', leave)), make('div', { className: 'desk-status' }, count));
    ask();

    function ask() {
      const question = queue.shift();
      if (!question) { leave(); return; }
      const element = article(question, `復習 ${done + 1}`);
      place.replaceChildren(element);
      tell();
      const card = new Card(element, {
        onChange: () => {
          done += 1;
          full.textContent = store.works ? '' : FULL;
          if (!card.result) queue.push(question);
          tell();
          card.retryButton.remove(); // 答えを見た直後の解き直しは、覚えたかどうかの手がかりにならない。
          card.nextButton.textContent = queue.length ? '次の問題へ' : '復習を終える';
        },
        onNext: ask,
      });
      focus(element);
    }

    function tell() {
      count.textContent = `${done}問に答えました。残りは${queue.length + (place.querySelector('.quiz-answered') ? 0 : 1)}問です。`;
    }

    function leave() {
      review();
      focus(root.firstElementChild);
    }
  }

  // ---- 学習の記録 ----

  function record(message = '') {
    load();
    const counts = (questions) => {
      const known = questions.filter((question) => question.record?.answered);
      const right = known.filter((question) => question.record.right).length;
      return [make('span', { className: 'desk-share' }, bar(known.length, questions.length), `${known.length} / ${questions.length}`),
        known.length ? `${right}（${percent(right, known.length)}）` : '—', questions.filter(isDue).length];
    };
    const names = ['解いた', '最後に正解', '復習待ち'];
    const groups = (list, own) => list.map((item) => [item.name ?? item.title, bank.questions.filter((question) => own(question, item.id))])
      .filter(([, questions]) => questions.length > 0);
    const progress = (name, list) => table([name, ...names], list.map(([label, questions]) => [label, ...counts(questions)]));
    const known = bank.questions.filter((question) => question.record?.answered).length;
    const past = history();
    const title = heading('今の様子');
    const status = make('p', { textContent: message });
    status.setAttribute('role', 'status');
    show(title, status, ...(store.works ? [] : [notice(FULL)]),
      make('p', { className: 'desk-score', textContent: `${bank.questions.length}問のうち${known}問を解きました。` }),
      make('p', {}, `今日の復習は${bank.questions.filter(isDue).length}問（`, make('a', { href: 'review.html', textContent: '復習へ' }),
        `）、模擬試験はこれまでに${past.length}回（`, make('a', { href: 'mock.html', textContent: '模擬試験へ' }), '）です。'),
      heading('読み直すとよい節'), ...weakSections(),
      heading('章ごと'), progress('章', groups(bank.chapters, (question, id) => question.chapter === id)),
      heading('シラバスの項目ごと'), progress('項目', groups(bank.syllabus, (question, id) => question.syllabus.includes(id))),
      Object.assign(heading('記録の持ち運び'), { className: 'desk-title desk-screen' }), ...portable(),
      heading('問題集と用語集のファイル'), make('ul', {}, ...bank.files.map(([name, about]) => make('li', {},
        make('a', { href: name, download: name, textContent: `${about}（${name}）`, onclick: (event) => fetchFile(event, name) })))));
  }

  /** 最後の答えが間違いのままの問題と、模擬試験で答えられなかった問題が多い節から並べる。 */
  function weakSections() {
    const sections = new Map();
    for (const { record, section } of bank.questions) {
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

  function download(name, text, type) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    make('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
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

  function portable() {
    const file = make('input', { type: 'file', accept: '.json,application/json', onchange: () => file.files[0] && take(file.files[0]) });
    const problem = notice('');
    return [problem, buttons(button('ファイルに書き出す', save),
      make('label', { className: 'desk-link' }, 'ファイルから読み込む', file), button('すべて消す', erase))];

    function save() {
      store.load();
      const data = { format: 'workbook-progress', version: 1, saved: new Date().toISOString(), records: store.records, history: history() };
      const day = new Date().toLocaleDateString('sv-SE'); // 2026-11-25 の形
      download(`workbook-progress-${day}.json`, JSON.stringify(data, null, 1), 'application/json');
    }

    async function take(chosen) {
      file.value = ''; // 同じファイルを選び直せるようにする。
      problem.textContent = root.querySelector('[role="status"]').textContent = ''; // 前の知らせ
      let data = null;
      try {
        // 大きすぎるファイルは学習の記録ではない。読むだけでページが固まってしまう。
        if (chosen.size <= LARGEST) data = JSON.parse(await chosen.text());
      } catch { /* 下で知らせる。 */ }
      if (data?.format !== 'workbook-progress' || data.version !== 1 || !data.records || typeof data.records !== 'object' || Array.isArray(data.records) || !Array.isArray(data.history)) {
        problem.textContent = `「${chosen.name}」は学習の記録として読めません。このページで書き出したファイルを選んでください（今の記録は変わっていません）。`;
        return;
      }
      const before = { records: { ...store.load() }, history: history(), saved: read(HISTORY, null) };
      const records = { ...before.records };
      const wanted = Object.entries(data.records).map(([id, record]) => [id, cleanRecord(id, record)]).filter(([, record]) => record);
      for (const [id, record] of wanted) {
        if (!(records[id]?.at >= record.at)) records[id] = record;
      }
      const exams = data.history.map(cleanResult).filter(Boolean).filter((result) => !before.history.some(({ started }) => started === result.started));
      if (!write(HISTORY, [...exams, ...before.history]) || !write(store.key, records)) {
        if (before.saved) write(HISTORY, before.saved);
        else remove(HISTORY);
        problem.textContent = 'このブラウザの保存場所がいっぱいか、保存が禁じられているため、読み込めませんでした（今の記録は変わっていません）。';
        return;
      }
      const gone = wanted.filter(([id]) => !bank.questions.some((question) => question.id === id)).length;
      record(`${wanted.length}問の記録を読み込み、模擬試験の結果を${exams.length}回分加えました。` +
        (gone ? `うち${gone}問は、今の問題集に無い問題です。` : ''));
      focus(root.firstElementChild);
    }

    function erase() {
      if (!confirm('答えた記録、復習の予定、模擬試験の結果をすべて消します。元には戻せません。よろしいですか。')) return;
      store.forget(Object.keys(store.load()));
      for (const key of [store.key, HISTORY, EXAM]) remove(key);
      record('記録をすべて消しました。');
      focus(root.firstElementChild);
    }
  }

  const LARGEST = 20e6; // 読み込むファイルの大きさの限り。ブラウザの保存場所は 5 MB から 10 MB ほどしかない。
  const isId = (id) => typeof id === 'string' && /^[a-z0-9-]+$/.test(id);
  const isPicks = (picks) => Array.isArray(picks) && picks.every((keys) => strings(keys) && keys.every((key) => /^[0-9a-f]{8}$/.test(key)));

  /** ほかから来た記録は、知っている形のものだけを写す。 */
  function cleanRecord(id, record) {
    if (!isId(id) || !isPicks(record?.picks)) return null;
    const { picks, seed, right, at, box, due } = record;
    const clean = { picks, seed: Number(seed) | 0, right: right === true, at: Number(at) || 0 };
    return BOX_DAYS[box] !== undefined && Number.isFinite(due) ? { ...clean, box: Number(box), due } : clean;
  }

  function cleanResult(result) {
    if (!Number.isFinite(result?.started) || !Number.isFinite(result.seconds) || !Array.isArray(result.answers) || result.answers.length === 0) return null;
    const answers = result.answers.filter((answer) => isId(answer?.id) && isPicks(answer.picks) && answer.picks.length > 0 &&
      Array.isArray(answer.marks) && answer.marks.length === answer.picks.length);
    if (answers.length < result.answers.length) return null;
    return {
      started: result.started,
      seconds: result.seconds,
      timeout: result.timeout === true,
      answers: answers.map(({ id, seed, picks, flag, marks }) => ({ id, seed: Number(seed) | 0, picks, flag: flag === true, marks: marks.map(Boolean) })),
    };
  }

  // ---- 始まり ----

  /** ほかのページで進んだ分を映す。結果や、解いている途中の画面は動かさない。 */
  function catchUp() {
    if (exam) {
      const other = savedExam();
      if (other?.started === exam.started) sit.follow(other);
      // 保存できないまま解いている試験は、消されたのではなく、初めから無い。
      else if (kept) mock();
    } else if (root.querySelector('.desk-form')) {
      if (savedExam()) mock();
      else root.querySelector('.desk-past').replaceChildren(...pastExams());
    } else if (root.dataset.desk !== 'mock' && !root.querySelector('.quiz-question')) {
      desks[root.dataset.desk]();
    }
  }

  const desks = { mock, review, record: () => record() };
  const place = document.querySelector('.desk');
  // 印刷用のページには 3 つの机が並ぶが、紙では使えないので、置いてある案内のままにする。
  if (!place || location.pathname.endsWith('/print.html')) return;
  const script = make('script', { src: 'bank.js' });
  script.onload = () => {
    bank = window.workbookBank;
    root = place;
    root.classList.add('quiz', 'quiz-js');
    // 机を使っている間は、mdBook にページをめくらせない。
    root.addEventListener('keydown', (event) => event.stopPropagation());
    load();
    root.draw = draw; // 選ばれやすさは、1 回の試験では測れない。試験から何度も呼べるようにする。
    desks[root.dataset.desk]();
    // 別のタブで解いた分を、このタブにも映す。ブラウザの「戻る」で、そのまま戻ったページにも。
    addEventListener('storage', ({ key }) => { if ([null, EXAM, HISTORY, store.key].includes(key)) catchUp(); });
    addEventListener('pageshow', (event) => { if (event.persisted) catchUp(); });
  };
  script.onerror = () => {
    place.replaceChildren(notice('問題集 (bank.js) が見つかりません。cargo run か cargo run -- build で本を作り直してください。'));
  };
  document.head.append(script);
})();
