// 模擬試験の結果と、これまでの結果の表。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, button, buttons, sum, percent, minutes, dateTime, show, focus, notice, heading, table, bar } = desk;
  const { LEVELS, OUTSIDE, article, fits, answered, history } = desk;
  const { Card } = window.workbookQuiz;
  const PACE = 41; // 本番の、小問 1 つあたりの秒

  const sumUp = (answers) => ({ right: sum(answers.map(({ marks }) => marks.filter(Boolean).length)), all: sum(answers.map(({ marks }) => marks.length)) });

  /** 点数に数える答えと、試験の外 (発展) の答えに分けて、小問を数える。難しさは、今の問題集の決め方による。 */
  function tallies(answers) {
    const levels = new Map(desk.bank.questions.map(({ id, level }) => [id, level]));
    const outside = ({ id }) => levels.get(id) === OUTSIDE;
    return { scored: sumUp(answers.filter((answer) => !outside(answer))), outside: sumUp(answers.filter(outside)) };
  }

  /** 1 回の模擬試験の結果。`back` は、模擬試験の始めに戻る操作。 */
  function report(result, back, problem = '') {
    const found = result.answers.map((answer) => ({ answer, question: desk.bank.questions.find(({ id }) => id === answer.id) }));
    const tally = (list) => sumUp(list.map(({ answer }) => answer));
    const { scored, outside } = tallies(result.answers);
    const perfect = found.filter(({ answer }) => answer.marks.every(Boolean)).length;
    const skipped = found.filter(({ answer }) => !answered(answer)).length;
    const title = heading('結果');
    const score = make('p', { className: 'desk-score', textContent: scored.all
      ? `小問${scored.all}のうち${scored.right}が正解（${percent(scored.right, scored.all)}）` : '発展だけなので、点数はありません。' });
    const beyond = outside.all ? [make('p', { className: 'desk-beyond',
      textContent: `発展（試験の外・知っておくとよい）は、小問${outside.all}のうち${outside.right}が正解です。点数には入れていません。` })] : [];
    const details = make('p', { textContent: `${found.length}問のうち、すべて正しく答えたのは${perfect}問です。${skipped ? `答えなかった問題は${skipped}問です。` : ''}かかった時間は${minutes(result.seconds)}、小問一つあたり${Math.round(result.seconds / (scored.all + outside.all))}秒でした。` });

    const breakdown = (name, groups) => table([name, '正解', '割合'], groups
      .map(([label, list]) => [label, tally(list)]).filter(([, { all }]) => all > 0)
      .map(([label, { right, all }]) => [label, `${right} / ${all}`, make('span', { className: 'desk-share' }, bar(right, all), percent(right, all))]));
    const bySyllabus = breakdown('シラバスの項目', desk.bank.syllabus.map(({ id, name }) => [name, found.filter(({ question }) => question?.syllabus.includes(id))]));
    const byChapter = breakdown('章', desk.bank.chapters.map(({ id, title }) => [title, found.filter(({ question }) => question?.chapter === id)]));
    const byLevel = breakdown('難しさ', LEVELS.map((name, level) => [level === OUTSIDE ? `${name}（点数の外）` : name, found.filter(({ question }) => question?.level === level)]));

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
    // 時間をかけすぎた問題。本番の、小問一つあたりの秒と比べる。
    const slow = found.filter(({ answer }) => answer.spent > PACE * answer.marks.length)
      .sort((a, b) => b.answer.spent / b.answer.marks.length - a.answer.spent / a.answer.marks.length).slice(0, 5);
    const pace = slow.length ? [make('h3', { textContent: '時間をかけた問題' }), table(['問題', '秒', '本番のペース'], slow.map(({ answer }) => [
      make('a', { href: `#q-${answer.id}`, textContent: `問 ${result.answers.indexOf(answer) + 1}` }), answer.spent, PACE * answer.marks.length]))] : [];
    const filters = {
      すべて: () => true,
      間違えた問題: ({ answer }) => answered(answer) && !answer.marks.every(Boolean),
      答えなかった問題: ({ answer }) => !answered(answer),
      見直す印を付けた問題: ({ answer }) => answer.flag,
    };
    const tabs = Object.entries(filters).map(([name, wanted]) =>
      button(`${name} ${cards.filter(wanted).length}`, (event) => select(event.target, wanted)));
    const list = make('div', {}, ...cards.map(({ element }) => element));
    show(title, ...(result.timeout ? [notice('時間になったので、採点しました。')] : []), ...(problem ? [notice(problem)] : []), score, ...beyond, details,
      buttons(make('a', { className: 'desk-link', href: 'review.html', textContent: 'できなかった問題を復習する' }), button('模擬試験の始めに戻る', back)),
      make('h3', { textContent: 'シラバスの項目ごと' }), bySyllabus,
      make('p', { className: 'desk-about', textContent: '一つの問題が、二つ以上の項目に数えられることがあります。' +
        (found.every(({ question }) => question) ? '' : '問題集から除かれた問題は、どの表でも数えていません。') }),
      make('h3', { textContent: '章ごと' }), byChapter,
      make('h3', { textContent: '難しさごと' }), byLevel, ...pace,
      make('h3', { textContent: '問題ごとの答えと理由' }), buttons(...tabs), list);
    select(tabs[0], filters.すべて);
    focus(title);

    function select(tab, wanted) {
      for (const other of tabs) other.setAttribute('aria-pressed', other === tab);
      for (const card of cards) card.element.hidden = !wanted(card);
    }
  }

  /** 正解の割合の移り変わり。古いものから順に並べた棒。数は棒の上と、下の表にもある。 */
  function trend(past) {
    const scores = past.map((result) => tallies(result.answers).scored).filter(({ all }) => all > 0).slice(0, 12).reverse();
    if (scores.length < 2) return [];
    const bars = scores.map(({ right, all }) => {
      const column = make('span', { className: 'desk-column' }, make('span', { className: 'desk-height' }), make('span', { textContent: percent(right, all) }));
      column.firstChild.style.blockSize = `${8 * right / all}em`;
      return column;
    });
    const chart = make('div', { className: 'desk-trend' }, ...bars);
    chart.setAttribute('role', 'img');
    chart.setAttribute('aria-label', `正解の割合の移り変わり。古いものから ${scores.map(({ right, all }) => percent(right, all)).join('、')}。`);
    return [chart];
  }

  /** これまでの結果の表。まだ無ければ何も置かない。 */
  function pastExams(back) {
    const past = history();
    if (past.length === 0) return [];
    return [heading('これまでの結果'), ...trend(past), table(['受けた日', '', '小問の正解', '時間'], past.map((result) => {
      const { scored, outside } = tallies(result.answers);
      const { right, all } = scored.all ? scored : outside;
      return [dateTime(result.started),
        button('見る', () => report(result, back), { className: 'desk-small', ariaLabel: `${dateTime(result.started)} の結果を見る` }),
        `${scored.all ? '' : '発展 '}${right} / ${all}（${percent(right, all)}）`, minutes(result.seconds)];
    }))];
  }

  Object.assign(desk, { report, pastExams });
})();
