// 学習の記録の持ち運び: ファイルに書き出す、読み込む、すべて消す。
(() => {
  'use strict';

  const desk = window.workbookDesk;
  const { make, button, buttons, notice, download } = desk;
  const { strings, history } = desk;
  const { KEYS, BOX_DAYS, store, read, write, remove } = window.workbookStore;

  /** 持ち運びのボタン。読み込みや消去が済んだら、知らせの文を `done` に渡す。 */
  function portable(done) {
    const file = make('input', { type: 'file', accept: '.json,application/json', onchange: () => file.files[0] && take(file.files[0]) });
    const problem = notice('');
    return [problem, buttons(button('ファイルに書き出す', save),
      make('label', { className: 'desk-link' }, 'ファイルから読み込む', file), button('すべて消す', erase))];

    function save() {
      store.load();
      const data = { format: 'workbook-progress', version: 1, saved: new Date().toISOString(), records: store.records, history: history() };
      const day = new Date().toLocaleDateString('sv-SE'); // 2026-11-25 の形
      download(`workbook-progress-${day}.json`, JSON.stringify(data, null, 1), 'application/json');
      write(KEYS.saved, Date.now());
    }

    async function take(chosen) {
      file.value = ''; // 同じファイルを選び直せるようにする。
      problem.textContent = desk.root.querySelector('[role="status"]').textContent = ''; // 前の知らせ
      let data = null;
      try {
        // 大きすぎるファイルは学習の記録ではない。読むだけでページが固まってしまう。
        if (chosen.size <= LARGEST) data = JSON.parse(await chosen.text());
      } catch { /* 下で知らせる。 */ }
      if (data?.format !== 'workbook-progress' || data.version !== 1 || !data.records || typeof data.records !== 'object' || Array.isArray(data.records) || !Array.isArray(data.history)) {
        problem.textContent = `「${chosen.name}」は学習の記録として読めません。このページで書き出したファイルを選んでください（今の記録は変わっていません）。`;
        return;
      }
      const before = { records: { ...store.load() }, history: history(), saved: read(KEYS.history, null) };
      const records = { ...before.records };
      const wanted = Object.entries(data.records).map(([id, record]) => [id, cleanRecord(id, record)]).filter(([, record]) => record);
      let newer = 0;
      for (const [id, record] of wanted) {
        if (records[id]?.at >= record.at) continue;
        records[id] = record;
        newer += 1;
      }
      const exams = data.history.map(cleanResult).filter(Boolean).filter((result) => !before.history.some(({ started }) => started === result.started));
      if (!write(KEYS.history, [...exams, ...before.history]) || !write(KEYS.answers, records)) {
        if (before.saved) write(KEYS.history, before.saved);
        else remove(KEYS.history);
        problem.textContent = 'このブラウザの保存場所がいっぱいか、保存が禁じられているため、読み込めませんでした（今の記録は変わっていません）。';
        return;
      }
      const gone = wanted.filter(([id]) => !desk.bank.questions.some((question) => question.id === id)).length;
      done(`${wanted.length}問の記録のうち、今より新しい${newer}問を入れ、模擬試験の結果を${exams.length}回分加えました。` +
        (gone ? `うち${gone}問は、今の問題集に無い問題です。` : ''));
    }

    function erase() {
      if (!confirm('答えた記録、復習の予定、模擬試験の結果、読んだ所、試験の日をすべて消します。元には戻せません。よろしいですか。')) return;
      store.forget(Object.keys(store.load()));
      for (const key of Object.values(KEYS)) remove(key);
      done('記録をすべて消しました。');
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
      answers: answers.map(({ id, seed, picks, flag, spent, marks }) => ({ id, seed: Number(seed) | 0, picks, flag: flag === true,
        ...(Number.isFinite(spent) ? { spent } : {}), marks: marks.map(Boolean) })),
    };
  }

  desk.portable = portable;
})();
