// 第3章の台: 平面の点か手書き数字で、GAN が学習するようすを見て、壊して、直す。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, choice, check, canvas, stamp, chart, colors, Series, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 420; // 平面の一辺 (画面の点)
  const GRID = 42; // 識別器の答えを調べる格子
  const SAMPLES = 400;
  const EXTENT = 1.6;
  const RATES = [1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 3e-2, 1e-1];
  const BOOK = { data: 'ring', lr_g: 1e-3, lr_d: 2e-3, k: 1, loss: 'non-saturating', pack: 1, z: 2, seed: 0 };
  const DIGITS = { ...BOOK, data: 'digits', lr_d: 1e-3, z: 32 }; // 数字の、本の設定
  const PIXELS = 8;
  const PICTURES = 40; // 作った数字。10 枚ずつ 4 段
  const BROKEN = { lr_d: 2e-4 };
  const CURED = { lr_d: 2e-4, pack: 2 };

  const KINDS = [['ring', '輪（8 つの山）'], ['moons', '三日月'], ['drawn', '自分で描く'], ['digits', '手書き数字']];
  const LOSSES = [['non-saturating', '−log D(G(z))'], ['saturating', 'log(1 − D(G(z)))']];
  const [KS, PACKS, ZS] = [[1, 2, 3, 5], [1, 2, 4], [1, 2, 4, 8, 32]];
  // 学習率は、章のコードが調べて断る。
  const ALLOWED = { data: KINDS.map(([key]) => key), k: KS, loss: LOSSES.map(([key]) => key), pack: PACKS, z: ZS };

  const rate = (value) => value.toFixed(6).replace(/0+$/, '');
  const percent = (value) => `${Math.round(100 * value)} %`;

  class GanBench extends Bench {
    constructor(box, room) {
      super('gan', room);
      this.settings = { ...BOOK };
      this.link = shared('gan', this.settings, ALLOWED);
      this.drawn = [];
      this.arrows = true;
      this.build(box);
    }

    build(box) {
      this.plane = canvas(SIDE, SIDE, { class: 'lab-plane', tabindex: '0' });
      this.surface = make('canvas', { width: GRID, height: GRID });
      this.outputs = canvas(420, 170, { class: 'lab-chart' });
      this.losses = canvas(420, 150, { class: 'lab-chart' });
      this.readout = make('p', { class: 'lab-readout' });
      const steps = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '学習' },
        this.play,
        button('識別器の番', () => this.turn('discriminator')),
        button('生成器の番', () => this.turn('generator')),
        button('10 回', () => this.advance(10)),
        button('はじめから', () => this.restart()));
      this.cures = [
        button('壊す（識別器の学習率を 0.0002 に）', () => this.change({ ...BOOK, ...BROKEN })),
        button('直す（識別器に 2 つずつ見せる）', () => this.change({ ...BOOK, ...CURED })),
      ];
      const cures = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '壊す・直す' }, ...this.cures,
        button('本の設定に戻す', () => this.change(this.digits ? DIGITS : BOOK)));
      this.controls = {
        data: choice('データ', KINDS, this.settings.data, (data) => this.choose(data)),
        lr_g: slider('生成器の学習率', RATES, this.settings.lr_g, rate, (lr_g) => this.tune({ lr_g })),
        lr_d: slider('識別器の学習率', RATES, this.settings.lr_d, rate, (lr_d) => this.tune({ lr_d })),
        k: slider('識別器の更新 k', KS, this.settings.k, String, (k) => this.tune({ k })),
        loss: choice('生成器の損失', LOSSES, this.settings.loss, (loss) => this.tune({ loss })),
        pack: slider('一度に見せる数', PACKS, this.settings.pack, String, (pack) => this.change({ pack })),
        z: slider('z の次元', ZS, this.settings.z, String, (z) => this.change({ z })),
      };
      const pace = slider('速さ（回ごとに描く）', [1, 5, 10, 20, 50], this.speed, String, (speed) => { this.speed = speed; });
      const arrows = check('作った点に届く勾配の矢印', this.arrows, (shown) => { this.arrows = shown; this.draw(); });
      this.tasks = tasks([
        { text: '8 つの山を、すべて覆わせる', reached: ({ modes, step }) => modes === 8 && step >= 200 },
        { text: '壊して、覆う山を 1〜4 つにする（1,000 回より後で）', reached: ({ modes, step, settings }) => settings.lr_d <= 3e-4 && settings.pack === 1 && step >= 1000 && modes >= 1 && modes <= 4 },
        { text: '識別器の学習率はそのままで、7 つ以上に直す', reached: ({ modes, step, settings }) => settings.lr_d <= 3e-4 && settings.pack > 1 && step >= 300 && modes >= 7 },
      ]);
      this.legend = make('p', { class: 'lab-legend' });
      this.stamp = stamp(PIXELS);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {}, this.plane, this.legend, steps, cures),
          make('div', { class: 'lab-side' }, this.readout, this.news, this.outputs, this.losses)),
        make('details', {}, make('summary', {}, '設定を変える'),
          make('div', { class: 'lab-controls' }, ...Object.values(this.controls), pace, arrows)),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: 作った点が本物らしくても、種類がそろっているとは限りません。種類が偏るのが、モード崩壊です。'));
      this.settle(box);
      this.plane.addEventListener('pointerdown', (event) => this.dot(event));
    }

    get digits() { return this.settings.data === 'digits'; }

    /** データを替える。数字と平面の点とでは、本の設定が違う。 */
    choose(data) {
      if (data === 'digits') return this.change(DIGITS);
      return this.change(this.digits ? { ...BOOK, data } : { data });
    }

    /** はじめからでないと変えられない設定を変えて、学習し直す。 */
    change(next) {
      Object.assign(this.settings, next);
      for (const [name, value] of Object.entries(this.settings)) this.controls[name]?.set(value);
      return this.restart();
    }

    /** 途中で変えられる設定を変える。 */
    async tune(next) {
      Object.assign(this.settings, next);
      const { lr_g, lr_d, k, loss } = this.settings;
      await this.ask('set', { lr_g, lr_d, d_steps: k, saturating: loss === 'saturating' });
    }

    async restart() {
      const going = this.running;
      this.pause();
      const { data, lr_g, lr_d, k, loss, pack, z, seed } = this.settings;
      const own = data === 'drawn';
      this.history = { D: new Series(), G: new Series(), real: new Series(), fake: new Series() };
      this.named = '';
      this.epoch = (this.epoch ?? 0) + 1;
      for (const cure of this.cures) cure.hidden = data !== 'ring'; // 本の壊した学習は、輪のもの。
      if (own && !this.drawn.length) {
        this.view = null;
        this.real = [];
        this.readout.textContent = '';
        this.draw();
        this.say('平面を押して点を描き、「進める」を押してください。');
        return;
      }
      const points = own ? this.drawn.flat() : undefined;
      await this.ask('start', { data: own ? 'ring' : data, points, lr_g, lr_d, d_steps: k, saturating: loss === 'saturating', pack, z_dim: z, seed });
      this.real = (await this.ask('real', this.digits ? 20 : SAMPLES)).real;
      this.say('');
      await this.look();
      if (going) this.run();
    }

    /** 待つあいだに学習し直されたら、古い答えは捨てる。 */
    async look() {
      const { epoch } = this;
      const view = await this.ask('view', { grid: GRID, extent: EXTENT, samples: this.digits ? PICTURES : SAMPLES });
      if (epoch !== this.epoch) return;
      this.view = view;
      this.draw();
      this.judge();
    }

    async advance(count) {
      if (!this.view) await this.restart();
      if (!this.view) return;
      const { epoch } = this;
      const { losses, finite } = await this.ask('train', count);
      if (epoch !== this.epoch) return;
      for (let at = 0; at < losses.length; at += 4) {
        this.history.D.push(losses[at]);
        this.history.G.push(losses[at + 1]);
        this.history.real.push(losses[at + 2]);
        this.history.fake.push(losses[at + 3]);
      }
      this.finite = finite;
      await this.look();
    }

    async turn(who) {
      this.pause();
      if (!this.view) await this.restart();
      if (!this.view) return;
      const { epoch } = this;
      const answer = await this.ask(who);
      if (epoch !== this.epoch) return;
      await this.look();
      if (epoch !== this.epoch) return;
      this.say(who === 'discriminator'
        ? `識別器の番: ${this.digits ? '作った絵は変わっていません' : '背景だけが変わりました。作った点は動いていません'}。損失は ${answer['loss D'].toFixed(3)} です。`
        : `生成器の番: ${this.digits ? '作った絵が、少し変わりました' : '作った点が、矢印の向きへ少し動きました'}。識別器の重みはそのままです。損失は ${answer['loss G'].toFixed(3)} です。`);
    }

    /** 自分で描くデータで、まだ点が無ければ、進めない。 */
    ready() { return Boolean(this.view); }

    /** 起きたことに名前を付ける。 */
    judge() {
      const { step, modes, inside, kinds } = this.view;
      const ring = this.settings.data === 'ring';
      const last = (series) => series.values.slice(-20).reduce((sum, value, _, all) => sum + value / all.length, 0);
      const [real, fake] = [last(this.history.real), last(this.history.fake)];
      let covered = '';
      if (ring) covered = `。8 つの山のうち ${modes} つを覆い、${percent(inside)} の点が山の中`;
      if (this.digits) covered = `。${PICTURES} 枚を分類器に読ませると、10 種類のうち ${kinds} 種類`;
      this.readout.textContent = `更新 ${step} 回${covered}。`;
      let name = '';
      if (this.finite === false) name = '値があふれました（発散）。学習率を下げて、はじめからやり直してください。';
      else if (step >= 300 && real > 0.95 && fake < 0.05) name = '識別器が見分けきっています。生成器には、わずかな手がかりしか届きません。';
      else if (ring && step >= 800 && modes === 0) name = '作った点が、8 つの山のどれも覆っていません。';
      else if (ring && step >= 800 && modes <= 4) name = `8 つのうち ${modes} つしか覆っていません: モード崩壊`;
      else if (ring && step >= 200 && modes === 8) name = '8 つの山を、すべて覆っています。';
      else if (this.digits && step >= 300 && kinds <= 5) name = `${PICTURES} 枚が、${kinds} 種類の数字にしか読めません: 種類が偏っています。`;
      if (name !== this.named) this.say(name);
      this.named = name;
      if (ring) this.tasks.check({ step, modes, inside, settings: this.settings });
      this.plane.setAttribute('aria-label', `${this.digits ? '本物の数字と作った数字' : '平面の上の、本物の点と作った点'}。${this.readout.textContent}${name}`);
    }

    draw() {
      const paint = colors();
      const at = ([x, y]) => [(x / EXTENT + 1) * SIDE / 2, (1 - y / EXTENT) * SIDE / 2];
      const dots = (context, points, color, radius) => {
        context.fillStyle = color;
        for (let i = 0; i < points.length; i += 2) {
          const [x, y] = at([points[i], points[i + 1]]);
          context.beginPath();
          context.arc(x, y, radius, 0, 2 * Math.PI);
          context.fill();
        }
      };
      this.legend.replaceChildren(...(this.digits
        ? ['学習する前の絵は、ただの砂嵐です。分類器は字になっていない絵も、どれかの数字に読みます。数えているのは種類の偏りで、出来の良さではありません。']
        : [make('span', { class: 'lab-real' }, '● 本物'), ' ', make('span', { class: 'lab-fake' }, '● 作った点'),
          ' 背景の緑が濃いほど、識別器は本物だと答えています（色の無い所は 1/2 より下）。']));
      this.plane.paint((context) => {
        if (this.digits) {
          this.drawDigits(context, paint);
          return;
        }
        if (this.view) {
          // 格子の大きさの小さな絵に濃さだけを書き、色を付けてから、なめらかに広げる。
          const small = this.surface.getContext('2d');
          const image = small.createImageData(GRID, GRID);
          this.view.surface.forEach((probability, index) => {
            const place = (GRID - 1 - Math.floor(index / GRID)) * GRID + index % GRID;
            image.data[4 * place + 3] = 255 * Math.min(Math.max(0, 1.5 * probability - 0.45), 1);
          });
          small.putImageData(image, 0, 0);
          small.globalCompositeOperation = 'source-in';
          small.fillStyle = paint.discriminator;
          small.fillRect(0, 0, GRID, GRID);
          small.globalCompositeOperation = 'source-over';
          context.drawImage(this.surface, 0, 0, SIDE, SIDE);
        }
        context.globalAlpha = 0.6;
        dots(context, this.real ?? [], paint.real, 2);
        context.globalAlpha = 1;
        if (this.settings.data === 'drawn') dots(context, this.drawn.flat(), paint.real, 5);
        if (!this.view) return;
        if (this.arrows) {
          context.strokeStyle = paint.ink;
          context.globalAlpha = 0.45;
          for (let i = 0; i < Math.min(this.view.arrows.length, 120); i += 2) {
            const [x, y] = at([this.view.samples[i], this.view.samples[i + 1]]);
            const [dx, dy] = [this.view.arrows[i] * 14, -this.view.arrows[i + 1] * 14];
            const long = Math.max(Math.hypot(dx, dy) / 40, 1);
            context.beginPath();
            context.moveTo(x, y);
            context.lineTo(x + dx / long, y + dy / long);
            context.stroke();
          }
          context.globalAlpha = 1;
        }
        dots(context, this.view.samples, paint.fake, 2.5);
      });
      const last = this.view?.step ?? 0;
      this.outputs.paint((context, width, height) => chart(context, width, height, {
        top: 1, mark: 0.5, marks: [0, 0.5, 1], last,
        lines: [
          { name: 'D(x)', color: paint.real, values: this.history.real.values },
          { name: 'D(G(z))', color: paint.fake, values: this.history.fake.values, dash: [6, 3] },
        ],
      }));
      this.outputs.setAttribute('aria-label', '識別器の答え D(x) と D(G(z)) の移り変わり。');
      this.losses.paint((context, width, height) => chart(context, width, height, {
        top: this.digits ? 8 : 4, marks: this.digits ? [0, 4, 8] : [0, 2, 4], last,
        lines: [
          { name: 'D の損失', color: paint.discriminator, values: this.history.D.values },
          { name: 'G の損失', color: paint.generator, values: this.history.G.values, dash: [6, 3] },
        ],
      }));
      this.losses.setAttribute('aria-label', '識別器と生成器の損失の移り変わり。');
    }

    repaint() { this.draw(); }

    /** 本物の数字と、作った数字、分類器の読んだ枚数。 */
    drawDigits(context, paint) {
      if (!this.view?.counts || !this.real) return;
      const dim = PIXELS * PIXELS;
      const rows = (name, values, color, top) => {
        context.fillStyle = paint.ink;
        context.fillText(name, 10, top - 10);
        for (let index = 0; index * dim < values.length; index++) {
          const pixels = values.subarray(dim * index, dim * (index + 1));
          this.stamp(context, pixels, 13 + 40.5 * (index % 10), top + 2 + 41 * Math.floor(index / 10), 32, color);
        }
      };
      context.font = '14px sans-serif';
      context.textAlign = 'left';
      context.textBaseline = 'alphabetic';
      rows('本物', this.real, paint.real, 30);
      rows('作った数字', this.view.samples, paint.fake, 142);
      context.fillStyle = paint.ink;
      context.fillText('分類器の読んだ枚数', 10, 334);
      this.view.counts.forEach((count, digit) => {
        const x = 11 + 40.5 * digit;
        const high = 44 * Math.min(count / 12, 1);
        context.fillStyle = paint.fake;
        context.fillRect(x + 6, 394 - high, 24, high);
        context.fillStyle = paint.ink;
        context.textAlign = 'center';
        context.fillText(String(digit), x + 18, 411);
        if (count) context.fillText(String(count), x + 18, 390 - high);
      });
    }

    /** 自分で描く点。 */
    dot(event) {
      if (this.settings.data !== 'drawn') return;
      this.drawn.push(this.plane.spot(event, EXTENT));
      this.view = null;
      this.draw();
      this.say(`点が ${this.drawn.length} 個になりました。「進める」を押すと、この点を本物として学習します。`);
    }
  }

  benches.gan = async (box) => {
    const bench = new GanBench(box, await openRoom());
    await bench.restart();
    return bench;
  };
})();
