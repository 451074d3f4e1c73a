// 実験室の台に共通の道具: 学習する部屋 (ワーカー)、操作の部品、グラフ、課題。
// 学習の計算は 1 行も書かない。すべて、章のコードを組み立てた module.js がする。
// ページの式を計算するだけの台 (FormulaBench) は、部屋も module.js も使わない。
window.workbookLab = (() => {
  'use strict';

  // ---- 部屋 ----

  /** ワーカーの中で動く関数。文字にして渡すので、外の変数は使わない。 */
  function worker() {
    let room;
    /** 縮めて文字にしたものを、元のバイト列に戻す。 */
    function unpack(packed) {
      const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
      return new Response(plain).arrayBuffer();
    }
    async function open(packed) {
      const module = await WebAssembly.compile(await unpack(packed));
      // 章のコードはブラウザに何も頼まない。組み立てのために宣言だけされている関数を、空で埋める。
      const imports = {};
      for (const { module: from, name } of WebAssembly.Module.imports(module)) {
        imports[from] ??= {};
        imports[from][name] = () => { throw new Error(`${name} は使えません`); };
      }
      room = (await WebAssembly.instantiate(module, imports)).exports;
    }
    /** 頼みごと (と、0 で区切って重みのバイト列) を書いて呼び、答え (文字の長さ、数の個数、数、文字) を読む。取り決めは chapters/lab/src/room.rs。 */
    function ask(request, data = new ArrayBuffer(0)) {
      const text = new TextEncoder().encode(JSON.stringify(request));
      const size = text.length + 1 + data.byteLength;
      const place = room.reserve(size);
      const letter = new Uint8Array(room.memory.buffer, place, size);
      letter.set(text);
      letter.set(new Uint8Array(data), text.length + 1);
      const start = room.call();
      const [length, count] = new Uint32Array(room.memory.buffer, start, 2);
      const numbers = new Float32Array(room.memory.buffer.slice(start + 8, start + 8 + 4 * count));
      const answer = JSON.parse(new TextDecoder().decode(new Uint8Array(room.memory.buffer, start + 8 + 4 * count, length)));
      let from = 0;
      for (const [name, size] of answer.parts) {
        answer[name] = numbers.slice(from, from + size);
        from += size;
      }
      delete answer.parts;
      return answer;
    }
    self.onmessage = async ({ data: { id, packed, request, weights } }) => {
      try {
        const answer = packed ? await open(packed) : ask(request, weights && await unpack(weights));
        self.postMessage({ id, answer });
      } catch (error) {
        self.postMessage({ id, error: error.message });
      }
    };
  }

  /** 学習する部屋を開く。計算はページと別の流れで進むので、ページは固まらない。 */
  async function openRoom() {
    const source = new Blob([`(${worker})()`], { type: 'text/javascript' });
    const address = URL.createObjectURL(source);
    const thread = new Worker(address);
    const waiting = new Map();
    let last = 0;
    const send = (message) => new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      thread.postMessage({ id: last, ...message });
    });
    thread.addEventListener('message', ({ data: { id, answer, error } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error || answer?.error) reject(new Error(error ?? answer.error));
      else resolve(answer);
    });
    thread.addEventListener('error', (event) => {
      for (const { reject } of waiting.values()) reject(new Error(event.message || '学習の部屋が止まりました'));
      waiting.clear();
    });
    await send({ packed: window.workbookLabModule.packed });
    URL.revokeObjectURL(address);
    return { ask: (bench, what, details = null, weights = undefined) => send({ request: { bench, do: what, with: details }, weights }) };
  }

  // ---- 部品 ----

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function button(text, press, attributes = {}) {
    const element = make('button', { type: 'button', ...attributes }, text);
    element.addEventListener('click', press);
    return element;
  }

  /** 名前と、いまの値の付いたつまみ。`values` は選べる値の並び。 */
  function slider(name, values, value, show, change) {
    const output = make('output', {}, show(value));
    const input = make('input', { type: 'range', min: 0, max: values.length - 1, step: 1, value: nearest(values, value) });
    input.setAttribute('aria-valuetext', show(value));
    input.addEventListener('input', () => {
      output.textContent = show(values[input.value]);
      input.setAttribute('aria-valuetext', output.textContent);
      change(values[input.value]);
    });
    const element = make('label', { class: 'lab-slider' }, make('span', {}, name), input, output);
    element.set = (next) => {
      input.value = nearest(values, next);
      output.textContent = show(values[input.value]);
      input.setAttribute('aria-valuetext', output.textContent);
    };
    return element;
  }

  function nearest(values, value) {
    const distance = (at) => Math.abs(values[at] - value);
    return values.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0);
  }

  function choice(name, options, value, change) {
    const select = make('select', {}, ...options.map(([key, text]) => make('option', { value: key }, text)));
    select.value = value;
    select.addEventListener('change', () => change(select.value));
    const element = make('label', { class: 'lab-choice' }, make('span', {}, name), select);
    element.set = (next) => { select.value = next; };
    return element;
  }

  /** 名前の付いた、入り切り。 */
  function check(name, value, change) {
    const input = make('input', { type: 'checkbox' });
    input.checked = value;
    input.addEventListener('change', () => change(input.checked));
    const element = make('label', { class: 'lab-choice lab-check' }, input, make('span', {}, name));
    element.set = (next) => { input.checked = next; };
    return element;
  }

  /** 画面の細かさに合わせた canvas。`draw(context, width, height)` で描く。 */
  function canvas(width, height, attributes = {}) {
    const element = make('canvas', { role: 'img', ...attributes });
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    element.width = width * scale;
    element.height = height * scale;
    element.style.aspectRatio = `${width} / ${height}`;
    element.style.inlineSize = `min(${width}px, 100%)`;
    const context = element.getContext('2d');
    /** 押された所を、[-extent, extent] の平面の座標で返す。 */
    element.spot = ({ clientX, clientY }, extent) => {
      const frame = element.getBoundingClientRect();
      return [((clientX - frame.left) / frame.width * 2 - 1) * extent, (1 - (clientY - frame.top) / frame.height * 2) * extent];
    };
    element.paint = (draw) => {
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, height);
      draw(context, width, height);
    };
    return element;
  }

  /** 一辺 `side` 画素の絵 (値 [-1, 1]、1 が墨) を、枠を付けて広げて描く道具。はみ出した値は、端の明るさで描く。 */
  function stamp(side) {
    const tile = picture(side);
    return (context, pixels, x, y, size, frame) => {
      tile.show(pixels);
      context.imageSmoothingEnabled = false;
      context.fillStyle = frame;
      context.fillRect(x - 2, y - 2, size + 4, size + 4);
      context.drawImage(tile, x, y, size, size);
      context.imageSmoothingEnabled = true;
    };
  }

  /** 画素の絵。`show` に、値 [-1, 1] をチャネル・縦・横の順に渡す。1 チャネルでは、1 が墨になる。 */
  function picture(side, attributes = {}) {
    const element = make('canvas', { role: 'img', ...attributes, class: `lab-picture ${attributes.class ?? ''}`, width: side, height: side });
    const context = element.getContext('2d');
    element.show = (pixels) => {
      const image = context.createImageData(side, side);
      const area = side * side;
      for (let at = 0; at < area; at++) {
        for (let channel = 0; channel < 3; channel++) {
          image.data[4 * at + channel] = pixels.length === area ? 127.5 * (1 - pixels[at]) : 127.5 * (1 + pixels[channel * area + at]);
        }
        image.data[4 * at + 3] = 255;
      }
      context.putImageData(image, 0, 0);
    };
    return element;
  }

  /** `count` 個ずつに分ける。 */
  function parts(numbers, count) {
    const size = numbers.length / count;
    return Array.from({ length: count }, (_, at) => numbers.subarray(at * size, (at + 1) * size));
  }

  /** 役割の色。配色を替えたら、次に描くときから新しい色になる。 */
  function colors() {
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(name).trim();
    return {
      real: named('--role-real'), fake: named('--role-fake'), latent: named('--role-latent'),
      generator: named('--role-generator'), discriminator: named('--role-discriminator'), loss: named('--role-loss'),
      ink: named('--fg'), muted: named('--ink-muted'), rule: named('--rule'), paper: named('--bg'),
    };
  }

  /** 線グラフ。`lines` は {name, color, values, dash}。値は 0 から `top` まで。 */
  function chart(context, width, height, { lines, top, mark, marks, last }) {
    const paint = colors();
    const [left, right, above, below] = [34, 70, 12, 24];
    const x = (at, count) => left + (width - left - right) * (count < 2 ? 0 : at / (count - 1));
    const y = (value) => height - below - (height - above - below) * Math.min(Math.max(value / top, 0), 1);
    context.font = '12px sans-serif';
    context.textBaseline = 'middle';
    context.strokeStyle = paint.rule;
    context.fillStyle = paint.muted;
    for (const tick of marks) {
      context.beginPath();
      context.moveTo(left, y(tick));
      context.lineTo(width - right, y(tick));
      context.stroke();
      context.textAlign = 'right';
      context.fillText(String(tick), left - 5, y(tick));
    }
    context.textAlign = 'left';
    context.fillText('0', left, height - 9);
    context.textAlign = 'right';
    context.fillText(`更新 ${last} 回`, width - right, height - 9);
    if (mark !== undefined) {
      context.setLineDash([3, 4]);
      context.strokeStyle = paint.ink;
      context.beginPath();
      context.moveTo(left, y(mark));
      context.lineTo(width - right, y(mark));
      context.stroke();
      context.setLineDash([]);
    }
    // 名前は線の終わりに書き、重ならないように上下へずらす。
    const labels = [];
    for (const { name, color, values, dash } of lines) {
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.setLineDash(dash ?? []);
      context.beginPath();
      values.forEach((value, at) => context.lineTo(x(at, values.length), y(value)));
      context.stroke();
      context.setLineDash([]);
      if (values.length) labels.push({ name, color, at: y(values[values.length - 1]) });
    }
    context.lineWidth = 1;
    labels.sort((a, b) => a.at - b.at);
    labels.forEach((label, at) => { if (at) label.at = Math.max(label.at, labels[at - 1].at + 14); });
    context.textAlign = 'left';
    for (const { name, color, at } of labels) {
      context.fillStyle = color;
      context.fillRect(width - right + 4, at - 4, 8, 8);
      context.fillStyle = paint.ink;
      context.fillText(name, width - right + 16, at);
    }
  }

  /** 長い記録を、線グラフに足りる数に間引く。 */
  class Series {
    constructor() { this.values = []; this.skip = 1; this.seen = 0; }
    push(value) {
      if (this.seen++ % this.skip === 0) this.values.push(value);
      if (this.values.length > 600) {
        this.values = this.values.filter((_, at) => at % 2 === 0);
        this.skip *= 2;
      }
    }
  }

  /** 3 つの課題。できたら印が付く。 */
  function tasks(items) {
    const list = make('ol', { class: 'lab-tasks' });
    const done = items.map(() => false);
    const rows = items.map(({ text }) => {
      const row = make('li', {}, make('span', { class: 'lab-mark', 'aria-hidden': 'true' }, '□'), ` ${text}`);
      list.append(row);
      return row;
    });
    /** できたものに印を付け、いま新しくできたものの番号を返す。 */
    list.check = (state) => {
      const fresh = [];
      items.forEach(({ reached, text }, at) => {
        if (done[at] || !reached(state)) return;
        fresh.push(at + 1);
        done[at] = true;
        rows[at].classList.add('lab-done');
        rows[at].replaceChildren(make('span', { class: 'lab-mark', 'aria-hidden': 'true' }, '☑'), ` ${text} — できました`);
      });
      return fresh;
    };
    return list;
  }

  /**
   * 台の設定を、ページの番地の # の後ろに読み書きする。どこにも送らない。
   * リンクの値は人が書き替えられるので、`allowed` (設定の名前 → 選べる値の並び) の中から、近い数か、はじめの値に直す。
   */
  function shared(name, settings, allowed = {}) {
    const start = `#lab-${name}?`;
    if (location.hash.startsWith(start)) {
      for (const [key, value] of new URLSearchParams(location.hash.slice(start.length))) {
        if (!(key in settings)) continue;
        const kind = typeof settings[key];
        const values = allowed[key];
        if (kind === 'number') {
          const read = Number(value);
          if (value.trim() === '' || !Number.isFinite(read)) continue;
          settings[key] = values ? values[nearest(values, read)] : key === 'seed' ? whole(read, 0, 999999) : read;
        } else if (kind === 'boolean') {
          if (value === 'true' || value === 'false') settings[key] = value === 'true';
        } else if (!values || values.includes(value)) settings[key] = value;
      }
    }
    return () => `${location.href.split('#')[0]}${start}${new URLSearchParams(settings)}`;
  }

  /** リンクで届いた整数を、使える範囲に収める。 */
  const whole = (value, from, to) => Math.min(Math.max(Math.round(value), from), to);

  /** リンクを写すボタン。写せないときは、番地の欄に出す。 */
  function shareButton(link, tell) {
    const say = (text) => tell(link().includes('data=drawn') ? `${text}描いた点は、リンクに入りません。` : text);
    return button('この設定のリンクを写す', async () => {
      try {
        await navigator.clipboard.writeText(link());
        say('リンクを写しました。');
      } catch {
        history.replaceState(null, '', link());
        say('上の番地の欄が、この設定のリンクになりました。');
      }
    });
  }

  const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

  /** どの台にも共通: 起きたことの知らせと、ページの鍵盤との折り合い。 */
  class Stand {
    constructor(name) {
      this.name = name;
      this.news = make('p', { class: 'lab-news', role: 'status' });
    }

    /** 台を箱に入れたあとの支度。 */
    settle(box) {
      box.addEventListener('keydown', (event) => event.stopPropagation()); // mdBook は左右の矢印でページをめくる。
    }

    say(text) { this.news.textContent = text; }
  }

  /** 学習する台に共通の動き: 部屋への頼み方と、続けて進める・止める。台は `advance` を持つ。 */
  class Bench extends Stand {
    constructor(name, room) {
      super(name);
      this.room = room;
      this.speed = 10;
      this.play = button('進める', () => (this.running ? this.pause() : this.run()), { class: 'lab-play' });
    }

    settle(box) {
      super.settle(box);
      document.addEventListener('visibilitychange', () => { if (document.hidden) this.pause(); });
      // 配色が替わったら、canvas を描き直す (`repaint` を持つ台だけ)。
      new MutationObserver(() => this.repaint?.()).observe(document.documentElement, { attributes: true, attributeFilter: ['class'] });
      // 動きを減らす設定では、途中を描かず、押した回数だけ進める。
      if (still()) this.play.replaceWith(button('200 回', () => this.advance(200)));
    }

    /** 部屋への頼みごと。1 度に 1 つだけ頼み、順に片付ける。 */
    ask(what, details, weights) {
      this.queue = (this.queue ?? Promise.resolve()).then(() => this.room.ask(this.name, what, details, weights));
      return this.queue.catch((error) => {
        this.queue = Promise.resolve();
        this.pause();
        this.say(error.message);
        throw error;
      });
    }

    /** 学習を終えた重み (weights-台.js) で、台を始める。 */
    begin() {
      return this.ask('start', null, window.workbookLabWeights[this.name].packed);
    }

    /** 指で触った所を追いかける。頼みごとが溜まらないよう、前の答えが届くまでは、最後の 1 つだけを覚えておく。 */
    async follow(work) {
      this.next = work;
      if (this.following) return this.following;
      this.following = (async () => {
        try {
          while (this.next) {
            const now = this.next;
            this.next = null;
            await now();
          }
        } finally { this.following = null; }
      })();
      return this.following;
    }

    /** 止めるまで、`speed` 回ごとに描きながら進める。描くものが無くなれば (`ready` が偽) 止まる。 */
    async run() {
      if (this.running) return;
      const round = this.round = {}; // 止めてすぐ始め直されたら、前のくり返しは黙って終わる。
      this.running = true;
      this.play.textContent = '止める';
      try {
        while (this.running && this.round === round) {
          await this.advance(this.speed);
          if (!this.ready()) break;
          await new Promise((resume) => requestAnimationFrame(resume));
        }
      } catch { /* 何が起きたかは、ask がもう伝えた。 */ }
      if (this.round === round) this.pause();
    }

    ready() { return true; }

    pause() {
      this.running = false;
      this.play.textContent = '進める';
    }
  }

  // ---- 式の台 ----

  /** 式の台の値の書き方。負の符号は、本文と同じ字にする。 */
  const number = (value, digits = 3) => {
    if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
  };

  /** つまみの値の並び。 */
  const range = (from, to, step) =>
    Array.from({ length: Math.round((to - from) / step) + 1 }, (_, at) => Number((from + at * step).toFixed(6)));

  /** SVG の要素。色を役割の名前で書けるので、配色を替えても描き直さなくてよい。 */
  function shape(tag, attributes = {}, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  /** 幅と高さの決まった図。`paint` は中身を入れ替え、`spot` は押された場所を図の座標にする。 */
  function drawing(width, height, attributes = {}) {
    const element = shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', class: 'lab-drawing', ...attributes });
    element.paint = (label, ...parts) => {
      element.setAttribute('aria-label', label);
      element.replaceChildren(...parts.flat());
    };
    element.spot = (event) => {
      const frame = element.getBoundingClientRect();
      return [(event.clientX - frame.left) / frame.width * width, (event.clientY - frame.top) / frame.height * height];
    };
    return element;
  }

  /**
   * 図を、指やマウスでつかんで動かす。`grab` が返したものを、動いた先 (図の座標) と一緒に `move` に渡す。
   * 指では、ページを送るつもりかもしれないので、少し動くか、離すまで待つ。
   */
  function drag(svg, grab, move, drop = () => {}) {
    let held = null;
    let from = null; // 待っているあいだの、指を置いた場所 (画面の座標)
    svg.addEventListener('pointerdown', (event) => {
      held = grab(svg.spot(event));
      if (held === null) return;
      svg.setPointerCapture(event.pointerId);
      from = event.pointerType === 'touch' ? event : null;
      if (!from) move(held, svg.spot(event));
    });
    svg.addEventListener('pointermove', (event) => {
      if (held === null) return;
      if (from && Math.abs(event.clientX - from.clientX) < 6 && Math.abs(event.clientY - from.clientY) < 24) return; // 縦に送るなら、24 画素までに pointercancel が来る。
      from = null;
      move(held, svg.spot(event));
    });
    svg.addEventListener('pointerup', (event) => {
      if (held === null) return;
      if (from) move(held, svg.spot(event));
      drop(held, svg.spot(event));
      held = null;
    });
    svg.addEventListener('pointercancel', () => { held = null; });
  }

  /** 図の中のグラフの枠。`at` は [左, 上, 幅, 高さ]、`x`・`y` は [はじめ, 終わり]、`marks` は目盛り [値, 文字] の並び。 */
  class Plot {
    constructor({ at, x, y, marks = {} }) {
      Object.assign(this, { at, x, y, marks });
    }

    px(value) { return this.at[0] + this.at[2] * (value - this.x[0]) / (this.x[1] - this.x[0]); }

    /** 枠の上下を越えた所は、縁で止める。 */
    py(value) {
      const share = Math.min(Math.max((value - this.y[0]) / (this.y[1] - this.y[0]), 0), 1);
      return this.at[1] + this.at[3] * (1 - share);
    }

    axes() {
      const [left, top, width, height] = this.at;
      const line = (x1, y1, x2, y2) => shape('line', { x1, y1, x2, y2, stroke: 'var(--rule)' });
      return [
        line(left, top + height, left + width, top + height),
        ...(this.marks.y ?? []).flatMap(([value, text]) => [
          line(left, this.py(value), left + width, this.py(value)),
          shape('text', { x: left - 5, y: this.py(value) + 4, 'text-anchor': 'end', class: 'lab-tick' }, text)]),
        ...(this.marks.x ?? []).map(([value, text]) =>
          shape('text', { x: this.px(value), y: top + height + 15, 'text-anchor': 'middle', class: 'lab-tick' }, text)),
      ];
    }

    /** 関数 `f` の線。枠の下に出る所は描かない。`area` なら、線の下を薄く塗る。 */
    curve(f, { color, dash, area, width = 2.5, steps = 180 }) {
      const points = Array.from({ length: steps + 1 }, (_, at) => this.x[0] + (this.x[1] - this.x[0]) * at / steps)
        .map((x) => [x, f(x)]).filter(([, y]) => Number.isFinite(y) && y >= this.y[0])
        .map(([x, y]) => `${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`);
      const line = shape('path', { d: `M${points.join('L')}`, fill: 'none', stroke: color, 'stroke-width': width, ...(dash && { 'stroke-dasharray': dash }) });
      if (!area) return [line];
      const floor = this.py(this.y[0]);
      return [shape('path', { d: `M${this.px(this.x[0])} ${floor}L${points.join('L')}L${this.px(this.x[1])} ${floor}Z`, fill: color, 'fill-opacity': 0.15 }), line];
    }

    dot(x, y, color, radius = 6) {
      return shape('circle', { cx: this.px(x), cy: this.py(y), r: radius, fill: color, stroke: 'var(--bg)', 'stroke-width': 1.5 });
    }

    text(x, y, text, attributes = {}) {
      return shape('text', { x: this.px(x), y: this.py(y), ...attributes }, text);
    }
  }

  /**
   * 式の台: 学習はせず、動かすたびに、ページの式をその場で計算する。
   * 台は `compute` (設定 → 値)、`draw`、`read` (値を言う文)、`judge` (起きたことの名前) を持つ。
   */
  class FormulaBench extends Stand {
    /** `knobs` は、設定の名前から {name, values, show} (つまみ) か {name, options} (選ぶ欄) への表。 */
    constructor(name, book, knobs) {
      super(name);
      this.book = book;
      this.settings = { ...book };
      this.link = shared(name, this.settings);
      this.controls = {};
      for (const [key, { name: label, values, options, show = String }] of Object.entries(knobs)) {
        const value = this.settings[key];
        // リンクの値は人が書き替えられるので、選べる値に直す。
        if (values) this.settings[key] = values[nearest(values, value)];
        else if (!options.some(([known]) => known === value)) this.settings[key] = book[key];
        const change = (next) => this.change({ [key]: next });
        this.controls[key] = values
          ? slider(label, values, this.settings[key], show, change)
          : choice(label, options, this.settings[key], change);
      }
    }

    /** 台を並べる。 */
    lay(box, { picture, legend, side = [], actions = [], items, remember }) {
      this.readout = make('p', { class: 'lab-readout' });
      this.tasks = tasks(items);
      const reset = button('はじめの設定に戻す', () => this.change(this.book));
      box.append(
        make('div', { class: 'lab-formula' },
          make('div', { class: 'lab-look' }, picture, make('p', { class: 'lab-legend' }, ...legend)),
          make('div', { class: 'lab-told' }, this.readout, this.news),
          make('div', { class: 'lab-controls' }, ...Object.values(this.controls)),
          make('div', { class: 'lab-more' }, ...side, make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '設定' }, ...actions, reset))),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, `覚えておくこと: ${remember}`));
      this.settle(box);
      this.update();
    }

    change(next) {
      Object.assign(this.settings, next);
      for (const key of Object.keys(next)) this.controls[key]?.set(this.settings[key]);
      this.update();
    }

    update() {
      const state = this.compute(this.settings);
      this.state = state;
      this.readout.textContent = this.read(state, this.settings);
      this.draw(state, this.settings);
      const named = this.judge(state, this.settings);
      const fresh = this.tasks.check({ ...state, settings: this.settings }).map((at) => `課題 ${at} ができました。`);
      // 「できました」は、しばらく見せたら、次に動かしたときに消す。
      const old = this.praise && this.news.textContent === this.praise.text && performance.now() - this.praise.at > 3000;
      if (named !== this.named || fresh.length || old) this.say([named, ...fresh].join(' '));
      if (fresh.length) this.praise = { text: this.news.textContent, at: performance.now() };
      this.named = named;
    }
  }

  return {
    benches: {}, Bench, openRoom, make, button, slider, choice, check, canvas, stamp, picture, parts, whole, chart, colors, still, Series, tasks, shared, shareButton,
    FormulaBench, Plot, shape, drawing, drag, number, range,
  };
})();
