// 「潜在変数を動かす」図。平面の点を動かすと、学習したデコーダがこのページの中で絵を計算する。
// 重みは章の実行が書いた figures/ch02-vae/latent.js にあり、図のあるページでだけ読む。
// 読めなければ、中に置いてある動かない図がそのまま残る。
(() => {
  'use strict';

  const SVG = 'http://www.w3.org/2000/svg';

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function draw(tag, attributes = {}, text = '') {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  // ---- デコーダ: chapters/ch02-vae/src/model.rs の Decoder と同じ計算 ----

  function unpack({ inputs, weights, scales, biases }) {
    const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
    const rounded = new Int16Array(bytes.buffer);
    return { inputs, biases, weights: Float32Array.from(rounded, (w, i) => w * scales[Math.floor(i / inputs)]) };
  }

  const relu = (v) => Math.max(v, 0);
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));

  /** z から、画素ごとの墨の確率。 */
  function decode(layers, z) {
    return layers.reduce((x, { inputs, weights, biases }, depth) => {
      const activate = depth < layers.length - 1 ? relu : sigmoid;
      return biases.map((bias, row) => {
        let sum = bias;
        for (let i = 0; i < inputs; i++) sum += weights[row * inputs + i] * x[i];
        return activate(sum);
      });
    }, z);
  }

  // ---- 図 ----

  const VIEW = 400; // 平面の座標。見た目の大きさは CSS が決める。
  const signed = (v) => (Math.abs(v) < 0.005 ? 0 : v).toFixed(2).replace('-', '−');

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  class Explorer {
    constructor(box, data) {
      this.data = data;
      this.models = data.models.map((model) => ({ ...model, layers: model.layers.map(unpack) }));
      this.plane = draw('svg', { viewBox: `0 0 ${VIEW} ${VIEW}`, class: 'latent-plane', tabindex: 0, role: 'application' });
      this.plane.setAttribute('aria-label', '潜在平面。矢印キーで点を動かします。Shift を押しながらだと大きく動き、Home で原点に戻ります。');
      this.picture = make('canvas', { class: 'latent-picture', width: data.side, height: data.side, role: 'img' });
      this.readout = make('p', { class: 'latent-readout', role: 'status' });
      this.buttons = this.models.map((model, index) => {
        const button = make('button', { type: 'button' }, model.name);
        button.addEventListener('click', () => this.choose(index));
        return button;
      });
      const switches = make('div', { class: 'latent-switches', role: 'group', 'aria-label': 'デコーダ' }, ...this.buttons);
      const hint = make('p', { class: 'latent-hint' }, '平面を押すか、なぞってください。矢印キーでも動きます。');
      const result = make('div', { class: 'latent-result' }, this.picture, this.readout);
      box.append(make('div', { class: 'latent-stage' }, this.plane, result), switches, hint);
      box.classList.add('latent-ready');

      this.plane.addEventListener('pointerdown', (event) => {
        this.plane.setPointerCapture(event.pointerId);
        this.point(event);
      });
      this.plane.addEventListener('pointermove', (event) => {
        if (this.plane.hasPointerCapture(event.pointerId)) this.point(event);
      });
      this.plane.addEventListener('keydown', (event) => this.key(event));
      // mdBook は左右の矢印でページをめくる。図を動かしている間は、めくらせない。
      box.addEventListener('keydown', (event) => event.stopPropagation());
      this.choose(0);
    }

    choose(index) {
      this.model = this.models[index];
      this.buttons.forEach((button, at) => button.setAttribute('aria-pressed', at === index));
      this.chart();
      this.move(this.model.points[0].slice(0, 2)); // どのモデルでも同じ画像から始め、見比べられるようにする。
    }

    pixel([x, y]) {
      const { extent } = this.model;
      return [(x / extent + 1) * VIEW / 2, (1 - y / extent) * VIEW / 2];
    }

    /** 動かない部分: データの位置、種類の名前、事前分布の円。 */
    chart() {
      const { labels } = this.data;
      const { extent, points } = this.model;
      const parts = points.map(([x, y, label]) => {
        const [cx, cy] = this.pixel([x, y]);
        return draw('circle', { cx, cy, r: 3, fill: labels[label][1] });
      });
      for (const sigma of [1, 2]) {
        parts.push(draw('circle', { class: 'latent-prior', cx: VIEW / 2, cy: VIEW / 2, r: sigma / extent * VIEW / 2 }));
      }
      labels.forEach(([name], label) => {
        const own = points.filter((point) => point[2] === label);
        const [x, y] = this.pixel([median(own.map((p) => p[0])), median(own.map((p) => p[1]))]);
        parts.push(draw('text', { x, y }, name));
      });
      this.cursor = draw('circle', { class: 'latent-cursor', r: 9 });
      this.plane.replaceChildren(...parts, this.cursor);
    }

    move(z) {
      const { extent, points, layers } = this.model;
      this.z = z.map((v) => Math.min(Math.max(v, -extent), extent));
      const [cx, cy] = this.pixel(this.z);
      this.cursor.setAttribute('cx', cx);
      this.cursor.setAttribute('cy', cy);
      this.pixels = decode(layers, this.z);
      this.paint(this.pixels);
      const distance = (point) => Math.hypot(point[0] - this.z[0], point[1] - this.z[1]);
      const nearest = points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
      const name = this.data.labels[nearest[2]][0];
      this.readout.textContent = `z = (${signed(this.z[0])}, ${signed(this.z[1])})。いちばん近いデータは「${name}」、距離 ${distance(nearest).toFixed(2)}。`;
      this.picture.setAttribute('aria-label', `デコーダの絵。${this.readout.textContent}`);
    }

    /** 紙に墨で書いたように、確率 0 を白、1 を黒にする。 */
    paint(pixels) {
      const context = this.picture.getContext('2d');
      const image = context.createImageData(this.data.side, this.data.side);
      pixels.forEach((ink, at) => image.data.set([...Array(3).fill(255 * (1 - ink)), 255], 4 * at));
      context.putImageData(image, 0, 0);
    }

    point(event) {
      const frame = this.plane.getBoundingClientRect();
      const { extent } = this.model;
      const x = (event.clientX - frame.left) / frame.width * 2 - 1;
      const y = 1 - (event.clientY - frame.top) / frame.height * 2;
      this.move([x * extent, y * extent]);
    }

    key(event) {
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in ways || event.key === 'Home')) return;
      event.preventDefault(); // 画面が上下に流れないようにする。
      const step = this.model.extent / (event.shiftKey ? 10 : 50);
      const way = ways[event.key];
      this.move(way ? this.z.map((v, axis) => v + way[axis] * step) : [0, 0]);
    }
  }

  // 開いた図は、ページの要素から試験でも触れるようにしておく。
  for (const box of document.querySelectorAll('.latent-explorer')) {
    // path_to_root は mdBook がどのページにも置く、本の根元への道。
    const script = make('script', { src: path_to_root + box.dataset.source });
    script.addEventListener('load', () => { box.explorer = new Explorer(box, window.workbookLatent); });
    document.head.append(script);
  }
})();
