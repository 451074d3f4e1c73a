// 第2章の台: あいうえおの地図 (潜在空間) ができていくところを見て、字を書いて確かめる。
// 潜在変数が 2 次元より多いときの地図は、字をいちばん見分けている 2 つの次元で描く。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, choice, canvas, picture, chart, colors, Series, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 420; // 平面の一辺 (画面の点)
  const EXTENT = 4;
  const PIXELS = 16;
  const LETTERS = [...'あいうえお'];
  const CLASSES = ['#4477AA', '#EE6677', '#228833', '#C2A21A', '#AA3377']; // 図の地図と同じ 5 色 (tools::plot::color::CLASSES)
  const LEARNED = 300; // 書いた字を置けるようになる回数
  const INK = 16; // 字と見る、墨の画素の数
  const BETAS = [0, 0.1, 0.3, 1, 3, 10, 30];
  const DIMENSIONS = [1, 2, 4, 8, 16];
  const USED = 0.01; // KL がこれ (nat) を超えた次元を、使われたと数える (第2章の active と同じ)
  const BOOK = { beta: 1, autoencoder: false, z_dim: 2, seed: 0 };

  class VaeBench extends Bench {
    constructor(box, room) {
      super('vae', room);
      this.settings = { ...BOOK };
      this.link = shared('vae', this.settings, { beta: BETAS, z_dim: DIMENSIONS });
      this.forget();
      this.build(box);
    }

    build(box) {
      this.plane = canvas(SIDE, SIDE, { class: 'lab-plane', tabindex: '0' });
      this.picture = picture(PIXELS);
      this.pad = picture(PIXELS, { class: 'lab-pad', 'aria-label': '字を書く欄' });
      this.losses = canvas(420, 170, { class: 'lab-chart' });
      this.bars = canvas(420, 110, { class: 'lab-chart' });
      this.readout = make('p', { class: 'lab-readout' });
      const steps = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '学習' },
        this.play, button('10 回', () => this.advance(10)), button('はじめから', () => this.restart()));
      this.controls = {
        model: choice('モデル', [['vae', 'VAE'], ['ae', 'オートエンコーダ']], this.settings.autoencoder ? 'ae' : 'vae', (model) => this.change({ autoencoder: model === 'ae' })),
        beta: slider('KL の重み β', BETAS, this.settings.beta, String, (beta) => this.change({ beta })),
        z_dim: slider('潜在変数の次元', DIMENSIONS, this.settings.z_dim, (value) => `${value} 次元`, (z_dim) => this.change({ z_dim })),
      };
      const pace = slider('速さ（回ごとに描く）', [1, 5, 10, 20, 50], this.speed, String, (speed) => { this.speed = speed; });
      this.tasks = tasks([
        { text: '五つの字が、地図の上で分かれるまで学習する（隣の点が同じ字なのが 80 % 以上）', reached: ({ apart }) => Math.round(100 * apart) >= 80 },
        { text: 'β を大きくして、地図をつぶす（500 回より後で、雲が重なる）', reached: ({ settings, step, apart }) => !settings.autoencoder && settings.beta > 1 && step >= 500 && apart <= 0.5 },
        { text: '300 回より後で、字を書いて、その字のそばに置いてもらう', reached: ({ written }) => written },
      ]);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {}, this.plane, make('p', { class: 'lab-legend' }, '点はテストデータの平均 μ、薄い円は雲の広がり σ、破線の円は N(0, I) の 1σ と 2σ です。押した場所の z を、デコーダが絵にします。次元が 2 より多いときは、字をいちばん見分けている 2 つの次元で描きます。'), steps),
          make('div', { class: 'lab-side' }, this.readout, this.news,
            make('div', { class: 'lab-pictures' },
              make('figure', {}, this.pad, make('figcaption', {}, '指で書く')),
              make('figure', {}, this.picture, make('figcaption', {}, 'デコーダの絵'))),
            make('div', { class: 'lab-buttons' }, button('書いた字を消す', () => this.wipe())),
            this.losses, this.bars)),
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
      const { beta, autoencoder, z_dim, seed } = this.settings;
      this.forget();
      this.epoch = (this.epoch ?? 0) + 1;
      this.history = { reconstruction: new Series(), kl: new Series() };
      await this.ask('start', { beta, autoencoder, z_dim, seed });
      this.say('');
      await this.look();
      if (going) this.run();
    }

    async look() {
      this.map = await this.ask('map', 400);
      this.choose();
      this.separation = this.apart();
      await this.move(this.z);
    }

    /** はじめの見方に戻す: z は原点、地図は 1 つめと 2 つめの次元。 */
    forget() {
      this.z = Array(this.settings.z_dim).fill(0);
      this.axes = [0, 1];
    }

    // ---- 次元 ----

    /** 次元ごとに、どれだけ字を見分けているか。VAE では KL (nat)、オートエンコーダでは μ の分散。 */
    weights() {
      const { z_dim, autoencoder } = this.settings;
      const { means, deviations, labels } = this.map;
      const count = labels.length;
      return Array.from({ length: z_dim }, (_, axis) => {
        const at = (values) => Array.from({ length: count }, (_, index) => values[z_dim * index + axis]);
        const mean = (values) => values.reduce((sum, value) => sum + value, 0) / count;
        const own = at(means);
        if (autoencoder) return mean(own.map((value) => value ** 2)) - mean(own) ** 2;
        const spread = at(deviations);
        return mean(own.map((value, index) => (value ** 2 + spread[index] ** 2 - 1) / 2 - Math.log(spread[index])));
      });
    }

    /** 地図に描く 2 つの次元を選ぶ。ちらつかないよう、いまの次元の倍より大きいものが出たときだけ替える。 */
    choose() {
      this.weight = this.weights();
      if (this.settings.z_dim <= 2) return;
      const order = this.weight.map((_, axis) => axis).sort((a, b) => this.weight[b] - this.weight[a]);
      this.axes = this.axes.map((axis, which) => {
        const best = order.find((other) => other !== this.axes[1 - which]);
        return this.weight[best] > 2 * this.weight[axis] ? best : axis;
      });
      if (this.axes[0] === this.axes[1]) this.axes = order.slice(0, 2);
    }

    /** z `[z_dim]` の、地図の上の場所。1 次元では、まん中の線の上。 */
    spot(z) { return this.axes.map((axis) => z[axis] ?? 0); }

    /** 地図の場所 (と、地図に無い次元のいまの値) の z `[z_dim]`。 */
    lift(spot) {
      return this.z.map((value, axis) => (this.axes.includes(axis) ? spot[this.axes.indexOf(axis)] : value));
    }

    /** `index` 番めのテストデータの、`values` (平均か標準偏差) `[z_dim]`。 */
    row(values, index) {
      const { z_dim } = this.settings;
      return values.subarray(z_dim * index, z_dim * (index + 1));
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
      this.z = Array.from(z, (value) => Math.min(Math.max(value, -EXTENT), EXTENT));
      const { pixels } = await this.ask('decode', this.z);
      this.picture.show(pixels);
      this.judge();
      this.draw();
    }

    /** いちばん近い点が同じ字である割合。1 に近いほど、字が分かれている。 */
    apart() {
      const { means, labels } = this.map;
      const { z_dim } = this.settings;
      const names = [...labels];
      const same = names.filter((name, at) => {
        let [best, which] = [Infinity, -1];
        for (let other = 0; other < names.length; other++) {
          if (other === at) continue;
          let distance = 0;
          for (let axis = 0; axis < z_dim; axis++) distance += (means[z_dim * at + axis] - means[z_dim * other + axis]) ** 2;
          if (distance < best) [best, which] = [distance, other];
        }
        return names[which] === name;
      });
      return same.length / names.length;
    }

    nearest(z) {
      const { means, labels } = this.map;
      const names = [...labels];
      const distance = (at) => Math.hypot(...this.row(means, at).map((value, axis) => value - z[axis]));
      return names[names.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0)];
    }

    judge() {
      const apart = this.separation;
      const last = (series) => (series.values.length ? series.values[series.values.length - 1].toFixed(1) : '—');
      const { step } = this.map;
      const { autoencoder, z_dim } = this.settings;
      const used = this.weight.filter((kl) => kl > USED).length;
      const spare = autoencoder || z_dim === 1 ? '' : `使われている次元は ${used} / ${z_dim}。`;
      this.readout.textContent = `更新 ${step} 回。再構成 ${last(this.history.reconstruction)}、KL ${last(this.history.kl)}（nat/枚）。隣の点が同じ字なのは ${Math.round(100 * apart)} %。${spare}`;
      const spread = this.map.deviations.reduce((sum, value) => sum + value, 0) / this.map.deviations.length;
      const collapsed = !autoencoder && step >= 500 && apart <= 0.5 && spread > 0.8;
      const idle = !autoencoder && step >= 500 && used > 0 && used < z_dim;
      if (collapsed) this.say('雲がどれも N(0, I) に重なり、字を見分けられません: 事後崩壊');
      else if (!this.placed) this.say(idle ? `${z_dim} 次元のうち ${z_dim - used} 次元は、どの字でも N(0, 1) のままです: 使われない次元` : '');
      this.tasks.check({ step, apart, settings: this.settings, written: this.written });
      this.plane.setAttribute('aria-label', `潜在平面。矢印キーで点を動かします。${this.readout.textContent}`);
      this.picture.setAttribute('aria-label', `z = (${this.z.map((v) => v.toFixed(2)).join(', ')}) の、デコーダの絵。`);
      this.bars.setAttribute('aria-label', `次元ごとの${this.unit()}: ${this.weight.map((value, axis) => `z${axis + 1} ${value.toFixed(2)}`).join('、')}。`);
    }

    unit() { return this.settings.autoencoder ? ' μ の分散' : ' KL（nat）'; }

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
          const [x, y] = at(...this.spot(this.row(means, index)));
          context.fillStyle = CLASSES[LETTERS.indexOf(name)];
          if (index < 60) {
            context.globalAlpha = 0.15;
            context.beginPath();
            const [wide, high] = this.spot(this.row(deviations, index));
            context.ellipse(x, y, wide * scale, Math.max(high * scale, 1), 0, 0, 2 * Math.PI);
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
          const own = [...labels].flatMap((label, index) => (label === name ? [this.spot(this.row(means, index))] : []));
          const middle = (axis) => own.map((point) => point[axis]).sort((a, b) => a - b)[Math.floor(own.length / 2)];
          const [x, y] = at(middle(0), middle(1));
          context.lineWidth = 4;
          context.strokeStyle = paint.paper;
          context.strokeText(name, x, y);
          context.fillStyle = paint.ink;
          context.fillText(name, x, y);
        }
        this.names(context, paint);
        const [x, y] = at(...this.spot(this.z));
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
      this.bars.paint((context, width, height) => this.dimensions(context, width, height, paint));
    }

    /** 地図の横と縦が、どの次元か。 */
    names(context, paint) {
      context.font = '14px sans-serif';
      context.fillStyle = paint.muted;
      context.textAlign = 'right';
      context.fillText(`z${this.axes[0] + 1} →`, SIDE - 6, SIDE - 12);
      context.textAlign = 'left';
      if (this.settings.z_dim > 1) context.fillText(`↑ z${this.axes[1] + 1}`, 6, 14);
    }

    /** 次元ごとの棒。地図に描いている次元は濃い。 */
    dimensions(context, width, height, paint) {
      const { z_dim } = this.settings;
      const [left, right, above, below] = [34, 8, 24, 20];
      const top = Math.max(1, ...this.weight);
      const slot = (width - left - right) / z_dim;
      context.font = '12px sans-serif';
      context.textBaseline = 'middle';
      context.textAlign = 'left';
      context.fillStyle = paint.ink;
      context.fillText(`次元ごとの${this.unit()}。濃い棒は、地図に描いている次元`, left, 10);
      context.textAlign = 'right';
      context.fillStyle = paint.muted;
      for (const [value, text] of [[0, '0'], [top, top.toFixed(1)]]) context.fillText(text, left - 5, height - below - (height - above - below) * value / top);
      context.textAlign = 'center';
      this.weight.forEach((value, axis) => {
        const tall = Math.max((height - above - below) * value / top, 1);
        context.fillStyle = paint.latent;
        context.globalAlpha = this.axes.includes(axis) ? 1 : 0.45;
        context.fillRect(left + slot * axis + slot * 0.15, height - below - tall, Math.min(slot * 0.7, 60), tall);
        context.globalAlpha = 1;
        context.fillStyle = paint.muted;
        context.fillText(`z${axis + 1}`, left + slot * axis + slot * 0.15 + Math.min(slot * 0.35, 30), height - 8);
      });
    }

    repaint() { if (this.map) this.draw(); }

    point(event) {
      this.move(this.lift(this.plane.spot(event, EXTENT)));
    }

    key(event) {
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in ways || event.key === 'Home')) return;
      event.preventDefault();
      const way = ways[event.key];
      if (way) this.move(this.lift(this.spot(this.z).map((value, side) => value + way[side] * (event.shiftKey ? 0.8 : 0.15))));
      else this.move(this.z.map(() => 0));
    }

    // ---- 指で書く ----

    wipe() {
      this.drawn = new Float32Array(PIXELS * PIXELS).fill(-1);
      this.placed = this.written = false;
      this.say('');
      this.pad.show(this.drawn);
    }

    ink(event) {
      const frame = this.pad.getBoundingClientRect();
      const x = (event.clientX - frame.left) / frame.width * PIXELS;
      const y = (event.clientY - frame.top) / frame.height * PIXELS;
      for (let index = 0; index < this.drawn.length; index++) {
        const distance = Math.hypot(index % PIXELS + 0.5 - x, Math.floor(index / PIXELS) + 0.5 - y);
        this.drawn[index] = Math.max(this.drawn[index], Math.min(1, 3 - 2 * distance));
      }
      this.pad.show(this.drawn);
    }

    async read() {
      const { mean } = await this.ask('encode', Array.from(this.drawn));
      const name = this.nearest(mean);
      const { step } = this.map;
      this.placed = true;
      this.written = step >= LEARNED && this.drawn.filter((value) => value > 0).length >= INK;
      await this.move(mean);
      this.say(`書いた字は、「${name}」のそばの (${this.spot(mean).slice(0, mean.length).map((v) => v.toFixed(2)).join(', ')}) に置かれました。右が、そこから戻した絵です。${step < LEARNED ? `学習が ${LEARNED} 回に足りないので、まだ場所に意味はありません。` : ''}`);
    }
  }

  benches.vae = async (box) => {
    const bench = new VaeBench(box, await openRoom());
    await bench.restart();
    return bench;
  };
})();
