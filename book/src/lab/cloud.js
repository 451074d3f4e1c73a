// 第2章の台: 1 次元の雲 N(μ, σ²) を動かして、標準の雲 N(0, 1) との KL を見る。
// 式は、第2章の理論のページの 1 行と同じもの。
(() => {
  'use strict';

  const { benches, FormulaBench, Plot, shape, drawing, drag, number, range } = window.workbookLab;

  const BOOK = { mu: 1, sigma: 0.5 };
  const [WIDTH, HEIGHT] = [360, 230];

  /** 中心のずれの項と、広がりのずれの項。KL は、その和。 */
  const center = (mu) => 0.5 * mu ** 2;
  const spread = (sigma) => 0.5 * (sigma ** 2 - 1 - Math.log(sigma ** 2));
  const density = (z, mu, sigma) => Math.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI));

  class CloudBench extends FormulaBench {
    constructor(box) {
      const [centers, spreads] = [range(-3, 3, 0.1), range(0.1, 3, 0.1)];
      super('cloud', BOOK, {
        mu: { name: '平均 μ（中心）', values: centers, show: (v) => number(v, 1) },
        sigma: { name: '標準偏差 σ（広がり）', values: spreads, show: (v) => number(v, 1) },
      });
      this.picture = drawing(WIDTH, HEIGHT, { class: 'lab-drawing lab-slide' });
      this.terms = drawing(WIDTH, 300);
      // 雲の頂をつかむと中心が、右の肩をつかむと広がりが動く。
      drag(this.picture,
        ([x]) => {
          const { mu, sigma } = this.settings;
          return Math.abs(this.plane.px(mu) - x) <= Math.abs(this.plane.px(mu + sigma) - x) ? 'mu' : 'sigma';
        },
        (which, [x]) => {
          const { at, x: [from, to] } = this.plane;
          const z = from + (x - at[0]) / at[2] * (to - from);
          const [least, most, next] = which === 'mu' ? [-3, 3, z] : [0.1, 3, z - this.settings.mu];
          this.change({ [which]: Number(Math.min(Math.max(next, least), most).toFixed(1)) });
        });
      this.lay(box, {
        picture: this.picture,
        legend: ['破線が標準の雲 N(0, 1) です。塗った雲は、頂の丸をつかむと中心 μ が、右の肩の四角をつかむと広がり σ が動きます。'],
        side: [this.terms],
        items: [
          { text: 'KL を 0 にする', reached: ({ kl }) => kl < 1e-9 },
          { text: '広がりは 1 のまま、中心のずれだけで KL を 2 にする', reached: ({ kl, settings }) => settings.sigma === 1 && Math.abs(kl - 2) < 1e-9 },
          { text: '中心は 0 のまま、雲を点に近づけて、KL を 1.5 より大きくする', reached: ({ kl, settings }) => settings.mu === 0 && settings.sigma < 1 && kl > 1.5 },
        ],
        remember: 'KL は、中心のずれ μ² と、広がりのずれ σ² − 1 − log σ² を足した半分です。0 になるのは、μ = 0、σ = 1 のときだけです。',
      });
    }

    compute({ mu, sigma }) {
      const [moved, spread_out] = [center(mu), spread(sigma)];
      return { center: moved, spread: spread_out, kl: moved + spread_out };
    }

    read({ kl }, { mu, sigma }) {
      return `KL = ½ (μ² + σ² − 1 − log σ²) = ½ (${number(mu ** 2, 2)} + ${number(sigma ** 2, 2)} − 1 − (${number(Math.log(sigma ** 2))})) = ${number(kl)}`;
    }

    judge({ kl }, { mu, sigma }) {
      if (kl < 1e-9) return '標準の雲そのものです。どの入力でもこうなると、雲から入力を言い当てられません（事後崩壊）。';
      if (sigma <= 0.2) return '雲が点に近づきました。−log σ² が大きくなり、KL が引き留めています。';
      if (sigma >= 2) return '広がりすぎです。σ² の分だけ、KL が大きくなっています。';
      if (sigma === 1) return '広がりは標準と同じです。KL は、中心のずれ μ² の半分だけです。';
      if (mu === 0) return '中心は標準と同じです。KL は、広がりのずれだけです。';
      return '';
    }

    draw({ center: moved, spread: spread_out, kl }, { mu, sigma }) {
      const color = 'var(--role-latent)';
      const peak = density(mu, mu, sigma);
      this.plane = new Plot({ at: [14, 24, 332, 176], x: [-6, 6], y: [0, 1.12 * Math.max(0.5, peak)], marks: { x: [-6, -3, 0, 3, 6].map((z) => [z, number(z, 0)]) } });
      const shoulder = [this.plane.px(mu + sigma), this.plane.py(density(mu + sigma, mu, sigma))];
      this.picture.paint(
        `標準の雲 N(0, 1) と、中心 ${number(mu, 1)}、広がり ${number(sigma, 1)} の雲。`,
        this.plane.axes(),
        this.plane.curve((z) => density(z, mu, sigma), { color, area: true, steps: 360 }),
        this.plane.curve((z) => density(z, 0, 1), { color: 'var(--ink-muted)', dash: '6 4', width: 2 }),
        this.plane.dot(mu, peak, color, 7),
        shape('rect', { x: shoulder[0] - 6, y: shoulder[1] - 6, width: 12, height: 12, fill: color, stroke: 'var(--bg)', 'stroke-width': 1.5 }),
        shape('text', { x: this.plane.px(mu), y: this.plane.py(peak) - 10, 'text-anchor': 'middle' }, '雲'));
      // 上: 二つの項の長さ。下: 片方だけを動かしたときの KL。
      const bar = (row, name, value, fill) => {
        const y = 16 + 27 * row;
        return [
          shape('text', { x: 0, y: y + 13 }, name),
          shape('rect', { x: 128, y, width: Math.max(1, value / Math.max(2, kl) * 160), height: 18, fill }),
          shape('text', { x: 354, y: y + 13, 'text-anchor': 'end' }, number(value)),
        ];
      };
      const small = (left, x, marks) => new Plot({ at: [left, 132, 140, 120], x, y: [0, 8], marks: { x: marks.map((v) => [v, number(v, 0)]), y: [[0, '0'], [4, '4'], [8, '8']] } });
      const [by_mu, by_sigma] = [small(24, [-3, 3], [-3, 0, 3]), small(212, [0.05, 3], [1, 2, 3])];
      this.terms.paint(
        `中心のずれの項 ${number(moved)}、広がりのずれの項 ${number(spread_out)}、合わせて KL ${number(kl)}。下は、μ だけ、σ だけを動かしたときの KL の線。`,
        bar(0, '中心 ½μ²', moved, 'var(--role-latent)'),
        bar(1, '広がりの項', spread_out, 'var(--role-generator)'),
        bar(2, 'KL（和）', kl, 'var(--role-loss)'),
        by_mu.axes(), by_mu.curve((m) => center(m) + spread_out, { color: 'var(--role-loss)' }), by_mu.dot(mu, kl, color),
        by_sigma.axes(), by_sigma.curve((s) => moved + spread(s), { color: 'var(--role-loss)' }), by_sigma.dot(sigma, kl, color),
        shape('text', { x: 24, y: 120 }, 'KL（μ を動かす）'), shape('text', { x: 212, y: 120 }, 'KL（σ を動かす）'),
        shape('text', { x: 164, y: 286, 'text-anchor': 'end' }, 'μ'), shape('text', { x: 352, y: 286, 'text-anchor': 'end' }, 'σ'));
    }
  }

  benches.cloud = (box) => new CloudBench(box);
})();
