// 第5章の台: 正解が一つに決まらない三つの画素に、一つの答えを出す。L1・二乗誤差・最良の識別器で採点する。
// 数と式は、第5章の理論のページ (L1 の最良の答えは中央値、二乗誤差では平均) と同じもの。
(() => {
  'use strict';

  const { benches, FormulaBench, button, shape, drawing, number, range } = window.workbookLab;

  const BOOK = { data: 'line', way: 'one', a: 6, b: 6, c: 6 };
  const PARTS = 12; // 濃さは 12 分の 1 ずつ。1/3 も 1/2 も表せる。
  const TRUTHS = {
    line: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    edge: [[1, 1, 1], [0, 1, 1], [0, 0, 1]], // 理論のページの表の、画素 2〜4。
  };
  const [WIDTH, HEIGHT] = [360, 250];

  const sum = (values) => values.reduce((all, value) => all + value, 0);
  const mean = (values) => sum(values) / values.length;
  const l1 = (answer, truth) => sum(answer.map((value, at) => Math.abs(value - truth[at])));
  const squared = (answer, truth) => sum(answer.map((value, at) => (value - truth[at]) ** 2));
  const same = (answer, truth) => l1(answer, truth) < 1e-9;

  /** 答え (いくつかの絵から、同じ確率で一つを出す) の成績。正解も、同じ確率で一つ決まる。 */
  function marks(answers, truths) {
    const average = (error) => mean(answers.flatMap((answer) => truths.map((truth) => error(answer, truth))));
    // D* = p_data / (p_data + p_g) を、出した絵の所で平均する。
    const judged = mean(answers.map((answer) => {
      const [data, own] = [truths, answers].map((all) => all.filter((other) => same(answer, other)).length / all.length);
      return data / (data + own);
    }));
    return { l1: average(l1), squared: average(squared), judged };
  }

  /** 一つの答えで取れる、いちばん良い点: 画素ごとの中央値と平均。 */
  function bests(truths) {
    const columns = [0, 1, 2].map((at) => truths.map((truth) => truth[at]).sort());
    const middle = columns.map((column) => column[(column.length - 1) / 2]);
    return { l1: marks([middle], truths).l1, squared: marks([columns.map(mean)], truths).squared };
  }

  class PixelsBench extends FormulaBench {
    constructor(box) {
      const ink = { values: range(0, PARTS, 1), show: (v) => number(v / PARTS, 2) };
      super('pixels', BOOK, {
        data: { name: '正解', options: [['line', '細い線（どこか 1 画素）'], ['edge', '輪郭（どこから黒いか）']] },
        way: { name: '答え方', options: [['one', '一つに決める'], ['lottery', '毎回くじで、正解のどれか']] },
        a: { name: '画素 1 の濃さ', ...ink },
        b: { name: '画素 2 の濃さ', ...ink },
        c: { name: '画素 3 の濃さ', ...ink },
      });
      this.picture = drawing(WIDTH, HEIGHT);
      const set = (name, values) => button(name, () => this.change(values));
      this.lay(box, {
        picture: this.picture,
        legend: ['上の三本が、同じ確率で現れる正解です。下が、生成器の答えです。誤差は三画素の合計で、三つの正解について平均しています。'],
        actions: [set('白紙にする', { a: 0, b: 0, c: 0 })],
        items: [
          { text: '細い線で、二乗誤差をいちばん小さくする', reached: ({ settings, marks: got, best }) => settings.data === 'line' && got.squared < best.squared + 1e-9 },
          { text: '細い線で、L1 をいちばん小さくする', reached: ({ settings, marks: got, best }) => settings.data === 'line' && got.l1 < best.l1 + 1e-9 },
          { text: '細い線で、一つに決めたまま、識別器の答えを 0 より大きくする', reached: ({ settings, marks: got }) => settings.data === 'line' && settings.way === 'one' && got.judged > 0 },
        ],
        remember: '二乗誤差は平均（薄い線）を、L1 は中央値（白紙）を選びます。はっきりした一本を選ばせるのは、識別器です。',
      });
    }

    /** 濃さを動かしたら、くじではなく、その答えに決める。 */
    change(next) {
      super.change(['a', 'b', 'c'].some((key) => key in next) ? { way: 'one', ...next } : next);
    }

    compute({ data, way, a, b, c }) {
      const truths = TRUTHS[data];
      const answer = [a, b, c].map((value) => value / PARTS);
      return { truths, answer, marks: marks(way === 'one' ? [answer] : truths, truths), best: bests(truths) };
    }

    read({ marks: { l1: absolute, squared: square, judged }, best }) {
      return `L1 ${number(absolute, 2)}（一つの答えでは、最小 ${number(best.l1, 2)}）、二乗誤差 ${number(square, 2)}（最小 ${number(best.squared, 2)}）、最良の識別器の答え ${number(judged, 2)}。`;
    }

    judge({ marks: got, best }, { way, data }) {
      if (way === 'lottery') return '本物と同じ確率で描くので、識別器は見分けられません（1/2）。それでも、画素ごとの点は悪いままです。';
      const [median, average, real] = [got.l1 < best.l1 + 1e-9, got.squared < best.squared + 1e-9, got.judged > 0];
      if (median && real) return `L1 がいちばん小さい答え: 中央値。${data === 'edge' ? '輪郭では、' : ''}正解の一つと同じ、くっきりした絵です。`;
      if (median) return 'L1 がいちばん小さい答え: 中央値。本物には無い絵なので、識別器は一目で見破ります（0）。';
      if (average) return '二乗誤差がいちばん小さい答え: 平均。薄くぼやけた絵なので、識別器は一目で見破ります（0）。';
      if (real) return '正解の一つを、はっきり描きました。識別器はだまされ始めますが、外れると、余分と不足で二重に減点されます。';
      return '本物には無い絵です。識別器は一目で見破ります（0）。';
    }

    draw({ truths, answer, marks: got, best }, { way }) {
      const row = (at, name, values, color) => [
        shape('text', { x: 66, y: 30 + 30 * at, 'text-anchor': 'end' }, name),
        ...values.map((value, pixel) => shape('rect', {
          x: 76 + 26 * pixel, y: 12 + 30 * at, width: 24, height: 24, fill: color, 'fill-opacity': value, stroke: 'var(--ink-muted)' })),
      ];
      const bar = (at, name, value, top, least) => {
        const y = 152 + 32 * at;
        const [left, length] = [122, 176];
        return [
          shape('text', { x: 112, y: y + 15, 'text-anchor': 'end' }, name),
          shape('rect', { x: left, y, width: Math.max(1, length * value / top), height: 20, fill: 'var(--role-loss)' }),
          ...(least === undefined ? [] : [shape('line', { x1: left + length * least / top, x2: left + length * least / top, y1: y - 4, y2: y + 24, stroke: 'var(--ink)', 'stroke-width': 2.5 })]),
          shape('text', { x: 354, y: y + 15, 'text-anchor': 'end' }, number(value, 2)),
        ];
      };
      const show = way === 'one' ? [answer] : truths;
      this.picture.paint(
        `正解は ${truths.map((truth) => truth.join('・')).join('、')} のどれか。答えは ${way === 'one' ? answer.map((v) => number(v, 2)).join('・') : '毎回くじで、正解のどれか'}。L1 ${number(got.l1, 2)}、二乗誤差 ${number(got.squared, 2)}、識別器の答え ${number(got.judged, 2)}。`,
        truths.flatMap((truth, at) => row(at, `正解 ${at + 1}`, truth, 'var(--role-real)')),
        way === 'one'
          ? row(3, '答え', answer, 'var(--role-fake)')
          : [shape('text', { x: 180, y: 36 }, 'くじで、このどれか'), ...show.flatMap((values, at) => values.map((value, pixel) => shape('rect', {
            x: 180 + 26 * pixel, y: 46 + 27 * at, width: 24, height: 22, fill: 'var(--role-fake)', 'fill-opacity': value, stroke: 'var(--ink-muted)' })))],
        bar(0, 'L1', got.l1, 2.2, best.l1),
        bar(1, '二乗誤差', got.squared, 2.2, best.squared),
        bar(2, '識別器の答え', got.judged, 1));
    }
  }

  benches.pixels = (box) => new PixelsBench(box);
})();
