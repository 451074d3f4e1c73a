// 第1章の台: 硬貨を投げた結果から、表の出る確率 θ を最尤推定する。硬貨のモデルを二枚置いて、尤度を比べる。
// 式は、第1章の理論のページの log L(θ) = 表 log θ + 裏 log(1 − θ)。
(() => {
  'use strict';

  const { benches, FormulaBench, Plot, button, shape, drawing, drag, number, range } = window.workbookLab;

  const BOOK = { heads: 7, tails: 3, theta: 0.5, rival: 0.9 };
  const [WIDTH, HEIGHT] = [360, 340];
  const COUNTS = [...range(0, 10, 1), ...range(20, 100, 10)];
  const DEPTH = 8; // 対数尤度は、いちばん上からここまでを描く。

  /** 0 回のものは、0 · log 0 = 0 と数える。 */
  const term = (count, probability) => (count === 0 ? 0 : count * Math.log(probability));
  const log_likelihood = (heads, tails, theta) => term(heads, theta) + term(tails, 1 - theta);

  /** 小さな数を、1.2 × 10⁻³ の形に書く。 */
  function scientific(value) {
    if (value === 0 || value >= 0.01) return number(value, 4);
    const power = Math.floor(Math.log10(value));
    return `${number(value / 10 ** power, 2)} × 10${[...String(power)].map((c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]).join('')}`;
  }

  class CoinsBench extends FormulaBench {
    constructor(box) {
      const coin = { values: range(0, 1, 0.01), show: (v) => number(v, 2) };
      const count = { values: COUNTS, show: (v) => `${v} 回` };
      super('coins', BOOK, {
        theta: { name: '硬貨 A の θ', ...coin },
        rival: { name: '硬貨 B の θ', ...coin },
        heads: { name: '表の出た回数', ...count },
        tails: { name: '裏の出た回数', ...count },
      });
      this.picture = drawing(WIDTH, HEIGHT, { class: 'lab-drawing lab-slide' });
      const place = ([x]) => Number(Math.min(Math.max((x - this.plane.at[0]) / this.plane.at[2], 0), 1).toFixed(2));
      // 押した所に近いほうの硬貨を動かす。
      const nearer = (spot) => (Math.abs(place(spot) - this.settings.theta) <= Math.abs(place(spot) - this.settings.rival) ? 'theta' : 'rival');
      drag(this.picture, nearer, (which, spot) => this.change({ [which]: place(spot) }));
      this.lay(box, {
        picture: this.picture,
        legend: ['上が尤度、下が対数尤度です。横軸はどちらも θ で、押した所に、近いほうの硬貨が動きます。破線は、表の割合です。'],
        actions: [button('10 倍の回数を投げる', () => this.more())],
        items: [
          { text: 'A の θ を動かして、対数尤度をいちばん大きくする', reached: ({ best, settings }) => this.touched && best > 0 && best < 1 && Math.abs(settings.theta - best) < 0.005 },
          { text: '7 対 3 のまま 100 回まで増やして、A と B の尤度が 100 倍より大きく離れるのを見る', reached: ({ best, apart, settings }) => settings.heads + settings.tails >= 100 && Math.abs(best - 0.7) < 1e-9 && Math.abs(apart) > Math.log(100) },
          { text: '裏が 0 回のデータにして、A を、対数尤度がいちばん大きい θ にする', reached: ({ settings }) => settings.tails === 0 && settings.heads > 0 && settings.theta === 1 },
        ],
        remember: '最尤推定は、手元のデータがいちばん出やすいパラメータを選びます。硬貨なら、表の割合そのものです。データが増えるほど、硬貨どうしの差は開きます。',
      });
    }

    change(next) {
      this.touched ||= Object.keys(next).join() === 'theta';
      super.change(next);
    }

    /** 割合はそのまま、回数を 10 倍にする。 */
    more() {
      const { heads, tails } = this.settings;
      if (Math.max(heads, tails) > 10) this.say('これより多くは投げられません。');
      else this.change({ heads: 10 * heads, tails: 10 * tails });
    }

    compute({ heads, tails, theta, rival }) {
      const total = heads + tails;
      const best = total === 0 ? NaN : heads / total;
      const log = log_likelihood(heads, tails, theta);
      const other = log_likelihood(heads, tails, rival);
      const apart = log === other ? 0 : log - other; // どちらも −∞ なら、差は無いとする。
      return { total, best, log, other, apart, likelihood: Math.exp(log), top: total === 0 ? 0 : log_likelihood(heads, tails, best) };
    }

    read({ total, log, other, apart, likelihood }, { heads, tails, theta }) {
      if (total === 0) return 'まだ 1 回も投げていません。';
      return `A は log L(θ) = ${heads} log ${number(theta, 2)} + ${tails} log ${number(1 - theta, 2)} = ${number(log)}。尤度は ${scientific(likelihood)} です。B は ${number(other)}。${this.compare(apart)}`;
    }

    /** 対数尤度の差を、尤度の比 (何倍出やすいか) で言う。 */
    compare(apart) {
      if (apart === 0) return 'このデータの出やすさは、同じです。';
      const [more, less] = apart > 0 ? ['A', 'B'] : ['B', 'A'];
      if (!Number.isFinite(apart)) return `${less} の硬貨では、このデータは決して出ません。`;
      const ratio = Math.exp(Math.abs(apart));
      return `このデータは、${more} の硬貨のほうが ${ratio >= 1e4 ? '1 万倍より大きく' : `${number(ratio, ratio < 100 ? 2 : 0)} 倍`}出やすい。`;
    }

    judge({ total, best, log }, { heads, tails, theta }) {
      if (total === 0) return 'データが無ければ、どの θ も同じ尤度です。選べません。';
      if (log === -Infinity) return `A の θ = ${number(theta, 0)} では、起きたはずのデータが、決して起きません。対数尤度は −∞ です。`;
      if (Math.abs(theta - best) < 0.005) {
        const only = tails === 0 ? '表' : heads === 0 ? '裏' : '';
        if (only) return `最尤推定の答えは θ = ${number(theta, 0)}。${total} 回${only}が続いただけで、「必ず${only}」と言い切ります: 過学習`;
        return `ここがいちばん上です。最尤推定の答えは、表の割合 ${heads}/${total}。`;
      }
      return '';
    }

    draw({ total, best, log, other, apart, likelihood, top }, { heads, tails, theta, rival }) {
      const ticks = [0, 0.25, 0.5, 0.75, 1].map((v) => [v, String(v)]);
      const peak = Math.exp(top);
      this.plane = new Plot({ at: [44, 24, 302, 116], x: [0, 1], y: [0, 1.1 * peak], marks: { x: ticks, y: [[0, '0']] } });
      const least = Math.floor(top) - DEPTH;
      const below = new Plot({ at: [44, 190, 302, 116], x: [0, 1], y: [least, top + 0.6], marks: { x: ticks, y: [[least, number(least, 0)], [top, number(top, 1)]] } });
      const [first, second] = ['var(--role-generator)', 'var(--role-latent)'];
      /** 硬貨 1 枚の点と名前。二枚が重なるときは、名前を左右に分ける。 */
      const token = (plot, at, value, name, own) => {
        const left = name === 'A' ? theta <= rival : rival < theta;
        return [plot.dot(at, value, own, 7), shape('text', {
          x: plot.px(at) + (left ? -11 : 11), y: plot.py(value) - 6, 'text-anchor': left ? 'end' : 'start', 'font-weight': 'bold' }, name)];
      };
      const tokens = (plot, a, b) => [...token(plot, rival, b, 'B', second), ...token(plot, theta, a, 'A', first)];
      const marker = (plot) => (Number.isNaN(best) ? [] : [shape('line', {
        x1: plot.px(best), x2: plot.px(best), y1: plot.at[1], y2: plot.at[1] + plot.at[3], stroke: 'var(--role-real)', 'stroke-width': 2, 'stroke-dasharray': '5 4' })]);
      this.picture.paint(
        `表 ${heads} 回、裏 ${tails} 回の、尤度と対数尤度の線。硬貨 A の θ は ${number(theta, 2)}、対数尤度は ${number(log)}。硬貨 B の θ は ${number(rival, 2)}、対数尤度は ${number(other)}。${total ? this.compare(apart) : ''}${total ? `表の割合は ${number(best, 2)}。` : ''}`,
        this.plane.axes(), marker(this.plane),
        this.plane.curve((x) => Math.exp(log_likelihood(heads, tails, x)), { color: first, area: true }),
        ...tokens(this.plane, likelihood, Math.exp(other)),
        shape('text', { x: 44, y: 16 }, '尤度 L(θ)'),
        below.axes(), marker(below),
        below.curve((x) => log_likelihood(heads, tails, x), { color: 'var(--role-loss)' }),
        ...tokens(below, log, other),
        shape('text', { x: 44, y: 182 }, '対数尤度 log L(θ)'),
        shape('text', { x: 346, y: 336, 'text-anchor': 'end' }, 'θ'));
    }
  }

  benches.coins = (box) => new CoinsBench(box);
})();
