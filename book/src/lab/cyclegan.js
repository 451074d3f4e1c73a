// 第6章の台: 場面を動かすか自分の写真を選び、浮世絵へ訳し、写真へ訳し戻す。損失を外した学習と並べる。
(() => {
  'use strict';

  const { benches, Bench, openRoom, make, button, slider, choice, picture, parts, whole, tasks, shared, shareButton } = window.workbookLab;

  const SIDE = 32;
  const RUNS = ['標準（三つの損失）', '恒等損失を外す', 'サイクル損失も外す（敵対的だけ）'];
  const BOOK = { direction: 'xy', scene: 3, sun: 0.7, sun_height: 0.6, peak: 0.4, top: 0.6, horizon: 0.5 };
  const PLACE = ['sun', 'sun_height', 'peak', 'top', 'horizon'];
  const TENTHS = Array.from({ length: 21 }, (_, at) => at / 20);

  const percent = (value) => `${Math.round(100 * value)} %`;

  class CycleGanBench extends Bench {
    constructor(box, room) {
      super('cyclegan', room);
      this.settings = { ...BOOK };
      this.link = shared('cyclegan', this.settings);
      this.settings.scene = whole(this.settings.scene, 0, 1e9);
      for (const key of PLACE) this.settings[key] = whole(20 * this.settings[key], 0, 20) / 20; // つまみの目盛りに直す。
      if (this.settings.direction !== 'yx') this.settings.direction = 'xy';
      this.directions = new Set();
      this.build(box);
    }

    build(box) {
      this.input = picture(SIDE, { class: 'lab-large' });
      this.truth = picture(SIDE, { class: 'lab-large' });
      this.truthBox = make('figure', {}, this.truth, make('figcaption', {}, '本当のペア（答え合わせ用）'));
      this.there = RUNS.map(() => picture(SIDE));
      this.back = RUNS.map(() => picture(SIDE));
      this.scores = RUNS.map(() => make('p', { class: 'lab-score' }));
      const rows = RUNS.map((name, at) => make('div', { class: 'lab-run' },
        make('div', {}, make('p', { class: 'lab-run-name' }, name), this.scores[at]),
        make('div', { class: 'lab-pictures' },
          make('figure', {}, this.there[at], make('figcaption', {}, '変換')),
          make('figure', {}, this.back[at], make('figcaption', {}, '戻り')))));
      this.readout = make('p', { class: 'lab-readout' });
      const file = make('input', { type: 'file', accept: 'image/*' });
      file.addEventListener('change', () => this.read(file));
      const place = (name, key) => slider(name, TENTHS, this.settings[key], percent, (value) => this.set({ [key]: value }));
      this.controls = {
        direction: choice('向き', [['xy', '写真 → 浮世絵'], ['yx', '浮世絵 → 写真']], this.settings.direction, (direction) => this.set({ direction })),
        sun: place('日の位置（左〜右）', 'sun'),
        sun_height: place('日の高さ', 'sun_height'),
        peak: place('山の位置（左〜右）', 'peak'),
        top: place('山の高さ', 'top'),
        horizon: place('海の広さ（水平線）', 'horizon'),
      };
      this.tasks = tasks([
        { text: '日や山を動かして、標準の変換が本当のペアに近い場面（SSIM 0.75 以上）を見つける', reached: ({ moved, likeness }) => moved && Number(likeness[0].toFixed(2)) >= 0.75 },
        { text: 'サイクル損失を外すと、戻りの差が標準の 2 倍以上になることを確かめる', reached: ({ moved, differences }) => moved && differences[2] >= 2 * differences[0] },
        { text: '逆の向きにするか、自分の写真を入れる', reached: ({ directions, own }) => directions.size === 2 || own },
      ]);
      box.append(
        make('div', { class: 'lab-stage' },
          make('div', {},
            make('div', { class: 'lab-pictures' }, make('figure', {}, this.input, make('figcaption', {}, '入力')), this.truthBox),
            make('div', { class: 'lab-controls' }, ...Object.values(this.controls)),
            make('div', { class: 'lab-buttons' }, button('雲・木・舟を替える', () => this.set({ scene: this.settings.scene + 1 })), button('場面に戻す', () => this.scene())),
            make('label', { class: 'lab-choice' }, make('span', {}, '自分の写真'), file),
            make('p', { class: 'lab-legend' }, '写真は、このページの中で 32×32 画素に縮めて使います。どこにも送りません。')),
          make('div', { class: 'lab-side' }, ...rows, this.readout, this.news)),
        make('p', { class: 'lab-heading' }, 'やってみよう'), this.tasks,
        shareButton(this.link, (text) => this.say(text)),
        make('p', { class: 'lab-remember' }, '覚えておくこと: 敵対的損失だけでは、「浮世絵らしい」絵になっても、元の絵に戻れるとは限りません。中身を残すのが、サイクル一貫性損失です。'));
      this.settle(box);
    }

    /** 場面か向きを替える。動かした場面は、写真の代わりに使う。 */
    set(next) {
      if (PLACE.some((key) => key in next) || 'scene' in next) this.photo = null;
      this.moved ||= PLACE.some((key) => key in next);
      Object.assign(this.settings, next);
      for (const [name, control] of Object.entries(this.controls)) control.set(this.settings[name]);
      return this.follow(() => this.look());
    }

    scene() {
      this.photo = null;
      return this.follow(() => this.look());
    }

    /** 読者の写真を、真ん中の正方形に切って、縮める。 */
    async read(file) {
      if (!file.files.length) return;
      try {
        const whole = await createImageBitmap(file.files[0]);
        const side = Math.min(whole.width, whole.height);
        let now = make('canvas', { width: side, height: side });
        now.getContext('2d').drawImage(whole, (whole.width - side) / 2, (whole.height - side) / 2, side, side, 0, 0, side, side);
        // 一度に縮めると、細かな模様が点になって残る。半分ずつ縮める。
        while (now.width > SIDE) {
          const half = Math.max(SIDE, Math.floor(now.width / 2));
          const next = make('canvas', { width: half, height: half });
          next.getContext('2d').drawImage(now, 0, 0, half, half);
          now = next;
        }
        const small = make('canvas', { width: SIDE, height: SIDE }).getContext('2d');
        small.drawImage(now, 0, 0, SIDE, SIDE);
        const { data } = small.getImageData(0, 0, SIDE, SIDE);
        const area = SIDE * SIDE;
        this.photo = Array.from({ length: 3 * area }, (_, at) => data[4 * (at % area) + Math.floor(at / area)] / 127.5 - 1);
      } catch {
        this.say('この写真は開けませんでした。JPEG か PNG の写真を選んでください。');
        return;
      }
      await this.follow(() => this.look());
    }

    async look() {
      const { direction, scene: seed, ...rest } = this.settings;
      const place = Object.fromEntries(PLACE.map((key) => [key, rest[key]]));
      const own = Boolean(this.photo);
      const details = own ? { direction, pixels: this.photo } : { direction, scene: { seed, ...place } };
      const view = await this.ask('look', details);
      this.view = view;
      this.input.show(view.input);
      this.truthBox.hidden = own;
      if (!own) this.truth.show(view.truth);
      parts(view.there, RUNS.length).forEach((pixels, at) => this.there[at].show(pixels));
      parts(view.back, RUNS.length).forEach((pixels, at) => this.back[at].show(pixels));
      const to = direction === 'xy' ? '浮世絵' : '写真';
      RUNS.forEach((name, at) => {
        const near = own ? '' : `本当のペアとの SSIM ${view.likeness[at].toFixed(2)}、`;
        this.scores[at].textContent = `${near}戻りの差 ${view.differences[at].toFixed(3)}`;
        this.there[at].setAttribute('aria-label', `${name}: ${to}風への変換`);
        this.back[at].setAttribute('aria-label', `${name}: 元の画風への戻り`);
      });
      this.input.setAttribute('aria-label', own ? '選んだ写真' : `${direction === 'xy' ? '写真' : '浮世絵'}風の場面`);
      this.truth.setAttribute('aria-label', `同じ場面を、はじめから${to}風に描いたもの`);
      this.directions.add(direction);
      this.readout.textContent = own
        ? '本当のペアは分かりません。学習に使った風景とかけ離れた写真では、どの学習も崩れます。'
        : `何も変えないときの、本当のペアとの SSIM は ${view.before.toFixed(2)}。`;
      const [standard, , alone] = view.differences;
      this.say(alone >= 2 * standard ? `サイクル損失を外した学習は、戻しても元と ${alone.toFixed(2)} 離れています（標準の ${(alone / standard).toFixed(1)} 倍）: 中身が失われました。` : '');
      this.tasks.check({ moved: this.moved, likeness: own ? [0] : view.likeness, differences: view.differences, directions: this.directions, own });
    }
  }

  benches.cyclegan = async (box) => {
    const bench = new CycleGanBench(box, await openRoom());
    await bench.begin();
    await bench.look();
    return bench;
  };
})();
