// 実験室の入り口。押されるまでは、ページの重さを変えない。
// 押されると、台のスクリプトを読み込む。学習する台は、章のコードを組み立てたもの (WebAssembly) も読み込む。
// ページの式を計算するだけの台 (data-formula の付いた箱) は、WebAssembly を要らない。
(() => {
  'use strict';

  const able = typeof WebAssembly === 'object' && typeof Worker === 'function' && typeof DecompressionStream === 'function';
  const loaded = new Map();

  /** スクリプトを 1 度だけ読み込む。file:// で開いた本でも読めるように、script 要素を使う。 */
  function load(path) {
    if (!loaded.has(path)) {
      loaded.set(path, new Promise((resolve, reject) => {
        const script = document.createElement('script');
        script.src = path_to_root + path; // path_to_root は mdBook がどのページにも置く、本の根元への道。
        script.addEventListener('load', resolve);
        script.addEventListener('error', () => {
          loaded.delete(path);
          reject(new Error(`${path} を読み込めませんでした。通信を確かめて、もう一度押してください。`));
        });
        document.head.append(script);
      }));
    }
    return loaded.get(path);
  }

  for (const box of document.querySelectorAll('.lab')) {
    const note = document.createElement('p');
    note.className = 'lab-note';
    note.setAttribute('role', 'status');
    const formula = 'formula' in box.dataset;
    if (!formula && !able) {
      note.textContent = 'このブラウザでは、ここで学習を動かせません。上の図を見てください（新しいブラウザなら動きます）。';
      box.append(note);
      continue;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'lab-open';
    button.textContent = 'ここで動かす';
    // 学習を終えた重みを使う台は、data-weights に、その大きさ (kB) を書いておく。
    const { lab, weights } = box.dataset;
    note.textContent = formula
      ? 'ページの式を、動かすたびに計算します。押すと数十 kB を読み込みます。通信はそれだけで、何も送りません。'
      : weights
        ? `この章の、学習を終えた生成器を、このページの中で動かします。押すと約 ${(1 + weights / 750).toFixed(1)} MB を読み込みます。通信はそれだけで、何も送りません。`
        : 'この章のコードを、このページの中で学習させます。押すと約 1 MB を読み込みます。通信はそれだけで、何も送りません。';
    box.append(button, note);
    const open = async () => {
      button.disabled = true;
      note.textContent = '用意しています…';
      try {
        await load('lab/bench.js');
        const files = [`lab/${lab}.js`, ...(formula ? [] : ['figures/lab/module.js']), ...(weights ? [`figures/lab/weights-${lab}.js`] : [])];
        await Promise.all(files.map(load));
        box.bench = await window.workbookLab.benches[lab](box);
        button.remove();
        note.remove();
        box.classList.add('lab-ready');
      } catch (error) {
        box.replaceChildren(button, note); // 並べかけた台は片付ける。
        button.disabled = false;
        note.textContent = `動かせませんでした。${error.message}`;
      }
    };
    button.addEventListener('click', open);
    // 分け合ったリンクで開かれたら、すぐに始める。
    if (location.hash.startsWith(`#lab-${lab}?`)) open().then(() => box.scrollIntoView());
  }
  // 開いているページの番地に、別のリンクが貼られたとき。ページの中の移動なので、ひとりでには読み直されない。
  addEventListener('hashchange', () => { if (location.hash.startsWith('#lab-')) location.reload(); });
})();
