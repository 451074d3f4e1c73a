// 復習: 今日の分を 1 問ずつ解く。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, button, buttons, date, show, focus, notice, heading, table, FULL } = desk;
  const { article, load, isDue, onePerFamily, draw, unsaved } = desk;
  const { today } = window.workbookPlan;
  const { Card } = window.workbookQuiz;
  const { BOX_DAYS, store } = window.workbookStore;

  function review() {
    load();
    const due = desk.bank.questions.filter(isDue).sort((a, b) => a.record.box - b.record.box || a.record.due - b.record.due);
    const fresh = desk.bank.questions.filter((question) => !question.record);
    const known = desk.bank.questions.filter((question) => question.record);
    const later = known.filter((question) => !isDue(question));
    const sitting = onePerFamily(due); // 似た問題を続けて出すと、前の問題が答えになる。残りは、次の一度で出す。
    const some = Math.min(10, onePerFamily(fresh).length);
    // 試験の日が決まっていれば、その日の割り当て (はじめにの頭と同じもの) を出す。
    const now = today();
    const wanted = now.sweep ? now.weak : now.ask;
    const ask = now.plan && now.plan.left >= 0 ? wanted.map(({ id }) => desk.bank.questions.find((question) => question.id === id)).filter((question) => question && !sitting.includes(question)) : [];
    const plan = now.plan && now.plan.left >= 0 ? [make('p', { className: 'desk-about',
      textContent: `試験まであと${now.plan.left}日。今日の分は、復習${due.length}問と、${now.sweep ? 'できていない問題' : '新しい問題'}${ask.length}問です。` })] : [];
    const next = Math.min(...later.map((question) => question.record.due));
    let text = `今日の復習は${due.length}問です。`;
    if (known.length === 0) text = '答えた問題がまだないので、復習するものはありません。章の確認問題か模擬試験を解くと、ここに予定が入ります。';
    else if (due.length === 0 && later.length) text = `今日の復習は終わりました。次は${date(next)}に${later.filter((q) => q.record.due === next).length}問あります。`;
    const status = make('p', { className: 'desk-score', textContent: text });
    const rows = BOX_DAYS.map((days, box) => [`箱${box}`, days ? `${days}日` : 'すぐに', known.filter(({ record }) => record.box === box).length]);
    const apart = sitting.length < due.length ? [make('p', { className: 'desk-about',
      textContent: `似た問題は一緒に出さないので、一度に解くのは${sitting.length}問です。残りは、終えたあとに続けて解けます。` })] : [];
    show(heading('今日の復習'), ...(store.works ? [] : [notice(FULL)]), ...unsaved(), status, ...plan, ...apart,
      buttons(...(due.length ? [button('復習を始める', () => go(sitting), { className: 'quiz-decide' })] : []),
        ...(ask.length ? [button(`今日の分（${sitting.length + ask.length}問）を解く`, () => go([...sitting, ...ask]))] : []),
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
      focus(desk.root.firstElementChild);
    }
  }

  desk.review = { open: review, catchUp: () => { if (!desk.root.querySelector('.quiz-question')) review(); } };
})();
