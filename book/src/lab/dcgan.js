// 第4章の台: 学習を終えた DCGAN に新しい漢字を描かせ、潜在空間を歩き、z を動かして、遠くで壊す。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, picture, parts, whole, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 32;
  const COUNT = 12; // 一度に描かせる字
  const STEPS = 11; // 歩く絵の数。両端を含む
  const AXES = [0, 1, 2]; // つまみを付ける z の座標
  const BOOK = { seed: 1, from: 0, to: 1, step: 0, thick: 0, axis0: 0, axis1: 0, axis2: 0, length: 1 };
  const FAR = 2.5; // くじではまず出ない遠さ

  const steps = (from, to, width) => Array.from({ length: Math.round((to - from) / width) + 1 }, (_, at) => Number((from + at * width).toFixed(2)));
  const THICK = steps(-2, 2, 0.25);
  const AXIS = steps(-3, 3, 0.5);
  const LENGTH = steps(0, 4, 0.25);
  /** リンクの値を、いちばん近い目盛りに直す。 */
  const onto = (values, value) => values.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
  const signed = (value) => (value > 0 ? `+${value}` : String(value).replace('-', '−'));

  class DcganBench extends Bench {
    constructor(box, room) {
      super('dcgan', room);
      this.settings = { ...BOOK };
      this.link = shared('dcgan', this.settings);
      const { seed, from, to, step, thick, length } = this.settings;
      Object.assign(this.settings, { seed: whole(seed, 0, 1e9), from: whole(from, 0, COUNT - 1), to: whole(to, 0, COUNT - 1), step: whole(step, 0, STEPS - 1), thick: onto(THICK, thick), length: onto(LENGTH, length) });
      for (const axis of AXES) this.settings[`axis${axis}`] = onto(AXIS, this.settings[`axis${axis}`]);
      this.walked = new Set();
      this.turn = 'from';
      this.build(box);
    }

    build(box) {
      this.kanji = Array.from({ length: COUNT }, (_, at) => {
        const cell = button('', () => this.choose(at), { class: 'lab-cell' });
        cell.picture = picture(SIDE, { 'aria-hidden': 'true' });
        cell.append(cell.picture);
        return cell;
      });
      const grid = make('div', { class: 'lab-cells', role: 'group', 'aria-label': '新しい字。押した字から、次に押した字へ歩きます' }, ...this.kanji);
      this.picture = picture(SIDE, { class: 'lab-large lab-framed' });
      const strip = (name) => Array.from({ length: STEPS }, () => picture(SIDE, { 'aria-hidden': 'true', class: name }));
      this.walk = strip('lab-small');
      this.mixed = strip('lab-small');
      const row = (name, pictures) => make('div', { class: 'lab-strip', role: 'img', 'aria-label': name }, make('span', {}, name), make('span', { class: 'lab-row' }, ...pictures));
      this.readout = make('p', { class: 'lab-readout' });
      this.controls = {
        step: slider('2 字の間', steps(0, STEPS - 1, 1), this.settings.step, (step) => `${step} / ${STEPS - 1}`, (step) => this.set({ step })),
        thick: slider('太さの向き a − b', THICK, this.settings.thick, (value) => `${signed(value)} 倍`, (thick) => this.set({ thick })),
        ...Object.fromEntries(AXES.map((axis) => [`axis${axis}`, slider(`z の ${axis + 1} 番目`, AXIS, this.settings[`axis${axis}`], signed, (value) => this.set({ [`axis${axis}`]: value }))])),
        length: slider('z を引き延ばす', LENGTH, this.settings.length, (value) => `${value} 倍`, (length) => this.set({ length })),
      };
      this.tasks = tasks([
        { text: '二つの字を選び、端から端まで歩く（どの途中も、一枚の絵になっているか）', reached: ({ walked }) => [0, STEPS - 1].every((end) => walked.has(end)) && walked.size >= 6 },
        { text: '太さの向きへ動かして、同じ字の線を 1.1 倍に太くする（はじめから太い字では届きません）', reached: ({ moved, thicker, settings }) => moved && settings.thick > 0 && settings.length === 1 && thicker >= 1.1 },
        { text: `z を遠く（くじの ${FAR} 倍以上）へ引き延ばして、字を壊す`, reached: ({ moved, far }) => moved && far >= FAR },
      ]);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {}, make('p', { class: 'lab-legend' }, '新しい字。一つ押すと出発の字（太い枠）、次に押すと着く字（破線の枠）になります。'), grid,
            make('div', { class: 'lab-buttons' }, button('新しい字を引く', () => this.draw(this.settings.seed + 1)), button('つまみを戻す', () => this.set({ step: 0, thick: 0, axis0: 0, axis1: 0, axis2: 0, length: 1 })))),
          make('div', { class: 'lab-side' }, make('div', { class: 'lab-pictures' }, make('figure', {}, this.picture, make('figcaption', {}, 'いまの z の字'))), this.readout, this.news)),
        row('z を歩く', this.walk), row('画素を混ぜる', this.mixed),
        make('div', { class: 'lab-controls' }, ...Object.values(this.controls)),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: 生成に要るのは、生成器と z だけです。z を少しずつ動かすと字が少しずつ変わりますが、くじから出ない遠さの z は、学習で一度も試されていません。'));
      this.settle(box);
    }

    /** 新しいくじ。前の二字の番号は、そのままの場所の新しい字になる。 */
    async draw(seed) {
      Object.assign(this.settings, { seed });
      this.walked.clear();
      const { pixels, z } = await this.ask('draw', { seed, count: COUNT });
      parts(pixels, COUNT).forEach((pixels, at) => this.kanji[at].picture.show(pixels));
      this.z = parts(z, COUNT);
      await this.path();
    }

    /** 押した字を、出発の字、着く字の順に選ぶ。 */
    async choose(at) {
      Object.assign(this.settings, this.turn === 'from' ? { from: at, step: 0 } : { to: at });
      this.turn = this.turn === 'from' ? 'to' : 'from';
      this.walked.clear();
      await this.path();
    }

    /** 二字の間の絵。 */
    async path() {
      const { from, to } = this.settings;
      this.kanji.forEach((cell, at) => {
        cell.classList.toggle('lab-from', at === from);
        cell.classList.toggle('lab-to', at === to);
        const role = [at === from ? '出発の字' : '', at === to ? '着く字' : ''].filter(Boolean).join('・');
        cell.setAttribute('aria-label', `${at + 1} 番目の字${role && `（${role}）`}`);
        cell.setAttribute('aria-pressed', String(at === from || at === to));
      });
      const { z, pixels, mixed } = await this.ask('walk', { from: [...this.z[from]], to: [...this.z[to]], steps: STEPS });
      this.places = parts(z, STEPS);
      parts(pixels, STEPS).forEach((pixels, at) => this.walk[at].show(pixels));
      parts(mixed, STEPS).forEach((pixels, at) => this.mixed[at].show(pixels));
      await this.set({});
    }

    /** つまみを動かす。 */
    set(next) {
      this.moved ||= Object.keys(next).length > 0;
      Object.assign(this.settings, next);
      for (const [name, control] of Object.entries(this.controls)) control.set(this.settings[name]);
      return this.follow(() => this.look());
    }

    async look() {
      const { step, thick, length } = this.settings;
      const axes = AXES.map((axis) => [axis, this.settings[`axis${axis}`]]);
      const z = [...this.places[step]];
      const plain = await this.ask('move', { z, thick: 0, axes, length });
      this.now = thick ? await this.ask('move', { z, thick, axes, length }) : plain;
      this.picture.show(this.now.pixels);
      this.walk.forEach((small, at) => small.classList.toggle('lab-here', at === step));
      this.walked.add(step);
      const thicker = this.now.thickness / Math.max(plain.thickness, 1e-6);
      const { far } = this.now;
      this.readout.textContent = `z の長さはくじの ${far.toFixed(2)} 倍。線の太さは、太さの向きを足さないときの ${thicker.toFixed(2)} 倍。`;
      this.say(far >= FAR ? 'くじからは出ない遠さの z です: 線が乱れても、生成器は気付きません。'
        : far < 0.3 ? 'z が 0 に近すぎます: くじからはまず出ない、真ん中の字です。' : '');
      this.picture.setAttribute('aria-label', `いまの z から描いた字。${this.readout.textContent}`);
      this.tasks.check({ walked: this.walked, moved: this.moved, thicker, far, settings: this.settings });
    }
  }

  benches.dcgan = async (box) => {
    const bench = new DcganBench(box, await openRoom());
    await bench.begin();
    await bench.draw(bench.settings.seed);
    return bench;
  };
})();
