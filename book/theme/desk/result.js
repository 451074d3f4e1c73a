// 模擬試験の結果と、これまでの結果の表。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, button, buttons, sum, percent, minutes, dateTime, show, focus, notice, heading, table, bar } = desk;
  const { article, fits, answered, history } = desk;
  const { Card } = window.workbookQuiz;

  /** 1 回の模擬試験の結果。`back` は、模擬試験の始めに戻る操作。 */
  function report(result, back, problem = '') {
    const found = result.answers.map((answer) => ({ answer, question: desk.bank.questions.find(({ id }) => id === answer.id) }));
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
    const bySyllabus = breakdown('シラバスの項目', desk.bank.syllabus.map(({ id, name }) => [name, found.filter(({ question }) => question?.syllabus.includes(id))]));
    const byChapter = breakdown('章', desk.bank.chapters.map(({ id, title }) => [title, found.filter(({ question }) => question?.chapter === id)]));

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
      buttons(make('a', { className: 'desk-link', href: 'review.html', textContent: 'できなかった問題を復習する' }), button('模擬試験の始めに戻る', back)),
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
  function pastExams(back) {
    const past = history();
    if (past.length === 0) return [];
    return [heading('これまでの結果'), table(['受けた日', '', '小問の正解', '時間'], past.map((result) => {
      const all = result.answers.flatMap((answer) => answer.marks);
      const right = all.filter(Boolean).length;
      return [dateTime(result.started),
        button('見る', () => report(result, back), { className: 'desk-small', ariaLabel: `${dateTime(result.started)} の結果を見る` }),
        `${right} / ${all.length}（${percent(right, all.length)}）`, minutes(result.seconds)];
    }))];
  }

  Object.assign(desk, { report, pastExams });
})();
