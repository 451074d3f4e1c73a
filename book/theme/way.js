// 道しるべ: どこまで読んだかを覚え、目次に印を付け、はじめにの頭で「続きから」と「今日の分」を出す。
(() => {
  'use strict';

  const { KEYS, store, readMap, write } = window.workbookStore;
  const { make } = window.workbookQuiz;
  const { load, save, today, clear, SWEEP } = window.workbookPlan;
  const outline = window.workbookOutline;
  if (!outline || location.pathname.endsWith('/print.html')) return;

  // 本の根元から見た、このページの道。
  const root = new URL(path_to_root || './', location.href.split(/[?#]/)[0]).href;
  const here = decodeURIComponent(location.href.split(/[?#]/)[0].slice(root.length)) || 'index.html';
  const own = outline.chapters.flatMap(({ pages }) => pages).find(([url]) => url === here);
  const href = (url) => path_to_root + url;
  const link = (url, text, props = {}) => make('a', { href: href(url), textContent: text, ...props });
  const bottom = () => document.documentElement.scrollHeight - innerHeight;

  // ---- どこまで読んだか ----

  let seen = readMap(KEYS.reading);

  /** 見ている所の見出しで覚える。画面の幅が変わっても、同じ所へ戻れる。 */
  function place() {
    const headings = [...document.querySelectorAll('main :is(h1, h2, h3)[id]')];
    const above = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    return { id: above.at(-1)?.id ?? '', title: above.at(-1)?.textContent ?? '', part: Math.min(1, scrollY / Math.max(1, bottom())) };
  }

  let timer = 0;
  function remember() {
    clearTimeout(timer);
    timer = 0;
    if (!own) return;
    seen = readMap(KEYS.reading); // 別のタブで読んだ分を消さない。
    const { id, title, part } = place();
    const done = seen[here]?.done === true || part > 0.97 || bottom() < 40;
    seen[here] = { id, title, part: Math.round(part * 100) / 100, done, at: Date.now() };
    write(KEYS.reading, seen);
    mark();
  }
  if (own) {
    addEventListener('scroll', () => { timer ||= setTimeout(remember, 1000); }, { passive: true });
    addEventListener('pagehide', () => { if (timer) remember(); });
    document.addEventListener('visibilitychange', () => { if (document.hidden && timer) remember(); });
  }

  // 読みかけのページを先頭から開いたら、続きの所へ行くボタンを画面の下に重ねて出す。
  const before = seen[here];
  if (own && before?.id && before.part > 0.05 && before.part < 0.97 && !location.hash && !/[?&](search|highlight)=/.test(location.search) && scrollY < 100) {
    const heading = document.getElementById(before.id);
    if (heading) {
      const go = make('button', { type: 'button', textContent: `前に読んだ所へ: ${before.title}`, onclick: () => { box.remove(); heading.scrollIntoView({ block: 'start' }); heading.tabIndex = -1; heading.focus({ preventScroll: true }); } });
      const box = make('div', { className: 'way-resume' }, go, make('button', { type: 'button', textContent: '閉じる', onclick: () => box.remove() }));
      box.setAttribute('role', 'status');
      document.body.append(box);
      addEventListener('scroll', () => { if (scrollY > 600) box.remove(); }, { passive: true });
    }
  }

  // ---- 目次の印 ----

  function mark() {
    store.load();
    for (const chapter of outline.chapters) {
      const solved = chapter.questions.filter(([id]) => store.records[id]?.picks).length;
      for (const [url] of chapter.pages) tag(url, seen[url]?.done ? '読了' : seen[url] ? '途中' : '');
      if (chapter.questions.length) tag(`${chapter.id}/quiz.html`, solved ? `${solved}/${chapter.questions.length}` : '');
    }
  }

  function tag(url, text) {
    const wanted = new URL(href(url), location.href).href;
    const item = [...document.querySelectorAll('#mdbook-sidebar .chapter a')].find((a) => a.href === wanted);
    if (!item) return;
    let note = item.querySelector('.way-mark');
    if (!note && text) item.append(note = make('span', { className: 'way-mark' }));
    if (note) note.textContent = text;
  }

  mark();
  addEventListener('pageshow', (event) => { if (event.persisted) { seen = readMap(KEYS.reading); mark(); } });
  addEventListener('storage', ({ key }) => { if (key === null || Object.values(KEYS).includes(key)) { seen = readMap(KEYS.reading); mark(); draw(); } });

  // ---- はじめにの頭 ----

  const place0 = document.querySelector('.start');

  function draw() {
    if (!place0) return;
    const last = Object.entries(seen).filter(([url, { at }]) => at && outline.chapters.some(({ pages }) => pages.some(([page]) => page === url)))
      .sort(([, a], [, b]) => b.at - a.at)[0];
    const resume = place0.querySelector('.start-resume');
    const title = (url) => outline.chapters.flatMap(({ pages }) => pages).find(([page]) => page === url)[1];
    if (last) {
      const [url, { id, title: heading, done }] = last;
      const all = outline.chapters.flatMap(({ pages }) => pages).map(([page]) => page);
      const next = all.slice(all.indexOf(url) + 1).find((page) => !seen[page]?.done);
      const target = done && next ? [next, title(next)] : [id ? `${url}#${id}` : url, `${title(url)}${heading ? `（${heading}）` : ''}`];
      resume.replaceChildren(make('strong', { textContent: '続きから' }), link(target[0], target[1]));
    }
    const plan = place0.querySelector('.start-plan');
    plan.replaceChildren(...planContent());
  }

  function planContent() {
    const now = today();
    const { plan } = now;
    const date = make('input', { type: 'date', name: 'date', required: true, value: plan?.date ?? '', min: new Date().toLocaleDateString('sv-SE') });
    const minutes = make('input', { type: 'number', name: 'minutes', min: 5, max: 600, step: 5, value: plan?.minutes ?? 30, inputMode: 'numeric', required: true });
    const problem = make('p', {});
    problem.setAttribute('role', 'alert');
    const form = make('form', { onsubmit: (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (!save(date.value, Number(minutes.value))) { problem.textContent = 'このブラウザでは、試験の日を残せません。'; return; }
      draw();
    } }, make('label', {}, '試験の日', date), make('label', {}, '1日の分数', minutes), make('button', { textContent: plan ? '変える' : '今日の分を決める' }),
    ...(plan ? [make('button', { type: 'button', textContent: '計画をやめる', onclick: () => { clear(); draw(); } })] : []), problem);
    if (!plan || plan.left < 0) {
      return [make('strong', { textContent: '試験の日が決まっていますか' }),
        make('span', { textContent: plan ? '決めてあった試験の日は、過ぎました。' : '日付を入れると、その日までに読むページと解く問題を、毎日の分に分けます。' }), form];
    }
    const list = make('ul', {});
    const add = (...content) => list.append(make('li', {}, ...content));
    if (now.due.length) add('復習 ', link('exam/review.html', `${now.due.length}問`));
    if (now.ask.length) add('新しい問題 ', link('exam/review.html', `${now.ask.length}問`), `（重要なものから。残り${now.fresh.length}問）`);
    for (const { url, title, minutes } of now.read) add('読む ', link(url, title), `（およそ${minutes}分）`);
    if (now.sweep) {
      add(`最後の${SWEEP}日は、新しいことを始めず、できていない所を見直します。`);
      if (now.weak.length) add('できていない問題 ', link('exam/review.html', `${now.weak.length}問`));
      add(link('appendix/points.html', '問われる点の確認表'), 'を上から見る');
      add(link('exam/mock.html', '模擬試験'), 'を一回');
    }
    if (list.children.length === 0) add('今日の分は終わりました。');
    return [make('strong', { textContent: plan.left === 0 ? '今日が試験の日です' : `試験まであと${plan.left}日` }), make('span', { textContent: '今日の分' }), list,
      make('p', { className: 'start-note', textContent: `超重要と重要の${now.wanted.length}問のうち、二度続けて正解したのは${now.twice}問です。` +
        (now.over > 0 ? `1日${plan.minutes}分では、${now.over}分ほど足りません。重要なものから進むので、終わらなくても大切な所は残ります。` : '') }),
      make('details', {}, make('summary', { textContent: '試験の日と分数を変える' }), form)];
  }

  if (place0) {
    place0.addEventListener('keydown', (event) => event.stopPropagation()); // 日付を ← → で選ぶ間、ページをめくらせない。
    draw();
  }
})();
