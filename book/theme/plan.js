// 試験の日までの計画: 残りの日数から、今日の分 (読むページ、復習、新しい問題) を決める。
// 材料は、本の組み立てが書いた目録 (workbookOutline) と、このブラウザの記録だけ。
(() => {
  'use strict';

  const { KEYS, store, dayAfter, read, readMap, write, remove } = window.workbookStore;
  const SWEEP = 3; // 最後の何日を、できていない所の総ざらいに使うか。
  const SOLVE = 1.2; // 1 問を解いて理由を読む分数
  const DAY = 86400000;

  /** 計画 { date: '2026-12-20', minutes: 30 }。決めていないか、読めないか、過ぎていれば null。 */
  function load() {
    const saved = read(KEYS.plan, null);
    if (!saved || !/^\d{4}-\d{2}-\d{2}$/.test(saved.date) || !(saved.minutes >= 5 && saved.minutes <= 600)) return null;
    const day = new Date(`${saved.date}T00:00`).getTime();
    return Number.isFinite(day) ? { ...saved, day, left: Math.round((day - dayAfter(Date.now(), 0)) / DAY) } : null;
  }

  function save(date, minutes) {
    return write(KEYS.plan, { date, minutes, at: Date.now() });
  }

  const isRight = ({ box }) => box >= 3; // 続けて二度、正しく答えた。

  /** 今日の分。計画が無くても、続きのページと復習の数は分かる。 */
  function today(now = Date.now()) {
    store.load();
    const outline = window.workbookOutline ?? { chapters: [] };
    const plan = load();
    const seen = readMap(KEYS.reading);
    const pages = outline.chapters.flatMap(({ pages }) => pages).map(([url, title, minutes]) => ({ url, title, minutes }));
    const unread = pages.filter(({ url }) => !seen[url]?.done);
    const questions = outline.chapters.flatMap(({ questions }) => questions).map(([id, importance, outside]) => ({ id, importance, outside, record: store.records[id] }));
    const due = questions.filter(({ record }) => record && !(record.due > now));
    const wanted = questions.filter(({ importance, outside }) => importance < 2 && !outside);
    // 重要なものから、章の順に。
    const fresh = wanted.filter(({ record }) => !record).sort((a, b) => a.importance - b.importance);
    const weak = questions.filter(({ record }) => record && !(record.box >= 2));
    const base = { plan, pages, unread, due, fresh, weak, wanted, twice: wanted.filter(({ record }) => record && isRight(record)).length };
    if (!plan || plan.left < 0) return { ...base, read: unread.slice(0, 1), ask: fresh.slice(0, 10), over: 0 };
    // 総ざらいの日には、新しいものを始めない。
    const days = Math.max(0, plan.left - SWEEP);
    if (days === 0) return { ...base, sweep: true, read: [], ask: [], over: 0 };
    // まず復習、次に新しい問題、残りで読む。遅れた分は、残りの日に割り直される。
    const ask = Math.ceil(fresh.length / days);
    const budget = Math.max(0, plan.minutes - SOLVE * due.length);
    const askNow = Math.min(ask, Math.floor(budget / 2 / SOLVE));
    let left = budget - SOLVE * askNow;
    const share = Math.ceil(unread.length / days);
    const list = [];
    for (const page of unread.slice(0, Math.max(1, share))) {
      if (list.length > 0 && page.minutes > left) break;
      list.push(page);
      left -= page.minutes;
    }
    const need = SOLVE * (due.length + ask) + unread.reduce((sum, { minutes }) => sum + minutes, 0) / days;
    return { ...base, read: list, ask: fresh.slice(0, askNow), over: Math.max(0, Math.round(need - plan.minutes)) };
  }

  window.workbookPlan = { load, save, today, clear: () => remove(KEYS.plan), SWEEP };
})();
