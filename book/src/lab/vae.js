// 第2章の台: あいうえおの地図 (2 次元の潜在空間) ができていくところを見て、字を書いて確かめる。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, choice, canvas, chart, colors, Series, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 420; // 平面の一辺 (画面の点)
  const EXTENT = 4;
  const PIXELS = 16;
  const LETTERS = [...'あいうえお'];
  const CLASSES = ['#4477AA', '#EE6677', '#228833', '#C2A21A', '#AA3377']; // 図の地図と同じ 5 色 (tools::plot::color::CLASSES)
  const LEARNED = 300; // 書いた字を置けるようになる回数
  const INK = 16; // 字と見る、墨の画素の数
  const BETAS = [0, 0.1, 0.3, 1, 3, 10, 30];
  const BOOK = { beta: 1, autoencoder: false, seed: 0 };

  class VaeBench extends Bench {
    constructor(box, room) {
      super('vae', room);
      this.settings = { ...BOOK };
      this.link = shared('vae', this.settings, { beta: BETAS });
      this.z = [0, 0];
      this.build(box);
    }

    build(box) {
      this.plane = canvas(SIDE, SIDE, { class: 'lab-plane', tabindex: '0' });
      this.picture = make('canvas', { class: 'lab-picture', width: PIXELS, height: PIXELS, role: 'img' });
      this.pad = make('canvas', { class: 'lab-picture lab-pad', width: PIXELS, height: PIXELS, role: 'img', 'aria-label': '字を書く欄' });
      this.losses = canvas(420, 170, { class: 'lab-chart' });
      this.readout = make('p', { class: 'lab-readout' });
      const steps = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '学習' },
        this.play, button('10 回', () => this.advance(10)), button('はじめから', () => this.restart()));
      this.controls = {
        model: choice('モデル', [['vae', 'VAE'], ['ae', 'オートエンコーダ']], this.settings.autoencoder ? 'ae' : 'vae', (model) => this.change({ autoencoder: model === 'ae' })),
        beta: slider('KL の重み β', BETAS, this.settings.beta, String, (beta) => this.change({ beta })),
      };
      const pace = slider('速さ（回ごとに描く）', [1, 5, 10, 20, 50], this.speed, String, (speed) => { this.speed = speed; });
      this.tasks = tasks([
        { text: '五つの字が、地図の上で分かれるまで学習する（隣の点が同じ字なのが 80 % 以上）', reached: ({ apart }) => Math.round(100 * apart) >= 80 },
        { text: 'β を大きくして、地図をつぶす（500 回より後で、雲が重なる）', reached: ({ settings, step, apart }) => !settings.autoencoder && settings.beta > 1 && step >= 500 && apart <= 0.5 },
        { text: '300 回より後で、字を書いて、その字のそばに置いてもらう', reached: ({ written }) => written },
      ]);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {}, this.plane, make('p', { class: 'lab-legend' }, '点はテストデータの平均 μ、薄い円は雲の広がり σ、破線の円は N(0, I) の 1σ と 2σ です。押した場所の z を、デコーダが絵にします。'), steps),
          make('div', { class: 'lab-side' }, this.readout, this.news,
            make('div', { class: 'lab-pictures' },
              make('figure', {}, this.pad, make('figcaption', {}, '指で書く')),
              make('figure', {}, this.picture, make('figcaption', {}, 'デコーダの絵'))),
            make('div', { class: 'lab-buttons' }, button('書いた字を消す', () => this.wipe())),
            this.losses)),
        make('details', {}, make('summary', {}, '設定を変える'), make('div', { class: 'lab-controls' }, ...Object.values(this.controls), pace)),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: 再構成の項が字を分け、KL の項が雲を原点の周りに集めます。β は、その釣り合いです。'));
      this.settle(box);
      this.plane.addEventListener('pointerdown', (event) => { this.plane.setPointerCapture(event.pointerId); this.point(event); });
      this.plane.addEventListener('pointermove', (event) => { if (this.plane.hasPointerCapture(event.pointerId)) this.point(event); });
      this.plane.addEventListener('keydown', (event) => this.key(event));
      this.pad.addEventListener('pointerdown', (event) => { this.pad.setPointerCapture(event.pointerId); this.ink(event); });
      this.pad.addEventListener('pointermove', (event) => { if (this.pad.hasPointerCapture(event.pointerId)) this.ink(event); });
      this.pad.addEventListener('pointerup', () => this.read());
      this.wipe();
    }

    change(next) {
      Object.assign(this.settings, next);
      return this.restart();
    }

    async restart() {
      const going = this.running;
      this.pause();
      const { beta, autoencoder, seed } = this.settings;
      this.epoch = (this.epoch ?? 0) + 1;
      this.history = { reconstruction: new Series(), kl: new Series() };
      await this.ask('start', { beta, autoencoder, seed });
      this.say('');
      await this.look();
      if (going) this.run();
    }

    async look() {
      this.map = await this.ask('map', 400);
      await this.move(this.z);
    }

    async advance(count) {
      const { epoch } = this;
      const { losses } = await this.ask('train', count);
      if (epoch !== this.epoch) return;
      for (let at = 0; at < losses.length; at += 3) {
        this.history.reconstruction.push(losses[at]);
        this.history.kl.push(losses[at + 1]);
      }
      await this.look();
    }

    async move(z) {
      this.z = z.map((value) => Math.min(Math.max(value, -EXTENT), EXTENT));
      const { pixels } = await this.ask('decode', this.z);
      this.paint(this.picture, pixels);
      this.judge();
      this.draw();
    }

    /** いちばん近い点が同じ字である割合。1 に近いほど、字が分かれている。 */
    apart() {
      const { means, labels } = this.map;
      const names = [...labels];
      const same = names.filter((name, at) => {
        let [best, which] = [Infinity, -1];
        for (let other = 0; other < names.length; other++) {
          if (other === at) continue;
          const distance = (means[2 * at] - means[2 * other]) ** 2 + (means[2 * at + 1] - means[2 * other + 1]) ** 2;
          if (distance < best) [best, which] = [distance, other];
        }
        return names[which] === name;
      });
      return same.length / names.length;
    }

    nearest([x, y]) {
      const { means, labels } = this.map;
      const names = [...labels];
      const distance = (at) => Math.hypot(means[2 * at] - x, means[2 * at + 1] - y);
      return names[names.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0)];
    }

    judge() {
      const apart = this.apart();
      const last = (series) => (series.values.length ? series.values[series.values.length - 1].toFixed(1) : '—');
      const { step } = this.map;
      this.readout.textContent = `更新 ${step} 回。再構成 ${last(this.history.reconstruction)}、KL ${last(this.history.kl)}（nat/枚）。隣の点が同じ字なのは ${Math.round(100 * apart)} %。`;
      const spread = this.map.deviations.reduce((sum, value) => sum + value, 0) / this.map.deviations.length;
      const collapsed = !this.settings.autoencoder && step >= 500 && apart <= 0.5 && spread > 0.8;
      this.say(collapsed ? '雲がどれも N(0, I) に重なり、字を見分けられません: 事後崩壊' : this.placed ? this.news.textContent : '');
      this.tasks.check({ step, apart, settings: this.settings, written: this.written });
      this.plane.setAttribute('aria-label', `潜在平面。矢印キーで点を動かします。${this.readout.textContent}`);
      this.picture.setAttribute('aria-label', `z = (${this.z.map((v) => v.toFixed(2)).join(', ')}) の、デコーダの絵。`);
    }

    draw() {
      const paint = colors();
      const at = (x, y) => [(x / EXTENT + 1) * SIDE / 2, (1 - y / EXTENT) * SIDE / 2];
      const scale = SIDE / 2 / EXTENT;
      this.plane.paint((context) => {
        context.setLineDash([5, 5]);
        context.strokeStyle = paint.muted;
        for (const sigma of [1, 2]) {
          context.beginPath();
          context.arc(SIDE / 2, SIDE / 2, sigma * scale, 0, 2 * Math.PI);
          context.stroke();
        }
        context.setLineDash([]);
        const { means, deviations, labels } = this.map;
        [...labels].forEach((name, index) => {
          const [x, y] = at(means[2 * index], means[2 * index + 1]);
          context.fillStyle = CLASSES[LETTERS.indexOf(name)];
          if (index < 60) {
            context.globalAlpha = 0.15;
            context.beginPath();
            context.ellipse(x, y, deviations[2 * index] * scale, deviations[2 * index + 1] * scale, 0, 0, 2 * Math.PI);
            context.fill();
          }
          context.globalAlpha = 0.8;
          context.beginPath();
          context.arc(x, y, 3, 0, 2 * Math.PI);
          context.fill();
        });
        context.globalAlpha = 1;
        context.font = 'bold 26px sans-serif';
        context.textAlign = 'center';
        context.textBaseline = 'middle';
        for (const name of LETTERS) {
          const own = [...labels].flatMap((label, index) => (label === name ? [[means[2 * index], means[2 * index + 1]]] : []));
          const middle = (axis) => own.map((point) => point[axis]).sort((a, b) => a - b)[Math.floor(own.length / 2)];
          const [x, y] = at(middle(0), middle(1));
          context.lineWidth = 4;
          context.strokeStyle = paint.paper;
          context.strokeText(name, x, y);
          context.fillStyle = paint.ink;
          context.fillText(name, x, y);
        }
        const [x, y] = at(...this.z);
        context.lineWidth = 3;
        context.strokeStyle = paint.latent;
        context.beginPath();
        context.arc(x, y, 9, 0, 2 * Math.PI);
        context.stroke();
        context.lineWidth = 1;
      });
      this.losses.paint((context, width, height) => chart(context, width, height, {
        top: 140, marks: [0, 70, 140], last: this.map.step,
        lines: [
          { name: '再構成', color: paint.loss, values: this.history.reconstruction.values },
          { name: 'KL', color: paint.latent, values: this.history.kl.values, dash: [6, 3] },
        ],
      }));
      this.losses.setAttribute('aria-label', '再構成の項と KL の移り変わり。');
    }

    repaint() { if (this.map) this.draw(); }

    /** 値 [-1, 1] の画素。1 が墨。 */
    paint(target, pixels) {
      const context = target.getContext('2d');
      const image = context.createImageData(PIXELS, PIXELS);
      pixels.forEach((value, index) => image.data.set([...Array(3).fill(127.5 * (1 - value)), 255], 4 * index));
      context.putImageData(image, 0, 0);
    }

    point(event) {
      this.move(this.plane.spot(event, EXTENT));
    }

    key(event) {
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in ways || event.key === 'Home')) return;
      event.preventDefault();
      const way = ways[event.key];
      this.move(way ? this.z.map((value, axis) => value + way[axis] * (event.shiftKey ? 0.8 : 0.15)) : [0, 0]);
    }

    // ---- 指で書く ----

    wipe() {
      this.drawn = new Float32Array(PIXELS * PIXELS).fill(-1);
      this.placed = this.written = false;
      this.say('');
      this.paint(this.pad, this.drawn);
    }

    ink(event) {
      const frame = this.pad.getBoundingClientRect();
      const x = (event.clientX - frame.left) / frame.width * PIXELS;
      const y = (event.clientY - frame.top) / frame.height * PIXELS;
      for (let index = 0; index < this.drawn.length; index++) {
        const distance = Math.hypot(index % PIXELS + 0.5 - x, Math.floor(index / PIXELS) + 0.5 - y);
        this.drawn[index] = Math.max(this.drawn[index], Math.min(1, 3 - 2 * distance));
      }
      this.paint(this.pad, this.drawn);
    }

    async read() {
      const { mean } = await this.ask('encode', Array.from(this.drawn));
      const name = this.nearest(mean);
      const { step } = this.map;
      this.placed = true;
      this.written = step >= LEARNED && this.drawn.filter((value) => value > 0).length >= INK;
      await this.move([...mean]);
      this.say(`書いた字は、「${name}」のそばの (${[...mean].map((v) => v.toFixed(2)).join(', ')}) に置かれました。右が、そこから戻した絵です。${step < LEARNED ? `学習が ${LEARNED} 回に足りないので、まだ場所に意味はありません。` : ''}`);
    }
  }

  benches.vae = async (box) => {
    const bench = new VaeBench(box, await openRoom());
    await bench.restart();
    return bench;
  };
})();
