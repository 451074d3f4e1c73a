// 第3章の台: 本物と偽物の二つの山を動かし、最良の識別器 D*、V(D*, G)、JSD を見る。
// 式は、第3章の理論のページと同じもの。値が連続なので、和は積分 (台形則) になる。
(() => {
  'use strict';

  const { benches, FormulaBench, Plot, shape, drawing, drag, number, range } = window.workbookLab;

  const BOOK = { real: 1, fake: -1, spread_real: 1, spread_fake: 1, mix: 0 };
  const [WIDTH, HEIGHT] = [360, 338];
  const EDGE = 20; // これより外の密度は 0 とみなせる。

  const log_normal = (x, mean, spread) => -0.5 * ((x - mean) / spread) ** 2 - Math.log(spread) - 0.5 * Math.log(2 * Math.PI);
  /** log(e^a + e^b)。大きいほうをくくり出し、あふれさせない。 */
  const log_sum = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

  /** 二つの密度の対数。偽物には、`mix` の割合だけ本物と同じものが混ざる。 */
  function densities({ real, fake, spread_real, spread_fake, mix }) {
    const data = (x) => log_normal(x, real, spread_real);
    const own = (x) => log_normal(x, fake, spread_fake);
    const generated = mix === 0 ? own : (x) => log_sum(Math.log(1 - mix) + own(x), Math.log(mix) + data(x));
    return { data, generated: mix === 1 ? data : generated };
  }

  /** D* = p_data / (p_data + p_g)。 */
  const best = ({ data, generated }) => (x) => 1 / (1 + Math.exp(generated(x) - data(x)));

  function integrate(f, step) {
    let sum = 0;
    for (let x = -EDGE; x <= EDGE; x += step) sum += f(x);
    return sum * step;
  }

  /** V(D*, G) = E_data[log D*] + E_g[log(1 − D*)]。 */
  function value({ data, generated }, step = 0.05) {
    return integrate((x) => {
      const [p, q] = [data(x), generated(x)];
      return Math.exp(p) * (p - log_sum(p, q)) + Math.exp(q) * (q - log_sum(p, q));
    }, step);
  }

  /** JSD: 真ん中の分布 m = (p + q)/2 との KL の平均。 */
  function jsd({ data, generated }, step = 0.05) {
    return integrate((x) => {
      const [p, q] = [data(x), generated(x)];
      const m = log_sum(p, q) - Math.LN2;
      return 0.5 * Math.exp(p) * (p - m) + 0.5 * Math.exp(q) * (q - m);
    }, step);
  }

  class HillsBench extends FormulaBench {
    constructor(box) {
      const place = { values: range(-4, 4, 0.1), show: (v) => number(v, 1) };
      const spread = { values: range(0.3, 2.5, 0.1), show: (v) => number(v, 1) };
      super('hills', BOOK, {
        real: { name: '本物の中心', ...place },
        fake: { name: '偽物の中心', ...place },
        spread_real: { name: '本物の広がり σ', ...spread },
        spread_fake: { name: '偽物の広がり σ', ...spread },
        mix: { name: '偽物に混ざる本物', values: range(0, 1, 0.05), show: (v) => `${Math.round(100 * v)} %` },
      });
      this.picture = drawing(WIDTH, HEIGHT, { class: 'lab-drawing lab-slide' });
      this.way = drawing(WIDTH, 200);
      // 押した所に中心の近いほうの山を、つかんで動かす。
      drag(this.picture,
        ([x]) => {
          const { real, fake } = this.settings;
          return Math.abs(this.plane.px(real) - x) < Math.abs(this.plane.px(fake) - x) ? 'real' : 'fake';
        },
        (who, [x]) => {
          const { at, x: [from, to] } = this.plane;
          const place_at = from + (x - at[0]) / at[2] * (to - from);
          this.change({ [who]: Number(Math.min(Math.max(place_at, -4), 4).toFixed(1)) });
        });
      this.lay(box, {
        picture: this.picture,
        legend: ['山は、つかんで左右に動かせます。下の段の線が、最良の識別器の答え D* です。'],
        side: [this.way],
        items: [
          { text: '二つの山を重ねて、JSD を 0 にする（D* はどこでも 1/2 になる）', reached: ({ jsd: gap }) => gap < 1e-6 },
          { text: '離していって、JSD が log 2 で頭打ちになる所を見つける', reached: ({ jsd: gap }) => Math.LN2 - gap < 0.01 },
          { text: '二つの中心を同じにしたまま、広がりだけで、JSD を 0.1 より大きくする', reached: ({ jsd: gap, settings }) => settings.real === settings.fake && gap > 0.1 },
        ],
        remember: '最良の識別器は、本物の割合を答えます。そのとき V は −log 4 + 2 JSD で、いちばん小さくなるのは、二つの分布が重なったときだけです。',
      });
    }

    compute(settings) {
      const pair = densities(settings);
      return { pair, best: best(pair), value: value(pair), jsd: jsd(pair) };
    }

    read({ value: v, jsd: gap }) {
      return `V(D*, G) = ${number(v)}。−log 4 + 2 JSD = ${number(-Math.log(4))} + 2 × ${number(gap)} = ${number(-Math.log(4) + 2 * gap)}。JSD の上限は log 2 ≒ 0.693 です。`;
    }

    judge({ jsd: gap }, { real, fake }) {
      if (gap < 1e-6) return '重なりました。D* はどこでも 1/2、V は −log 4。生成器は、これより小さくできません。';
      if (Math.LN2 - gap < 0.01) return 'JSD は log 2 で頭打ちです。もっと離しても、ほとんど変わりません。';
      if (real === fake) return '中心は同じでも、広がりが違います。D* の答えは、真ん中と外側で変わります。';
      return '';
    }

    draw({ pair, best: answer, jsd: gap }, settings) {
      const [p, q] = [(x) => Math.exp(pair.data(x)), (x) => Math.exp(pair.generated(x))];
      const { real, fake, spread_real, spread_fake, mix } = settings;
      const top = 1.15 * Math.max(0.4, p(real), q(fake), q(real));
      const marks = [-6, -3, 0, 3, 6].map((x) => [x, number(x, 0)]);
      this.plane = new Plot({ at: [34, 22, 316, 140], x: [-6, 6], y: [0, top], marks: { x: marks } });
      const below = new Plot({ at: [34, 214, 316, 100], x: [-6, 6], y: [0, 1], marks: { x: marks, y: [[0, '0'], [0.5, '1/2'], [1, '1']] } });
      this.picture.paint(
        `上の段: 本物の山は中心 ${number(real, 1)}、広がり ${number(spread_real, 1)}。偽物の山は中心 ${number(fake, 1)}、広がり ${number(spread_fake, 1)}、混ざる本物は ${Math.round(100 * mix)} %。下の段: D* は、0 の所で ${number(answer(0), 2)}。`,
        this.plane.axes(), this.plane.curve(p, { color: 'var(--role-real)', area: true }),
        this.plane.curve(q, { color: 'var(--role-fake)', area: true, dash: '7 4' }),
        this.plane.dot(real, p(real), 'var(--role-real)', 7), this.plane.dot(fake, q(fake), 'var(--role-fake)', 7),
        shape('text', { x: this.plane.px(real) + 11, y: this.plane.py(p(real)) + 2 }, '本物'),
        shape('text', { x: this.plane.px(fake) - 11, y: this.plane.py(q(fake)) + 2, 'text-anchor': 'end' }, '偽物'),
        below.axes(), below.curve(answer, { color: 'var(--role-discriminator)', width: 3 }),
        shape('text', { x: 34, y: 204 }, '最良の識別器の答え D*'));
      // いまの広がりのまま、偽物の中心だけを動かしたときの JSD。
      const way = new Plot({
        at: [44, 26, 306, 140], x: [-4, 4], y: [0, 0.75],
        marks: { x: [-4, -2, 0, 2, 4].map((x) => [x, number(x, 0)]), y: [[0, '0'], [Math.LN2, 'log 2']] },
      });
      const gap_at = (x) => jsd(densities({ ...settings, fake: x }), 0.1);
      this.way.paint(
        `偽物の中心を動かしたときの JSD の線。いまの JSD は ${number(gap)}。`,
        way.axes(), way.curve(gap_at, { color: 'var(--role-loss)', steps: 64 }), way.dot(fake, gap, 'var(--role-fake)', 7),
        shape('text', { x: 44, y: 14 }, 'JSD'),
        shape('text', { x: 350, y: 196, 'text-anchor': 'end' }, '偽物の中心'));
    }
  }

  benches.hills = (box) => new HillsBench(box);
})();
