// 第7章の台: ノイズを混ぜ、当て、1 歩ずつ引くところを見る。平面の点と、手書き数字。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, choice, check, canvas, stamp, whole, chart, colors, still, Series, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 420; // 平面の一辺 (画面の点)
  const EXTENT = 2;
  const CELLS = 13; // 矢印の格子
  const POINTS = 400; // 一度に見る点
  const PICTURES = 16; // 一度に作る数字
  const PIXELS = 8;
  const FRESH = 200; // 続けて学習するあいだは、この回数ごとに作り直す
  const BOOK = { data: 'ring', time: true, seed: 0, way: 'back', t: 20, steps: 0, fresh: true, w: 2, digit: 3, fixed: true, noise: 0 };
  const DATA = [['ring', '輪（8 つの山）'], ['moons', '三日月'], ['drawn', '自分で描く'], ['digits', '手書き数字']];
  const GUIDANCE = [0, 1, 2, 3, 5, 7];
  const SAMPLERS = [['0', 'DDPM（すべての時刻）'], ['50', 'DDIM 50 歩'], ['20', 'DDIM 20 歩'], ['10', 'DDIM 10 歩'], ['5', 'DDIM 5 歩'], ['1', 'DDIM 1 歩（一度に消す）']];
  // 点を描けない人のための形: 8 の字。
  const EXAMPLE = Array.from({ length: 32 }, (_, at) => [Math.sin(at * Math.PI / 16), 0.8 * Math.sin(at * Math.PI / 8)]);

  /** 点が原点からどれだけ離れているかの平均。 */
  const size = (points) => {
    let sum = 0;
    for (let at = 0; at < points.length; at += 2) sum += Math.hypot(points[at], points[at + 1]);
    return 2 * sum / points.length;
  };
  const percent = (value) => `${Math.round(100 * value)} %`;

  class DiffusionBench extends Bench {
    constructor(box, room) {
      super('diffusion', room);
      this.settings = { ...BOOK };
      this.link = shared('diffusion', this.settings);
      this.mend();
      this.speed = 20;
      this.drawn = [];
      this.arrows = true;
      this.guesses = true;
      this.from = 0;
      this.lost = false;
      this.build(box);
    }

    /** リンクの値は人が書き替えられるので、選べる値に直す。 */
    mend() {
      const { settings } = this;
      const near = (values, value) => values.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
      if (!DATA.some(([data]) => data === settings.data)) settings.data = BOOK.data;
      if (settings.way !== 'forward') settings.way = 'back';
      settings.steps = near(SAMPLERS.map(([steps]) => Number(steps)), settings.steps);
      settings.w = near(GUIDANCE, settings.w);
      for (const [name, most] of [['t', 100], ['digit', 9], ['seed', 1e9], ['noise', 1e9]]) settings[name] = whole(settings[name], 0, most);
    }

    get digits() { return this.settings.data === 'digits'; }

    get back() { return this.settings.way === 'back'; }

    build(box) {
      this.plane = canvas(SIDE, SIDE, { class: 'lab-plane' });
      this.stamp = stamp(PIXELS);
      this.shares = canvas(420, 76, { class: 'lab-chart' });
      this.losses = canvas(420, 170, { class: 'lab-chart' });
      this.readout = make('p', { class: 'lab-readout' });
      this.roller = button('ノイズから作る', () => (this.rolling ? this.halt() : this.roll()));
      const times = Array.from({ length: 101 }, (_, t) => t);
      const { settings } = this;
      this.timer = slider('時刻 t', times, settings.t, String, (t) => this.move(t));
      this.timer.classList.add('lab-wide');
      this.way = choice('向き', [['back', '逆過程（ノイズを引く）'], ['forward', '順過程（ノイズを混ぜる）']], settings.way, (way) => this.face(way));
      this.way.classList.add('lab-wide');
      const walk = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '時刻' },
        this.roller,
        button('1 歩引く', () => this.walkOne(-1)),
        button('1 歩混ぜる', () => this.walkOne(1)),
        button('ほかのノイズ・絵で', () => this.another()));
      this.sheet = button('例の形を置く', () => this.example());
      const steps = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '学習' },
        this.play, button('10 回', () => this.advance(10)), button('はじめから', () => this.restart()), this.sheet);
      const cures = make('div', { class: 'lab-buttons', role: 'group', 'aria-label': '壊す・直す' },
        button('壊す（時刻を渡さずに学習する）', () => this.change({ time: false, steps: 0, fresh: true })),
        button('壊す（新しいノイズを足さない）', () => this.remake({ steps: 0, fresh: false })),
        button('直す', () => (settings.time ? this.remake({ steps: 0, fresh: true, w: BOOK.w }) : this.change({ time: true, steps: 0, fresh: true, w: BOOK.w }))),
        button('本の設定に戻す', () => this.change(BOOK)));
      this.controls = {
        data: choice('データ', DATA, settings.data, (data) => this.change({ data })),
        steps: choice('作り方と歩数', SAMPLERS, String(settings.steps), (steps) => this.remake({ steps: Number(steps) })),
        fresh: check('1 歩ごとに新しいノイズを足す（DDPM だけ）', settings.fresh, (fresh) => this.remake({ fresh })),
        fixed: check('作り直しても、始まりのノイズを同じにする（種を固定）', settings.fixed, (fixed) => this.remake({ fixed })),
        digit: slider('頼む数字', times.slice(0, 10), settings.digit, String, (digit) => this.remake({ digit })),
        w: slider('ガイダンスの強さ w', GUIDANCE, settings.w, String, (w) => this.remake({ w })),
        time: check('ネットワークに時刻を渡す（変えると、はじめから）', settings.time, (time) => this.change({ time })),
      };
      const pace = slider('速さ（回ごとに描く）', [1, 5, 10, 20, 50, 100], this.speed, String, (speed) => { this.speed = speed; });
      this.tasks = tasks([
        { text: '輪を学習し、ノイズから作った点の 9 割を、山の中に入れる', reached: ({ made, settings }) => settings.data === 'ring' && made.modes === 8 && made.inside >= 0.9 },
        { text: '輪の学習はそのままで、作り方だけを変えて、覆う山を 6 つ以下にし、また 8 つに戻す', reached: ({ restored }) => restored },
        { text: '数字を学習し、頼んだ数字に読める絵を、16 枚のうち 14 枚以上にする', reached: ({ made }) => made.read >= 14 && made.step > 0 },
      ]);
      this.legend = make('p', { class: 'lab-legend' });
      this.letters = [this.controls.digit, this.controls.w];
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {}, this.plane, this.legend, this.timer, steps),
          make('div', { class: 'lab-side' }, this.readout, this.news, this.shares, this.losses, this.way)),
        walk, cures,
        make('details', {}, make('summary', {}, '設定を変える'),
          make('div', { class: 'lab-controls' }, ...Object.values(this.controls), pace,
            check('当てたノイズを引く向きの矢印', this.arrows, (shown) => { this.arrows = shown; this.draw(); }),
            check('見積もり x̂₀ の点', this.guesses, (shown) => { this.guesses = shown; this.draw(); }))),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: ネットワークが当てるのは、加えたノイズです。混ぜるのは 1 回の式で済み、作るときは、少しずつ何度も引きます。'));
      this.settle(box);
      if (still()) this.roller.remove(); // 動きを減らす設定では、1 歩ずつ進める。
      this.plane.addEventListener('pointerdown', (event) => this.dot(event));
    }

    // ---- 設定 ----

    /** 学習し直す設定を変える。 */
    change(next) {
      Object.assign(this.settings, next);
      this.show();
      return this.restart();
    }

    /** 作り方だけを変える。学習はそのまま。 */
    async remake(next) {
      this.halt();
      Object.assign(this.settings, next);
      this.show();
      this.stale = true;
      if (this.shape) await this.look();
    }

    show() {
      const { settings } = this;
      for (const [name, value] of Object.entries(settings)) this.controls[name]?.set(name === 'steps' ? String(value) : value);
      this.timer.set(settings.t);
      this.way.set(settings.way);
      for (const control of this.letters) control.hidden = !this.digits;
      this.sheet.hidden = settings.data !== 'drawn';
    }

    async restart() {
      const going = this.running;
      this.halt();
      this.pause();
      this.show();
      const { data, time, seed } = this.settings;
      const own = data === 'drawn';
      this.loss = new Series();
      this.recent = [];
      this.step = 0;
      this.finite = true;
      this.named = '';
      this.walk = this.mix = this.field = null;
      const epoch = this.epoch = (this.epoch ?? 0) + 1;
      this.real = [];
      if (own && !this.drawn.length) {
        this.shape = null;
        this.readout.textContent = '';
        this.draw();
        this.say('平面を押して点を描き、「進める」を押してください。');
        return;
      }
      await this.ask('start', { data: own ? 'ring' : data, points: own ? this.drawn.flat() : undefined, time, seed });
      const shape = await this.ask('schedule');
      const real = this.digits ? [] : (await this.ask('real', POINTS)).real;
      if (epoch !== this.epoch) return; // 待つあいだに、始め直されたか、点が置かれた。
      Object.assign(this, { shape, real });
      this.say('');
      await this.look();
      if (going) this.run();
    }

    // ---- 学習 ----

    async advance(count) {
      if (!this.shape) await this.restart();
      if (!this.shape) return;
      const { epoch } = this;
      const { losses, step, finite } = await this.ask('train', count);
      if (epoch !== this.epoch) return;
      for (const loss of losses) {
        // 1 回ごとの揺れをならすため、10 回の平均を描く。
        this.recent.push(loss);
        if (this.recent.length < 10) continue;
        this.loss.push(this.recent.reduce((sum, value) => sum + value, 0) / 10);
        this.recent = [];
      }
      this.step = step;
      this.finite = finite;
      await this.look();
      if (epoch === this.epoch && !this.back && step >= this.shape.steps) this.say(`学習が終わりました。「${still() ? '1 歩引く' : 'ノイズから作る'}」で試してください。`);
    }

    /** 章の学習率の予定は、終わりで 0 になる。そこから先へは進めない。 */
    ready() { return Boolean(this.shape) && this.step < this.shape.steps && this.finite; }

    async run() {
      this.halt();
      if (this.shape && this.step >= this.shape.steps) {
        this.say(`学習は、本の回数（${this.shape.steps} 回）で終わっています。続けるには「はじめから」を押してください。`);
        return;
      }
      await super.run();
      if (this.shape && this.walk?.step !== this.step) await this.look().catch(() => {});
    }

    // ---- 見る ----

    /** いま見ている時刻のようすを、部屋に尋ねて描く。待つあいだに学習し直されたら、やめる。 */
    async look() {
      const { epoch, digits } = this;
      const ask = async (what, details) => {
        const answer = await this.ask(what, details);
        return epoch === this.epoch ? answer : null;
      };
      const { t, w, digit, steps, fresh, seed, noise } = this.settings;
      const kind = digits ? { class: digit, guidance: w } : { guidance: 1 };
      if (this.back) {
        const old = this.walk && !this.stale;
        if (!old || (this.running ? this.step - this.walk.step >= FRESH : this.walk.step !== this.step)) {
          this.stale = false;
          const walk = await ask('walk', { ...kind, count: digits ? PICTURES : POINTS, steps, fresh, seed: seed + noise });
          if (!walk) return;
          this.walk = walk;
        }
      } else {
        const mix = await ask('mix', { ...kind, t, count: digits ? 1 : POINTS, from: this.from });
        if (!mix) return;
        this.mix = mix;
      }
      this.snap();
      if (digits || this.t === 0) this.field = null;
      else {
        const field = await ask('field', { t: this.t, cells: CELLS, extent: EXTENT });
        if (!field) return;
        this.field = field;
      }
      this.draw();
      this.judge();
    }

    /** いま見ている時刻 `t`。逆過程では、作り方が通る時刻のうち、つまみにいちばん近いもの。 */
    snap() {
      this.t = this.settings.t;
      if (this.back && this.walk) {
        const { times } = this.walk;
        const far = (at) => Math.abs(times[at] - this.settings.t);
        this.at = times.reduce((best, _, at) => (far(at) < far(best) ? at : best), 0);
        this.t = times[this.at];
      }
      this.timer.set(this.t);
    }

    async move(t) {
      this.halt();
      this.settings.t = t;
      if (this.shape) await this.look();
    }

    async face(way) {
      this.halt();
      this.settings.way = way;
      this.way.set(way);
      if (this.shape) await this.look();
    }

    /** 時刻を 1 歩動かす。引くのは逆過程、混ぜるのは順過程。 */
    async walkOne(by) {
      this.halt();
      this.pause();
      if (!this.shape) return;
      const way = by < 0 ? 'back' : 'forward';
      if (this.settings.way !== way) await this.face(way);
      if (!this.shape || (way === 'back' && !this.walk)) return; // 待つあいだに、学習し直された。
      const before = this.t;
      if (way === 'back') this.settings.t = this.walk.times[Math.min(this.at + 1, this.walk.times.length - 1)];
      else this.settings.t = Math.min(before + 1, this.shape.signal.length - 1);
      await this.look();
      if (this.shape) this.tell(before);
    }

    /** 1 歩で何をしたか。 */
    tell(before) {
      const { t, settings: { steps, fresh } } = this;
      if (t === before) {
        this.say(this.back ? '時刻 0 です。もう引くノイズはありません。' : '時刻 T です。信号は、ほとんど残っていません。');
        return;
      }
      const added = steps === 0 && fresh ? (t > 0 ? 'そこに、新しいノイズを足しました。' : '最後の 1 歩では、新しいノイズを足しません。') : '新しいノイズは足していません。';
      this.say(this.back
        ? `t = ${before} から ${t} へ: 当てたノイズを、少しだけ引きました。${added}`
        : `t = ${before} から ${t} へ: 信号を減らし、同じノイズを増やしました。ネットワークは、混ぜるのには使いません。`);
    }

    /** 始まりのノイズか、混ぜる絵を替える。 */
    another() {
      if (this.back) return this.remake({ noise: this.settings.noise + 1 });
      this.from += 1;
      return this.remake({});
    }

    /** T から 0 まで、続けて引く。 */
    async roll() {
      if (!this.shape) return;
      this.pause();
      this.settings.way = 'back';
      this.way.set('back');
      this.rolling = true;
      this.roller.textContent = '止める';
      try {
        if (!this.settings.fixed) {
          this.settings.noise += 1;
          this.stale = true;
        }
        this.settings.t = this.shape.signal.length - 1;
        await this.look();
        for (const t of this.walk.times) {
          if (!this.rolling) break;
          this.settings.t = t;
          await this.look();
          await new Promise((resume) => { setTimeout(resume, 2400 / this.walk.times.length); });
        }
        if (this.t === 0) this.say(`ノイズから、${this.walk.times.length - 1} 歩で作りました。${this.named}`);
      } catch { /* 何が起きたかは、ask がもう伝えた。 */ }
      this.halt();
    }

    halt() {
      this.rolling = false;
      this.roller.textContent = 'ノイズから作る';
    }

    pause() {
      super.pause();
      if (document.hidden) this.halt();
    }

    // ---- 名前を付ける ----

    judge() {
      const { t, settings: { data, time, steps, fresh, w, digit } } = this;
      const made = this.walk ?? {};
      const learned = this.step >= this.shape.steps / 2; // 半分より後なら、足りないのは学習ではない。
      const silent = steps === 0 && !fresh;
      let measured = '';
      if (made.modes !== undefined) measured = `作った点は、8 つの山のうち ${made.modes} つを覆い、${percent(made.inside)} が山の中。`;
      else if (made.distance !== undefined) measured = `作った点と本物との隔たり（エネルギー距離）は ${Math.max(made.distance, 0).toFixed(3)}。`;
      else if (made.read !== undefined) measured = `「${digit}」に読めたのは ${PICTURES} 枚のうち ${made.read} 枚、絵どうしの隔たりは本物の ${percent(made.diversity)}。${made.step === 0 ? '分類器は、字になっていない絵も、どれかの数字に読みます。' : ''}`;
      if (made.step !== undefined && made.step !== this.step) measured += `（${made.step} 回のとき）`;
      this.readout.textContent = `更新 ${this.step} 回（${this.shape.steps} 回まで）。t = ${t}。${measured}`;

      const reasons = [
        [!time, '時刻を渡していないので、どこまで消せばよいか分かりません'],
        [steps > 0, `${steps} 歩では、歩数が足りません`],
        [silent, '新しいノイズを足していないので、平均へ引き寄せられました'],
      ];
      const reason = reasons.find(([yes]) => yes)?.[1];
      const middle = !this.back && !this.digits && learned && t > 0 && size(this.mix.guess) < 0.5 * size(this.mix.clean);
      let name = '';
      if (!this.finite) name = '値があふれました（発散）。「はじめから」を押してください。';
      else if (this.back && made.step === 0) name = 'まだ何も学んでいないので、引いても本物になりません（枠の外へ出た点は描いていません）。「進める」で学習させてください。';
      else if (middle) name = 'どの点の見積もりも、真ん中に集まりました: ここまで混ぜると、どこから来たのか決められません。';
      else if (!this.back) name = '';
      else if (made.step !== this.step) name = this.named;
      else if (data === 'ring' && learned && reason && made.inside < 0.8) name = `山の外に散っています: ${reason}。`;
      else if (data === 'ring' && learned && silent && made.modes < 8) name = `8 つのうち ${made.modes} つしか覆っていません: ${reason}。`;
      else if (data === 'ring' && made.modes === 8 && made.inside >= 0.9) name = '8 つの山を、すべて覆っています。';
      else if (data !== 'ring' && learned && reason && made.distance > 0.02) name = `本物から離れています: ${reason}。`;
      else if (data !== 'ring' && made.distance <= 0.005) name = '作った点の散らばりは、本物とほとんど同じです。';
      else if (this.digits && learned && silent && made.diversity < 0.5) name = 'どの絵も、ほとんど同じです: 新しいノイズを足していないので、種類が減りました。';
      else if (this.digits && learned && w === 0 && made.read < 8) name = `条件を使っていないので、「${digit}」を頼んでも選べません。`;
      else if (this.digits && made.read >= 14) name = `頼んだ「${digit}」が、ほとんど読めます。`;
      if (name !== this.named) this.say(name);
      this.named = name;

      // 課題 2: 学習を変えずに山を失わせ、取り戻す。
      if (data === 'ring' && learned && time && made.step === this.step) {
        if (made.modes <= 6) this.lost = true;
        if (made.modes === 8 && made.inside >= 0.9 && this.lost) this.restored = true;
      }
      this.tasks.check({ made: { ...made, read: this.digits ? made.read : undefined }, settings: this.settings, restored: this.restored });
      const what = this.digits ? '手書き数字' : '平面の上の点';
      this.plane.setAttribute('aria-label', `${what}の${this.back ? '逆過程' : '順過程'}。${this.readout.textContent}${name}`);
    }

    // ---- 描く ----

    repaint() { this.draw(); }

    draw() {
      const paint = colors();
      this.plane.paint((context) => {
        if (this.digits) this.drawDigits(context, paint);
        else this.drawPoints(context, paint);
      });
      this.drawShares(paint);
      const dim = this.digits ? PIXELS * PIXELS : 2;
      this.losses.paint((context, width, height) => chart(context, width, height, {
        top: 1.2 * dim, mark: dim, marks: [0, dim / 2, dim], last: this.step ?? 0,
        lines: [{ name: '損失', color: paint.loss, values: this.loss?.values ?? [] }],
      }));
      this.losses.setAttribute('aria-label', `ノイズの 2 乗誤差の和。破線は、いつも 0 と答えたときの値 ${dim}。`);
      this.legend.replaceChildren(...(this.digits
        ? [this.back ? '上が作りかけの絵、下がその時点での元の絵の見積もり。どちらも同じ 16 枚です。' : '左から、本物、ノイズを混ぜた絵、ネットワークの見積もりです。']
        : [make('span', { class: 'lab-real' }, this.back ? '● 本物' : '● ノイズを混ぜた本物'), ' ',
          ...(this.back ? [make('span', { class: 'lab-fake' }, '● 作りかけの点'), ' '] : []),
          make('span', { class: 'lab-latent' }, '○ 元の点の見積もり x̂₀'), ' 橙の矢印は、その場所で当てたノイズを引く向きです。']));
    }

    /** 信号とノイズの割合。2 乗の和は、いつも 1。 */
    drawShares(paint) {
      const t = this.t ?? this.settings.t;
      const signal = this.shape?.signal[t] ?? 1;
      const noise = this.shape?.noise[t] ?? 0;
      this.shares.paint((context, width) => {
        context.font = '13px sans-serif';
        context.textBaseline = 'middle';
        context.textAlign = 'left';
        context.fillStyle = paint.muted;
        context.fillText(`t = ${t} で混ぜる割合（2 乗の和は 1）`, 0, 10);
        for (const [row, name, share, color] of [[0, '信号', signal, paint.real], [1, 'ノイズ', noise, paint.latent]]) {
          const y = 36 + 26 * row;
          context.textAlign = 'left';
          context.fillStyle = paint.ink;
          context.fillText(name, 0, y);
          context.strokeStyle = paint.rule;
          context.strokeRect(56, y - 9, width - 104, 18);
          context.fillStyle = color;
          context.fillRect(56, y - 9, (width - 104) * share, 18);
          context.fillStyle = paint.ink;
          context.textAlign = 'right';
          context.fillText(share.toFixed(2), width - 4, y);
        }
      });
      this.shares.setAttribute('aria-label', `時刻 ${t} で混ぜる割合: 信号 ${signal.toFixed(2)}、ノイズ ${noise.toFixed(2)}。`);
    }

    drawPoints(context, paint) {
      const at = (x, y) => [(x / EXTENT + 1) * SIDE / 2, (1 - y / EXTENT) * SIDE / 2];
      const dots = (points, color, radius, hollow) => {
        context.fillStyle = context.strokeStyle = color;
        for (let i = 0; i < points.length; i += 2) {
          const [x, y] = at(points[i], points[i + 1]);
          context.beginPath();
          context.arc(x, y, radius, 0, 2 * Math.PI);
          if (hollow) context.stroke();
          else context.fill();
        }
      };
      const part = (values) => values.subarray(2 * POINTS * this.at, 2 * POINTS * (this.at + 1));
      if (this.field && this.arrows) {
        context.strokeStyle = paint.generator;
        context.lineWidth = 1.5;
        const { arrows } = this.field;
        const cell = SIDE / CELLS;
        for (let i = 0; i < arrows.length; i += 2) {
          const x = ((i / 2) % CELLS + 0.5) * cell;
          const y = SIDE - (Math.floor(i / 2 / CELLS) + 0.5) * cell;
          // 1 より小さい答えは、そのぶん短く描く (章の図と同じ)。
          const length = Math.max(Math.hypot(arrows[i], arrows[i + 1]), 1);
          const [dx, dy] = [arrows[i] / length * cell * 0.7, -arrows[i + 1] / length * cell * 0.7];
          context.beginPath();
          context.moveTo(x, y);
          context.lineTo(x + dx, y + dy);
          for (const side of [1, -1]) {
            context.moveTo(x + dx, y + dy);
            context.lineTo(x + 0.65 * dx - 0.25 * side * dy, y + 0.65 * dy + 0.25 * side * dx);
          }
          context.stroke();
        }
        context.lineWidth = 1;
      }
      if (this.back && this.walk) {
        context.globalAlpha = 0.35;
        dots(this.real, paint.real, 2);
        context.globalAlpha = 1;
        if (this.guesses && this.t > 0) dots(part(this.walk.guesses), paint.latent, 2.5, true);
        dots(part(this.walk.states), paint.fake, 2.5);
      } else if (!this.back && this.mix) {
        dots(this.mix.mixed, paint.real, 2.5);
        if (this.guesses && this.t > 0) dots(this.mix.guess, paint.latent, 2.5, true);
      }
      if (this.settings.data === 'drawn') dots(this.drawn.flat(), paint.real, 5);
    }

    drawDigits(context, paint) {
      context.textBaseline = 'alphabetic';
      context.fillStyle = paint.ink;
      const dim = PIXELS * PIXELS;
      context.font = '14px sans-serif';
      if (!(this.back ? this.walk : this.mix)) return;
      if (!this.back) {
        [['本物 x₀', this.mix.clean, paint.real], [`混ぜた絵 xₜ`, this.mix.mixed, paint.latent], ['見積もり x̂₀', this.mix.guess, paint.fake]]
          .forEach(([name, pixels, color], at) => {
            context.textAlign = 'center';
            context.fillText(name, 70 + 140 * at, 110);
            this.stamp(context, pixels, 10 + 140 * at, 124, 120, color);
            context.fillStyle = paint.ink;
          });
        context.fillText('→ ノイズを混ぜる', 140, 280);
        context.fillText('→ 当てて、引く', 280, 280);
        return;
      }
      const grid = (name, values, color, top) => {
        context.fillStyle = paint.ink;
        context.textAlign = 'left';
        context.fillText(name, 10, top);
        for (let index = 0; index < PICTURES; index++) {
          const from = dim * (PICTURES * this.at + index);
          this.stamp(context, values.subarray(from, from + dim), 12 + 50 * (index % 8), top + 12 + 54 * Math.floor(index / 8), 44, color);
        }
      };
      grid(`作りかけの絵 xₜ（t = ${this.t}）`, this.walk.states, paint.fake, 60);
      grid('その時点での、元の絵の見積もり x̂₀', this.walk.guesses, paint.latent, 240);
    }

    // ---- 自分で描く点 ----

    dot(event) {
      if (this.settings.data === 'drawn') this.place([this.plane.spot(event, EXTENT)]);
    }

    example() {
      this.drawn = [];
      this.place(EXAMPLE);
    }

    place(points) {
      this.halt();
      this.pause();
      this.drawn.push(...points);
      this.epoch += 1; // 待っている答えは、もう使わない。
      this.shape = this.field = null;
      this.readout.textContent = '';
      this.draw();
      this.say(`点が ${this.drawn.length} 個になりました。「進める」を押すと、この点を本物として学習します。`);
    }
  }

  benches.diffusion = async (box) => {
    const bench = new DiffusionBench(box, await openRoom());
    await bench.restart();
    return bench;
  };
})();
