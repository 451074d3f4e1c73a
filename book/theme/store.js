// 読者の記録の置き場。このブラウザの localStorage にだけ置き、外へは何も送らない。
// 章の確認問題 (quiz.js) も、試験の机 (desk/) も、ここを通して読み書きする。
(() => {
  'use strict';

  const KEYS = {
    answers: 'workbook-quiz-v1', // 問題の id ごとの、最後の答えと復習の予定
    exam: 'workbook-exam-v1', // 途中の模擬試験
    history: 'workbook-history-v1', // 終わった模擬試験
    reading: 'workbook-reading-v1', // ページごとの、どこまで読んだか
    plan: 'workbook-plan-v1', // 試験の日と、1 日の分数
    saved: 'workbook-saved-v1', // 最後に書き出した日
    picked: 'workbook-picked-v1', // 決定する前に選んだ答え
  };

  // 復習の箱（ライトナー方式）。数は、その箱の問題を次に出すまでの日数。箱 0 は間違えた問題で、すぐにまた出る。
  const BOX_DAYS = [0, 1, 3, 7, 14, 30];

  /** 今日の 0 時から数えた `days` 日後。時刻ではなく日で数えると、朝でも夜でも「明日」が同じになる。 */
  function dayAfter(now, days) {
    const date = new Date(now);
    date.setHours(0, 0, 0, 0);
    date.setDate(date.getDate() + days);
    return date.getTime();
  }

  /** 答えた後の箱と、次に出す日。 */
  function schedule(before, right, now) {
    const box = BOX_DAYS[before?.box] === undefined ? null : before.box;
    const early = box !== null && before.due > now;
    // 期日の前に解き直しても箱は進めない。直前に見た答えを言えただけかもしれないから。
    if (right && early) return { box, due: before.due };
    const next = !right ? 0 : box === null ? 2 : Math.min(box + 1, BOX_DAYS.length - 1);
    return { box: next, due: beforeExam(dayAfter(now, BOX_DAYS[next]), now) };
  }

  /** 試験の日が決まっていれば、次に出す日を試験の前の日までにする。試験の後に出ても、間に合わないから。 */
  function beforeExam(due, now) {
    const date = read(KEYS.plan, null)?.date;
    const exam = /^\d{4}-\d{2}-\d{2}$/.test(date) ? new Date(`${date}T00:00`).getTime() : NaN;
    const last = dayAfter(exam, -1);
    return last > now ? Math.min(due, last) : due;
  }

  // 答えの記録。localStorage は壊れていたり、禁じられていたり、満杯だったりする。そのときはページを開いている間だけ覚える。
  const store = {
    records: {},
    works: true,
    load() {
      let saved = null;
      try {
        saved = localStorage.getItem(KEYS.answers);
      } catch {
        this.works = false;
        return this.records;
      }
      try { saved = JSON.parse(saved); } catch { saved = null; } // 読めない記録は、無いものとして解き始められるようにする。
      if (!saved || typeof saved !== 'object' || Array.isArray(saved)) saved = {};
      // 保存できている間は、保存してあるものがすべて。別のタブで消した記録を、ここから戻さない。
      if (this.works) this.records = saved;
      // 保存できなかった答えは、ここにだけある。古い記録で上書きしない。
      else for (const id of Object.keys(saved)) if (!(this.records[id]?.at > saved[id]?.at)) this.records[id] = saved[id];
      return this.records;
    },
    /**
     * 答え [{ id, picks, seed, right, at }] を記録し、次の復習の日を決める。
     * 答えずに終わった問題 (picks に空の組がある) は、前に選んだ答えがあればそれを残し、復習の予定だけを間違いと同じにする。
     */
    put(...answers) {
      this.load(); // 別のタブで解いた分を消さないよう、読み直してから足す。
      for (const { id, picks, seed, right, at = Date.now() } of answers) {
        const before = this.records[id];
        const last = picks.some((keys) => keys.length === 0) && Array.isArray(before?.picks) ? before : { picks, seed, right };
        this.records[id] = { picks: last.picks, seed: last.seed, right: last.right, at, ...schedule(before, right, at) };
      }
      this.save();
    },
    forget(ids) {
      this.load();
      for (const id of ids) delete this.records[id];
      this.save();
    },
    save() {
      try {
        localStorage.setItem(KEYS.answers, JSON.stringify(this.records));
        this.works = true;
        // 空き容量が足りなくなっても消さないでほしいと、ブラウザに頼む。断られても、今までどおりに使える。
        if (!this.asked) {
          this.asked = true;
          navigator.storage?.persist?.().catch(() => {});
        }
      } catch { this.works = false; }
    },
  };

  function read(key, fallback) {
    try { return JSON.parse(localStorage.getItem(key)) ?? fallback; } catch { return fallback; }
  }

  /** 名前から値を引く表として読む。ほかの形なら、空の表。 */
  function readMap(key) {
    const saved = read(key, {});
    return typeof saved === 'object' && !Array.isArray(saved) ? saved : {};
  }

  function write(key, value) {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { return false; }
    return true;
  }

  function remove(key) {
    try { localStorage.removeItem(key); } catch { /* 保存できない所では、消すものも無い。 */ }
  }

  window.workbookStore = { KEYS, BOX_DAYS, dayAfter, store, read, readMap, write, remove };
})();
