// 第4章の台: 転置畳み込みの「はんこ」。カーネル・ストライド・パディングを変えて、出力の大きさと、重なりの数を見る。
// 式は、第4章の理論のページの H' = (H − 1) s + k − 2p (ここでは q = 0)。
(() => {
  'use strict';

  const { benches, FormulaBench, shape, drawing, range } = window.workbookLab;

  const BOOK = { size: 4, kernel: 4, stride: 2, padding: 1, row: 1, column: 1 };
  const [WIDTH, HEIGHT] = [360, 460];

  const output_size = ({ size, kernel, stride, padding }) => (size - 1) * stride + kernel - 2 * padding;

  /** 端を削る前の j 番に届くはんこの数: 0 ≦ j − s i ≦ k − 1 となる i の個数。 */
  function hits(j, { size, kernel, stride }) {
    let count = 0;
    for (let i = 0; i < size; i++) if (j - stride * i >= 0 && j - stride * i <= kernel - 1) count++;
    return count;
  }

  /** 縁から離れた所に並ぶ、重なりの数。ストライドの分で一回りする。 */
  const inside = ({ kernel, stride }) =>
    range(0, stride - 1, 1).map((from) => range(0, kernel - 1, 1).filter((at) => at % stride === from).length);

  /** 削られて出力が無くなるパディングと、入力の外のはんこを、使える範囲へ戻す。 */
  const fit = (settings) => ({
    padding: Math.min(settings.padding, Math.floor((output_size({ ...settings, padding: 0 }) - 1) / 2)),
    row: Math.min(settings.row, settings.size - 1),
    column: Math.min(settings.column, settings.size - 1),
  });

  const sorted = (values) => [...new Set(values)].sort((a, b) => a - b);

  class StampsBench extends FormulaBench {
    constructor(box) {
      const cell = range(0, 5, 1);
      super('stamps', BOOK, {
        kernel: { name: 'カーネル k', values: [2, 3, 4, 5] },
        stride: { name: 'ストライド s', values: [1, 2, 3] },
        padding: { name: 'パディング p', values: [0, 1, 2] },
        size: { name: '入力の大きさ H', values: [3, 4, 5, 6] },
        row: { name: 'はんこを押す行', values: cell, show: (v) => `${v + 1} 行目` },
        column: { name: 'はんこを押す列', values: cell, show: (v) => `${v + 1} 列目` },
      });
      for (const [key, value] of Object.entries(fit(this.settings))) this.controls[key].set(this.settings[key] = value);
      this.picture = drawing(WIDTH, HEIGHT, { class: 'lab-drawing lab-tap' });
      this.picture.addEventListener('pointerdown', (event) => {
        const [x, y] = this.picture.spot(event);
        const { left, top, unit } = this.input;
        const [column, row] = [x - left, y - top].map((distance) => Math.floor(distance / unit));
        const { size } = this.settings;
        if (row >= 0 && row < size && column >= 0 && column < size) this.change({ row, column });
      });
      this.lay(box, {
        picture: this.picture,
        legend: ['上が入力で、マスを押すと、下の出力にそのはんこの範囲が出ます。下の数は、届くはんこの枚数です。薄い縁は、パディングで削られる所です。'],
        items: [
          { text: 'ストライド 2 で、重なりにむらを出す（市松模様のもと）', reached: ({ even, gaps, settings }) => settings.stride === 2 && !even && !gaps },
          { text: 'k = 4 のほかにもう一つ、むら無しで縦横をちょうど 2 倍にする組を見つける', reached: ({ even, settings, output }) => even && output === 2 * settings.size && settings.kernel !== BOOK.kernel },
          { text: 'はんこの届かない所を作る', reached: ({ gaps }) => gaps },
        ],
        remember: 'カーネルがストライドで割り切れないと、はんこの重なりにむらができます。それが市松模様のもとです。',
      });
    }

    compute(settings) {
      const line = inside(settings);
      const counts = sorted(line.flatMap((a) => line.map((b) => a * b)));
      const inner = settings.kernel <= settings.stride * settings.size; // 縁のはんこの影響を受けない所があるか。
      return { output: output_size(settings), line: sorted(line), counts, inner, even: inner && counts.length === 1, gaps: counts[0] === 0 };
    }

    change(next) {
      const all = { ...this.settings, ...next };
      const fitted = fit(all);
      super.change({ ...next, ...fitted });
      if (fitted.padding < all.padding) this.say(`パディング ${all.padding} では、出力が無くなります。${fitted.padding} に戻しました。`);
    }

    read({ output, line, counts, inner }, { size, kernel, stride, padding }) {
      const across = line.length === 1 ? `どこも ${line[0]}` : ` ${line.join(' と ')}`;
      const overlap = inner ? `内側の重なりは、1 方向で${across}、縦横を掛けて ${counts.join('、')} です。` : '入力が小さく、内側がありません。';
      return `出力の大きさ = (${size} − 1) × ${stride} + ${kernel} − 2 × ${padding} = ${output}。${overlap}`;
    }

    judge({ inner, even, gaps, counts }, { kernel, stride }) {
      if (!inner) return 'どこも縁にかかっています: 入力を大きくすると、内側ができます。';
      if (gaps) return `カーネル ${kernel} がストライド ${stride} より小さいので、はんこの届かない所があります（0 枚）。`;
      if (!even) return `重なりにむらがあります（${counts.join('、')} 枚）: 市松模様のもと。${kernel} は ${stride} で割り切れません。`;
      return `重なりは、内側のどこでも ${counts[0]} 枚です。${kernel} が ${stride} で割り切れるからです。`;
    }

    draw({ output }, settings) {
      const { size, kernel, stride, padding, row, column } = settings;
      const full = (size - 1) * stride + kernel;
      const small = 20;
      const top = 24 + small * size + 34;
      const large = Math.min(28, (WIDTH - 4) / full, (HEIGHT - 4 - top) / full);
      this.input = { left: (WIDTH - small * size) / 2, top: 24, unit: small };
      const below = { left: (WIDTH - large * full) / 2, top, unit: large };
      const square = ({ left, top, unit }, y, x, attributes) =>
        shape('rect', { x: left + x * unit, y: top + y * unit, width: unit, height: unit, stroke: 'var(--rule)', ...attributes });
      const parts = [];
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const own = y === row && x === column;
          parts.push(square(this.input, y, x, { fill: own ? 'var(--role-generator)' : 'var(--role-latent)', 'fill-opacity': own ? 1 : 0.3 }));
        }
      }
      const digit = Math.min(14, 0.8 * large).toFixed(1);
      const deepest = Math.max(...range(0, full - 1, 1).map((j) => hits(j, settings))) ** 2;
      for (let y = 0; y < full; y++) {
        for (let x = 0; x < full; x++) {
          const count = hits(y, settings) * hits(x, settings);
          const cut = Math.min(y, x) < padding || Math.max(y, x) >= full - padding;
          parts.push(square(below, y, x, { fill: 'var(--role-fake)', 'fill-opacity': cut ? 0 : 0.55 * count / deepest, ...(cut && { 'stroke-dasharray': '2 3' }) }));
          parts.push(shape('text', {
            x: below.left + (x + 0.5) * large, y: below.top + (y + 0.5) * large + 0.27 * digit, 'text-anchor': 'middle', class: cut ? 'lab-tick' : 'lab-count', style: `font-size: ${digit}px`,
          }, String(count)));
        }
      }
      const outline = (from, length, attributes) => shape('rect', {
        x: below.left + from[1] * large, y: below.top + from[0] * large, width: length * large, height: length * large, fill: 'none', ...attributes });
      this.picture.paint(
        `入力 ${size}×${size} の ${row + 1} 行 ${column + 1} 列のはんこは、出力の ${kernel}×${kernel} のマスに押されます。端を ${padding} ずつ削ると、出力は ${output}×${output} です。`,
        shape('text', { x: WIDTH / 2, y: 16, 'text-anchor': 'middle' }, `入力 ${size}×${size}`),
        parts,
        shape('text', { x: WIDTH / 2, y: below.top - 8, 'text-anchor': 'middle' }, `出力 ${output}×${output}（はんこの枚数）`),
        outline([padding, padding], output, { stroke: 'var(--ink)', 'stroke-width': 2 }),
        outline([stride * row, stride * column], kernel, { stroke: 'var(--role-generator)', 'stroke-width': 4 }));
    }
  }

  benches.stamps = (box) => new StampsBench(box);
})();
