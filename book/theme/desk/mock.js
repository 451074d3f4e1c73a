// 模擬試験: 条件を決める、解く、終える。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, button, buttons, clock, show, focus, notice, heading, FULL } = desk;
  const { LEVELS, OUTSIDE, article, marks, parts, answered, history, savedExam, onePerFamily, draw, report, pastExams, isSafari } = desk;
  const { Card } = window.workbookQuiz;
  const { KEYS, store, read, readMap, write, remove } = window.workbookStore;
  const PACE = 41; // 本番の、小問 1 つあたりの秒
  const PARTS = 145; // 本番の、小問の数
  const PACES = { exam: [`本番のペース（小問一つに${PACE}秒）`, 1], slow: [`ゆっくり（小問一つに${2 * PACE}秒）`, 2], none: ['時間の制限なし', 0] };

  // 選ぶ難しさ (LEVELS の番号) と、その割合。本番の内訳は公表されていないので、割合はこの本で決めた。
  const MIXES = {
    exam: ['基本4割・標準6割', [0, 1], [0.4, 0.6]],
    basic: ['基本だけ', [0]],
    standard: ['標準だけ', [1]],
    outside: ['発展だけ（試験の外。点数には入りません）', [OUTSIDE]],
  };

  let exam = null;
  let ticking = 0;
  let kept = true; // 途中の試験を保存できているか。

  /** 始める前に知らせる、記録の残る所。 */
  function lasting() {
    return `結果は、このブラウザの${location.protocol === 'file:' ? '中' : ` ${location.host} `}にだけ残ります。シークレットウィンドウでは、閉じると消えます。` +
      (isSafari() ? 'Safari では、7日間開かないと消えることがあります。' : '');
  }

  /** 保存できるか。始めてから気付くと、解いた分が失われる。 */
  function works() {
    const wrote = write(KEYS.picked, readMap(KEYS.picked));
    return wrote && store.works;
  }

  const seed = () => Math.floor(Math.random() * 2 ** 31);

  function mock() {
    clearInterval(ticking);
    exam = savedExam();
    if (!exam) {
      const lost = read(KEYS.exam, null) !== null;
      remove(KEYS.exam);
      setup(lost ? '途中だった模擬試験は、今の問題集に合わないため、続けられません。' : '');
    }
    else if (exam.deadline && Date.now() >= exam.deadline) finish(true);
    else sit();
  }

  function setup(problem = '') {
    const chapters = desk.bank.chapters.map(({ id, title }) => {
      const own = desk.bank.questions.filter((question) => question.chapter === id);
      const box = make('input', { type: 'checkbox', checked: true, value: id, onchange: estimate });
      return { own, box, label: make('label', {}, box, make('span', { textContent: `${title}（${own.length}問）` })) };
    });
    const count = make('input', { type: 'number', min: 1, value: 20, inputMode: 'numeric', oninput: estimate });
    const presets = [10, 20, 40].map((n) => button(`${n}問`, () => { count.value = n; estimate(); }));
    presets.push(button(`本番の量（小問${PARTS}ほど）`, () => { count.value = enough(pool()); estimate(); }));
    presets.push(button('出せるだけ', () => { count.value = onePerFamily(pool()).length; estimate(); }));
    const radios = (name, options) => Object.entries(options).map(([value, [text]], i) => make('label', {},
      make('input', { type: 'radio', name, value, checked: i === 0, onchange: estimate }), make('span', { textContent: text })));
    let drawn = []; // 空欄補充の小問の数は選んだ問題で変わるので、始める前に選んで、時間を知らせる。
    const about = make('p', { className: 'desk-about' });
    about.setAttribute('role', 'status');
    const start = make('button', { className: 'quiz-decide', textContent: '始める' });
    const form = make('form', { className: 'desk-form', onsubmit: begin },
      make('fieldset', {}, make('legend', { textContent: '章' }), ...chapters.map(({ label }) => label)),
      make('fieldset', {}, make('legend', { textContent: '難しさ' }), ...radios('mix', MIXES)),
      make('fieldset', {}, make('legend', { textContent: '問題の数' }),
        make('label', {}, count, make('span', { textContent: '問' })), buttons(...presets)),
      make('fieldset', {}, make('legend', { textContent: '時間' }), ...radios('pace', PACES)), about, make('p', { className: 'desk-about', textContent: lasting() }), buttons(start));
    show(heading('新しい模擬試験'), ...(problem ? [notice(problem)] : []), ...(works() ? [] : [notice(FULL)]), form, make('div', { className: 'desk-past' }, ...pastExams(back)));
    estimate();

    /** 空欄補充があるので、問題の数は小問の数より少ない。試しに選んで、1 問あたりの小問の数を見積もる。 */
    function enough(questions) {
      const some = draw(questions, PARTS, mix()[2]);
      return Math.max(1, Math.min(some.length, Math.round(PARTS * some.length / parts(some)) || 0));
    }

    function mix() {
      return MIXES[new FormData(form).get('mix')];
    }

    function pool() {
      const levels = mix()[1];
      return chapters.flatMap(({ own, box }) => (box.checked ? own.filter(({ level }) => levels.includes(level)) : []));
    }

    /** 今の条件で選べる問題。一つの組からは 1 問なので、most 問までしか出せない。 */
    function chosen() {
      const questions = pool();
      const most = onePerFamily(questions).length;
      const wanted = Math.floor(Number(count.value));
      return { questions, most, wanted: Math.min(wanted, most), over: wanted > most, valid: most > 0 && wanted >= 1 };
    }

    function pace() {
      return PACES[new FormData(form).get('pace')][1] * PACE;
    }

    function estimate() {
      const { questions, most, wanted, over, valid } = chosen();
      start.disabled = !valid;
      if (!valid) {
        const some = chapters.some(({ box }) => box.checked);
        about.textContent = most ? '問題の数を 1 以上にしてください。' : some ? '選んだ章に、この難しさの問題はありません。' : '章を一つ以上選んでください。';
        return;
      }
      drawn = draw(questions, wanted, mix()[2]);
      const own = LEVELS.map((name, level) => [name, drawn.filter((question) => question.level === level).length]);
      const levels = own.filter(([, n]) => n > 0).map(([name, n]) => `${name}${n}問`).join('、');
      about.textContent = `${wanted}問（小問${parts(drawn)}）を出します。難しさは、${levels}です。` +
        (over ? `似た問題は一緒に出さないので、この条件では${most}問までです。` : '') +
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
        seen: started, // 最後に見た時刻。時計が戻されたことに気付くため。
        items: drawn.map(({ id, keys }) => ({ id, seed: seed(), picks: keys.map(() => []), flag: false, spent: 0 })),
      };
      sit();
      focus(desk.root.querySelector('.quiz-question'));
    }
  }

  function sit() {
    const questions = exam.items.map(({ id }) => desk.bank.questions.find((question) => question.id === id));
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
    let opened = Date.now(); // いまの問題を開いた時刻
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

    /** いまの問題に使った時間を足す。ページを離れていた間は数えない。 */
    function spend() {
      const now = Date.now();
      const item = exam.items[exam.at];
      item.spent = (item.spent || 0) + Math.max(0, Math.min(now - opened, 600000));
      opened = now;
    }
    sit.spend = spend;

    function open() {
      opened = Date.now();
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
      spend();
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
      spend();
      kept = write(KEYS.exam, exam);
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
      // 時計を戻すと、残り時間が延びてしまう。戻された分だけ、始めと終わりも戻す。
      if (now < exam.seen - 1000) {
        const back = exam.seen - now;
        exam.started -= back;
        if (exam.deadline) exam.deadline -= back;
        exam.seen = now;
        save();
      }
      if (now - (exam.seen || 0) > 5000) {
        exam.seen = now;
        write(KEYS.exam, exam);
      }
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
      else if (!desk.root.contains(event.target)) card.key(event);
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
    sit.spend?.();
    const { started, deadline, items } = exam;
    const ended = timeout ? deadline : Date.now();
    const answers = items.map(({ id, seed, picks, flag, spent }) => {
      const question = desk.bank.questions.find((one) => one.id === id);
      return { id, seed, picks, flag, spent: Math.round((spent || 0) / 1000), marks: marks(question, picks) };
    });
    const result = { started, seconds: Math.round((ended - started) / 1000), timeout, answers };
    exam = null;
    remove(KEYS.exam);
    const past = history();
    let saved = true;
    // 2 つのタブで開いていても、同じ試験を 2 度は記録しない。
    if (!past.some((other) => other.started === started)) {
      saved = write(KEYS.history, [result, ...past]);
      store.put(...answers.map(({ id, seed, picks, marks }) => ({ id, seed, picks, right: marks.every(Boolean), at: ended })));
    }
    report(result, back, saved && store.works ? '' : FULL);
  }

  /** 模擬試験の始めに戻る。 */
  function back() {
    mock();
    focus(desk.root.firstElementChild);
  }

  /** ほかのタブで進んだ分を映す。結果の画面は動かさない。 */
  function catchUp() {
    if (exam) {
      const other = savedExam();
      if (other?.started === exam.started) sit.follow(other);
      // 保存できないまま解いている試験は、消されたのではなく、初めから無い。
      else if (kept) mock();
    } else if (desk.root.querySelector('.desk-form')) {
      if (savedExam()) mock();
      else desk.root.querySelector('.desk-past').replaceChildren(...pastExams(back));
    }
  }

  desk.mock = { open: mock, catchUp };
})();
