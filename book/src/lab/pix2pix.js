// 第5章の台: 指で書いた字か、取り置いた字を、三つの学習の生成器で明朝体に書き直す。識別器の答えのマップも見る。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, choice, canvas, colors, picture, parts, whole, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 32;
  const LARGE = 256; // マップを重ねる絵の一辺 (画面の点)
  const RUNS = ['L1 と GAN の両方', 'L1 だけ', 'スキップ結合なし'];
  const PEN = 1.7; // 太字のゴシック体の、線の半分の太さ (画素)
  const STROKE = 5; // これより長い線を、1 画と数える (画素)
  const BOOK = { glyph: 7, seed: 0, judge: 'fake' };

  class Pix2PixBench extends Bench {
    constructor(box, room) {
      super('pix2pix', room);
      this.settings = { ...BOOK };
      this.link = shared('pix2pix', this.settings);
      this.settings.seed = whole(this.settings.seed, 0, 1e9);
      if (this.settings.judge !== 'real') this.settings.judge = 'fake';
      this.cell = [4, 4];
      this.build(box);
    }

    build(box) {
      this.pad = picture(SIDE, { class: 'lab-large lab-pad', 'aria-label': '字を書く欄。取り置いた字は、下の「字」で選べます' });
      this.truth = picture(SIDE);
      this.truthBox = make('figure', {}, this.truth, make('figcaption', {}, '正解の明朝体'));
      this.outputs = RUNS.map(() => picture(SIDE));
      this.scores = RUNS.map(() => make('p', { class: 'lab-score' }));
      const rows = RUNS.map((name, at) => make('div', { class: 'lab-run' },
        make('div', {}, make('p', { class: 'lab-run-name' }, name), this.scores[at]),
        make('figure', {}, this.outputs[at], make('figcaption', {}, at === 2 ? '近道を切った U-Net' : 'U-Net の出力'))));
      this.map = canvas(LARGE, LARGE, { class: 'lab-plane', tabindex: '0' });
      this.readout = make('p', { class: 'lab-readout' });
      this.controls = {
        glyph: choice('字', [['own', '自分で書く']], 'own', (glyph) => (glyph === 'own' ? this.wipe() : this.choose({ glyph: Number(glyph) }))),
        judge: choice('識別器に見せる絵', [['fake', '「両方」の出力'], ['real', '正解（取り置いた字のとき）']], this.settings.judge, (judge) => this.set({ judge })),
      };
      this.tasks = tasks([
        { text: '線が 3 画以上の字を書いて、明朝体にしてもらう', reached: ({ own, strokes }) => own && strokes >= 3 },
        { text: '取り置いた字で、L1 だけの出力が、両方より鮮明でない（ぼけている）ことを確かめる', reached: ({ own, chosen, scores }) => !own && chosen && scores[1][2] < scores[0][2] },
        { text: '識別器のマップのマスを押し、画像の外まで見ているマスを見つける', reached: ({ pressed, outside }) => pressed && outside },
      ]);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {},
            make('div', { class: 'lab-pictures' }, make('figure', {}, this.pad, make('figcaption', {}, '入力（指で書けます）')), this.truthBox),
            make('div', { class: 'lab-controls' }, this.controls.glyph),
            make('div', { class: 'lab-buttons' }, button('書いた字を消す', () => this.wipe()), button('ノイズを引き直す', () => this.choose({ seed: this.settings.seed + 1 })))),
          make('div', { class: 'lab-side' }, ...rows, this.news)),
        make('p', { class: 'lab-heading' }, '識別器の答えのマップ'),
        make('div', { class: 'lab-stage' },
          make('div', {}, this.map, make('p', { class: 'lab-legend' }, 'マスの色が青いほど本物らしい、朱いほど偽物らしいという答えです。マスを押すと、そのマスが見ている範囲（受容野）が緑の枠で出ます。矢印キーでも動かせます。')),
          make('div', { class: 'lab-side' }, make('div', { class: 'lab-controls' }, this.controls.judge), this.readout)),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: L1 は形を合わせますが、答えが一つに決まらないとぼけます。GAN の項は線をはっきりさせます。線の位置を運ぶのは、U-Net のスキップ結合です。'));
      this.settle(box);
      this.pad.addEventListener('pointerdown', (event) => {
        this.pad.setPointerCapture(event.pointerId);
        if (!this.own) this.wipe();
        this.last = null;
        this.long = 0;
        this.ink(event);
      });
      this.pad.addEventListener('pointermove', (event) => { if (this.pad.hasPointerCapture(event.pointerId)) this.ink(event); });
      this.map.addEventListener('pointerdown', (event) => this.point(event));
      this.map.addEventListener('keydown', (event) => this.key(event));
    }

    /** 取り置いた字と、受容野の大きさを受け取る。 */
    receive({ characters, field, x, y }) {
      const names = [...characters];
      this.field = field;
      this.x = parts(x, names.length);
      this.y = parts(y, names.length);
      this.names = names;
      const select = this.controls.glyph.querySelector('select');
      select.append(...names.map((name, at) => make('option', { value: at }, `${name}（取り置いた字）`)));
      this.settings.glyph = whole(this.settings.glyph, 0, names.length - 1);
      const middle = Math.floor(field.side / 2);
      this.cell = [middle, middle];
    }

    /** 読者が、字かノイズを選んだ。 */
    choose(next) {
      this.chosen ||= !this.own || 'glyph' in next;
      return this.set(next);
    }

    set(next) {
      Object.assign(this.settings, next);
      if ('glyph' in next) this.own = null;
      this.controls.glyph.set(this.own ? 'own' : String(this.settings.glyph));
      // 自分で書いた字に、正解は無い。
      this.controls.judge.querySelector('[value=real]').disabled = Boolean(this.own);
      this.controls.judge.set(this.own ? 'fake' : this.settings.judge);
      return this.follow(() => this.look());
    }

    async look() {
      const { glyph, seed } = this.settings;
      const own = Boolean(this.own);
      this.view = await this.ask('look', own ? { pixels: [...this.own], seed } : { index: glyph, seed });
      this.pad.show(own ? this.own : this.x[glyph]);
      this.truthBox.hidden = own;
      if (!own) this.truth.show(this.y[glyph]);
      this.truth.setAttribute('aria-label', `「${this.names[glyph]}」の明朝体`);
      this.drawn = parts(this.view.outputs, RUNS.length);
      this.drawn.forEach((pixels, at) => {
        const [l1, ssim, sharpness] = this.view.scores[at];
        this.outputs[at].show(pixels);
        this.outputs[at].setAttribute('aria-label', `${RUNS[at]}: 明朝体への変換`);
        this.scores[at].textContent = own ? `鮮明さ ${sharpness.toFixed(3)}` : `L1 ${l1.toFixed(3)}、SSIM ${ssim.toFixed(2)}、鮮明さ ${sharpness.toFixed(3)}`;
      });
      const sharp = this.view.scores.map((score) => score[2]);
      const blurred = sharp[1] < 0.9 * sharp[0];
      const lost = !own && this.view.scores[2][1] < 0.3 ? `スキップ結合を切ると、線の位置が伝わりません（SSIM ${this.view.scores[2][1].toFixed(2)}）。` : '';
      this.say(own && this.strokes === 0 ? '左の欄に、太い線で字を書いてください。'
        : blurred ? `L1 だけの鮮明さは、両方の ${Math.round(100 * sharp[1] / sharp[0])} %: ぼけています。${lost}` : lost);
      this.draw();
    }

    repaint() { if (this.view) this.draw(); }

    /** マップの答えと、選んだマスの受容野。 */
    draw() {
      const { side, reach, start, jump } = this.field;
      const paint = colors();
      const real = this.settings.judge === 'real' && !this.own;
      const map = real ? this.view.real : this.view.map;
      const shown = real ? this.y[this.settings.glyph] : this.drawn[0];
      const scale = LARGE / SIDE;
      const [row, column] = this.cell;
      const left = start + jump * column;
      const top = start + jump * row;
      this.map.paint((context) => {
        shown.forEach((value, at) => {
          const shade = Math.round(127.5 * (1 - value));
          context.fillStyle = `rgb(${shade} ${shade} ${shade})`;
          context.fillRect((at % SIDE) * scale, Math.floor(at / SIDE) * scale, scale + 0.5, scale + 0.5);
        });
        const wide = LARGE / side;
        map.forEach((answer, at) => {
          context.fillStyle = answer > 0.5 ? paint.real : paint.fake;
          context.globalAlpha = Math.min(Math.abs(answer - 0.5) * 1.2, 0.6);
          context.fillRect((at % side) * wide, Math.floor(at / side) * wide, wide, wide);
        });
        context.globalAlpha = 1;
        context.strokeStyle = paint.ink;
        context.lineWidth = 2;
        context.strokeRect(column * wide + 1, row * wide + 1, wide - 2, wide - 2);
        context.strokeStyle = paint.discriminator;
        context.lineWidth = 5;
        context.strokeRect(left * scale, top * scale, reach * scale, reach * scale);
      });
      const seen = (from) => `${Math.max(from, 0) + 1}〜${Math.min(from + reach, SIDE)}`;
      const outside = left < 0 || top < 0 || left + reach > SIDE || top + reach > SIDE;
      const mean = map.reduce((sum, value) => sum + value / map.length, 0);
      this.readout.textContent = `マップは ${side}×${side}。上から ${row + 1}、左から ${column + 1} のマスの答えは ${map[row * side + column].toFixed(2)}（平均 ${mean.toFixed(2)}）。見ているのは ${reach}×${reach} 画素で、縦 ${seen(top)}、横 ${seen(left)} 画素目${outside ? 'と、画像の外の余白' : ''}です。${real ? '取り置いた字は学習で見ていないので、正解でも低く答えることがあります。' : ''}`;
      this.map.setAttribute('aria-label', `識別器の答えのマップ。矢印キーでマスを選びます。${this.readout.textContent}`);
      this.tasks.check({ own: Boolean(this.own), chosen: this.chosen, strokes: this.strokes, scores: this.view.scores, pressed: this.pressed, outside });
    }

    point(event) {
      const frame = this.map.getBoundingClientRect();
      const at = (from, size) => Math.min(Math.max(Math.floor(from / size * this.field.side), 0), this.field.side - 1);
      this.select([at(event.clientY - frame.top, frame.height), at(event.clientX - frame.left, frame.width)]);
    }

    key(event) {
      const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in ways)) return;
      event.preventDefault();
      this.select(this.cell.map((value, axis) => Math.min(Math.max(value + ways[event.key][axis], 0), this.field.side - 1)));
    }

    select(cell) {
      this.cell = cell;
      this.pressed = true;
      this.draw();
    }

    // ---- 指で書く ----

    wipe() {
      this.own = new Float32Array(SIDE * SIDE).fill(-1);
      this.strokes = 0;
      return this.set({});
    }

    /** 前の点から今の点まで、太い線を引く。 */
    ink(event) {
      const frame = this.pad.getBoundingClientRect();
      const now = [(event.clientX - frame.left) / frame.width * SIDE, (event.clientY - frame.top) / frame.height * SIDE];
      const [fromX, fromY] = this.last ?? now;
      const [dx, dy] = [now[0] - fromX, now[1] - fromY];
      const long = dx * dx + dy * dy;
      for (let index = 0; index < this.own.length; index++) {
        const [x, y] = [index % SIDE + 0.5, Math.floor(index / SIDE) + 0.5];
        const along = long ? Math.min(Math.max(((x - fromX) * dx + (y - fromY) * dy) / long, 0), 1) : 0;
        const distance = Math.hypot(fromX + along * dx - x, fromY + along * dy - y);
        this.own[index] = Math.max(this.own[index], Math.min(Math.max(2 * (PEN - distance), -1), 1));
      }
      this.last = now;
      // 点を打っただけでは、1 画と数えない。
      const before = this.long;
      this.long += Math.sqrt(long);
      if (before < STROKE && this.long >= STROKE) this.strokes += 1;
      this.pad.show(this.own);
      this.set({});
    }
  }

  benches.pix2pix = async (box) => {
    const bench = new Pix2PixBench(box, await openRoom());
    bench.receive(await bench.begin());
    await bench.set({});
    return bench;
  };
})();
