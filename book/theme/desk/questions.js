// 机から見た問題集: 問題を選ぶ、答えを採点する、読者の記録と突き合わせる。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, sum } = desk;
  const { KEYS, BOX_DAYS, dayAfter, store, read } = window.workbookStore;
  const WEIGHTS = [4, 2, 1]; // 重要度ごとの、選ばれやすさ
  const LEVELS = ['基本', '標準', '発展']; // 難しさ
  const OUTSIDE = 2; // 試験の外の難しさ (発展)。模擬試験の点数には入れない。

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

  // ---- 読者の記録 ----

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
    for (const question of desk.bank.questions) question.record = recordOf(question);
  }

  const isDue = (question) => question.record && question.record.due <= Date.now();

  /** 終わった模擬試験を、新しい順に。 */
  function history() {
    const list = read(KEYS.history, []);
    const whole = (result) => Number.isFinite(result?.started) && Number.isFinite(result.seconds) && Array.isArray(result.answers) &&
      result.answers.length > 0 &&
      result.answers.every((answer) => typeof answer?.id === 'string' && Array.isArray(answer.marks) && answer.marks.length > 0 &&
        Array.isArray(answer.picks) && answer.picks.every(strings));
    return Array.isArray(list) ? list.filter(whole).sort((a, b) => b.started - a.started) : [];
  }

  /** 途中の試験を読む。今の問題集に合わなければ捨てる。 */
  function savedExam() {
    const saved = read(KEYS.exam, null);
    if (!saved) return null;
    if (saved.deadline !== null && !Number.isFinite(saved.deadline)) return null;
    const whole = Number.isFinite(saved.started) && Array.isArray(saved.items) && saved.items.length > 0 &&
      saved.items.every((item) => {
        const question = desk.bank.questions.find(({ id }) => id === item?.id);
        return question && fits(question, item.picks);
      });
    if (!whole) return null;
    return { ...saved, at: saved.items[saved.at] ? saved.at : 0 };
  }

  /** 7 日より長く書き出していない新しい答えがあれば、書き出しを勧める。 */
  function unsaved() {
    const times = Object.values(store.records).map((record) => record?.at).filter(Number.isFinite);
    const saved = Number(read(KEYS.saved, 0)) || 0;
    const fresh = times.filter((at) => at > saved);
    if (fresh.length === 0 || Date.now() - Math.max(saved, Math.min(...fresh)) < 7 * 86400000) return [];
    return [make('p', { className: 'desk-unsaved' }, `まだファイルに書き出していない答えが${fresh.length}問あります。`,
      make('a', { href: 'record.html', textContent: '学習の記録' }), 'から書き出しておくと、ブラウザを替えても失いません。')];
  }

  const isSafari = () => /^((?!chrome|chromium|android|firefox).)*safari/i.test(navigator.userAgent);

  // ---- 問題を選ぶ ----

  const mixed = (questions) => questions.map((question) => ({ question, key: Math.random() })).sort((a, b) => a.key - b.key)
    .map(({ question }) => question);

  /** 同じ組 (互いに答えになる問題) からは、初めの 1 問だけを残す。 */
  function onePerFamily(questions) {
    const seen = new Set();
    return questions.filter(({ family }) => !seen.has(family) && seen.add(family));
  }

  /**
   * 重みに比例して選ばれやすい `count` 問 (Efraimidis–Spirakis の方法)。一つの組からは 1 問まで。並びはばらばらにする。
   * `shares` は難しさごとの割合。足りない難しさの分は、ほかの難しさから補う。
   */
  function draw(questions, count, shares = []) {
    const order = questions
      .map((question) => ({ question, key: Math.random() ** (1 / WEIGHTS[question.importance]) }))
      .sort((a, b) => b.key - a.key)
      .map(({ question }) => question);
    let drawn = [];
    const add = (more, own) => {
      drawn = onePerFamily([...drawn, ...order.filter(own)]).slice(0, drawn.length + more);
    };
    shares.forEach((share, level) => add(Math.round(share * count), (question) => question.level === level));
    add(count - drawn.length, () => true);
    return mixed(drawn);
  }

  Object.assign(desk, { LEVELS, OUTSIDE, article, strings, fits, marks, parts, answered, load, isDue, history, savedExam, onePerFamily, draw, unsaved, isSafari });
})();
