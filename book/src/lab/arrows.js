// 第6章の台: 三枚の写真と三枚の浮世絵を、矢印 (二つの生成器 G と F) でつなぐ。
// 敵対的損失は出てくる絵の集まりだけを、サイクルの損失は行って戻った絵だけを見る。式は、第6章の理論のページと同じもの。
(() => {
  'use strict';

  const { benches, FormulaBench, shape, drawing, drag, number } = window.workbookLab;

  const PLACES = ['左', '真ん中', '右'];
  const BOOK = { g0: '0', g1: '1', g2: '2', f0: '0', f1: '1', f2: '2' };
  const [WIDTH, HEIGHT] = [360, 336];
  const COLUMNS = [96, 200, 304];
  const ROWS = [26, 156, 286]; // 写真、浮世絵、戻った写真。
  const [WIDE, TALL] = [66, 46];

  const count = (answers) => PLACES.map((_, at) => answers.filter((answer) => answer === at).length / 3);
  const even = [1 / 3, 1 / 3, 1 / 3];

  /** 最良の識別器: 本物は三枚が同じ確率、作った絵は `made` の割合。 */
  const judged = (made) => made.map((share) => (1 / 3) / (1 / 3 + share));

  function kl(p, q) {
    return p.reduce((sum, share, at) => sum + (share === 0 ? 0 : share * Math.log(share / q[at])), 0);
  }

  function jsd(p, q) {
    const middle = p.map((share, at) => (share + q[at]) / 2);
    return (kl(p, middle) + kl(q, middle)) / 2;
  }

  /** 行って戻った絵が、元と違う割合。違う二枚の差 (L1) を 1 と数えた、サイクル一貫性損失の片方の項。 */
  const lost = (go, back) => go.filter((to, from) => back[to] !== from).length / 3;

  class ArrowsBench extends FormulaBench {
    constructor(box) {
      const knob = (name) => ({ name, options: PLACES.map((place, at) => [String(at), place]) });
      super('arrows', BOOK, {
        g0: knob('G: 「左」の行き先'), g1: knob('G: 「真ん中」の行き先'), g2: knob('G: 「右」の行き先'),
        f0: knob('F: 「左」の行き先'), f1: knob('F: 「真ん中」の行き先'), f2: knob('F: 「右」の行き先'),
      });
      this.picture = drawing(WIDTH, HEIGHT);
      this.meters = drawing(WIDTH, 112);
      this.pulled = shape('line', { stroke: 'var(--ink)', 'stroke-width': 3, 'stroke-dasharray': '4 4', visibility: 'hidden' });
      this.pictures = this.gallery();
      const nearest = (values, value) => values.reduce((best, at, index) => (Math.abs(at - value) < Math.abs(values[best] - value) ? index : best), 0);
      const grab = ([x, y]) => {
        const [row, column] = [nearest(ROWS, y), nearest(COLUMNS, x)];
        const on = Math.abs(y - ROWS[row]) <= TALL / 2 && Math.abs(x - COLUMNS[column]) <= WIDE / 2;
        return on && row < 2 ? [row, column] : null;
      };
      // 指が絵の上から動き始めたときだけ、ページを送らせない。図のほかの所では、ふだんどおりに送れる。
      this.picture.addEventListener('touchstart', (event) => {
        if (grab(this.picture.spot(event.touches[0])) !== null) event.preventDefault();
      }, { passive: false });
      // 絵から下の段の絵へ引っぱると、矢印がつなぎ替わる。
      drag(this.picture, grab,
        ([row, column], [x, y]) => {
          for (const [name, value] of Object.entries({ x1: COLUMNS[column], y1: ROWS[row] + TALL / 2, x2: x, y2: y, visibility: 'visible' })) this.pulled.setAttribute(name, value);
        },
        ([row, column], [x, y]) => {
          this.pulled.setAttribute('visibility', 'hidden');
          if (Math.abs(y - ROWS[row + 1]) <= 44) this.change({ [`${'gf'[row]}${column}`]: String(nearest(COLUMNS, x)) });
        });
      this.lay(box, {
        picture: this.picture,
        legend: ['写真から浮世絵へ、浮世絵から写真へ、絵をつかんで下の段の絵まで引くと、矢印がつなぎ替わります。選ぶ欄でも変えられます。D は最良の識別器の答えです。敵対的損失はそのときの JSD、サイクルの損失は戻らなかった絵の割合で、どちらも二つの向きの和です。'],
        side: [this.meters],
        items: [
          { text: '敵対的損失を 0 に保ったまま、写真の行き先を入れ替えて、サイクルの損失にだけ気付かせる', reached: ({ adversarial, cycle, right }) => adversarial < 1e-9 && cycle > 0 && right < 3 },
          { text: 'どちらの損失にも気付かれない入れ替わりを作る', reached: ({ adversarial, cycle, right }) => adversarial < 1e-9 && cycle === 0 && right < 3 },
          { text: '違う写真を同じ浮世絵につぶして、両方の損失に気付かせる', reached: ({ made, cycle }) => made.includes(0) && cycle > 0 },
        ],
        remember: '敵対的損失は、対応を見ません。サイクルの損失が禁じるのは情報を捨てることで、元に戻れる入れ替わりは、とがめません。',
      });
    }

    compute(settings) {
      const [go, back] = ['g', 'f'].map((name) => PLACES.map((_, at) => Number(settings[name + at])));
      const [made, remade] = [count(go), count(back)];
      return {
        go, back, made,
        judged: judged(made),
        adversarial: jsd(even, made) + jsd(even, remade),
        cycle: lost(go, back) + lost(back, go),
        right: go.filter((to, from) => to === from).length,
      };
    }

    read({ adversarial, cycle, right }) {
      return `敵対的損失 ${number(adversarial)}、サイクルの損失 ${number(cycle, 2)}。正しい対応は 3 枚のうち ${right} 枚ですが、この数は、どちらの損失にも出てきません。`;
    }

    judge({ go, back, made, adversarial, cycle, right }) {
      if (adversarial > 1e-9) {
        const who = made.includes(0) ? 'G' : 'F';
        return `${who} が、違う絵を同じ絵につぶしています: モード崩壊。識別器も、サイクルの損失も気付きます。`;
      }
      if (cycle > 0) return '出てくる絵の集まりは本物と同じなので、識別器は気付けません。戻ると別の絵になるので、サイクルの損失が気付きます。';
      if (right < 3) return '入れ替わり: 対応は間違っているのに、どちらの損失も、正しいときと同じ 0 です。';
      return '正しい対応です。どちらの損失も、いちばん小さい 0 です。';
    }

    /** 三段の絵。写真は塗り、浮世絵は線で描く。中身は変わらないので、1 度だけ作る。 */
    gallery() {
      return ROWS.flatMap((y, row) => COLUMNS.map((x, at) => {
        const print = row === 1;
        const color = print ? 'var(--role-fake)' : 'var(--role-real)';
        const [left, top, ground] = [x - WIDE / 2, y - TALL / 2, y + TALL / 2 - 10];
        const peak = x + [-18, 0, 18][at];
        return shape('g', { class: row < 2 ? 'lab-grab' : '' },
          shape('rect', { x: left, y: top, width: WIDE, height: TALL, rx: 3, fill: 'var(--bg)', stroke: color, 'stroke-width': 2 }),
          shape('path', { d: `M${peak - 14} ${ground}L${peak - 3} ${top + 12}L${peak + 3} ${top + 12}L${peak + 14} ${ground}`, fill: color, 'fill-opacity': print ? 0.12 : 0.55, ...(print && { stroke: color, 'stroke-width': 2.4 }) }),
          shape('rect', { x: left + 1, y: ground, width: WIDE - 2, height: 9, fill: color, 'fill-opacity': print ? 0.15 : 0.35 }));
      }));
    }

    draw({ go, back, judged: answers, adversarial, cycle, right }) {
      const arrow = (from, to, row, dash) => {
        const [x1, y1, x2, y2] = [COLUMNS[from], ROWS[row] + TALL / 2 + 2, COLUMNS[to], ROWS[row + 1] - TALL / 2 - 4];
        const long = Math.hypot(x2 - x1, y2 - y1);
        const [dx, dy] = [(x2 - x1) / long, (y2 - y1) / long];
        const [bx, by] = [x2 - 11 * dx, y2 - 11 * dy];
        return [
          shape('line', { x1, y1, x2: bx, y2: by, stroke: 'var(--role-generator)', 'stroke-width': 3, ...(dash && { 'stroke-dasharray': dash }) }),
          shape('polygon', { points: `${x2},${y2} ${bx - 6 * dy},${by + 6 * dx} ${bx + 6 * dy},${by - 6 * dx}`, fill: 'var(--role-generator)' }),
        ];
      };
      const name = (answer) => (answer === 0.5 ? '1/2' : number(answer, 2));
      const sentence = (list, what) => list.map((to, from) => `${PLACES[from]}は${PLACES[to]}へ`).join('、') + `（${what}）`;
      this.picture.paint(
        `${sentence(go, 'G')}。${sentence(back, 'F')}。`,
        go.flatMap((to, from) => arrow(from, to, 0)), back.flatMap((to, from) => arrow(from, to, 1, '8 4')),
        this.pictures,
        ['写真', '浮世絵', '戻り先'].map((name, row) => shape('text', { x: 0, y: ROWS[row] + 5 }, name)),
        ['G ↓', 'F ↓'].map((name, row) => shape('text', { x: 0, y: (ROWS[row] + ROWS[row + 1]) / 2 + 5 }, name)),
        answers.map((_, at) => shape('rect', { x: COLUMNS[at] - 32, y: ROWS[1] + TALL / 2 + 3, width: 64, height: 19, fill: 'var(--bg)' })), // 矢印が字を横切らないように。
        answers.map((answer, at) => shape('text', { x: COLUMNS[at], y: ROWS[1] + TALL / 2 + 17, 'text-anchor': 'middle', class: 'lab-halo' }, `D = ${name(answer)}`)),
        go.map((to, from) => shape('text', { x: COLUMNS[from], y: ROWS[2] + TALL / 2 + 18, 'text-anchor': 'middle' },
          back[to] === from ? '戻った' : '戻らない')),
        this.pulled);
      const bar = (at, label, value, top, color) => {
        const y = 8 + 34 * at;
        return [
          shape('text', { x: 118, y: y + 16, 'text-anchor': 'end' }, label),
          shape('rect', { x: 128, y, width: 160, height: 22, fill: 'none', stroke: 'var(--rule)' }),
          shape('rect', { x: 128, y, width: 160 * value / top, height: 22, fill: color }),
          shape('text', { x: 354, y: y + 16, 'text-anchor': 'end' }, top === 3 ? `${value} / 3 枚` : number(value, 2)),
        ];
      };
      this.meters.paint(
        `敵対的損失 ${number(adversarial, 2)}、サイクルの損失 ${number(cycle, 2)}、正しい対応 3 枚のうち ${right} 枚。`,
        bar(0, '敵対的損失', adversarial, 0.7, 'var(--role-discriminator)'),
        bar(1, 'サイクル', cycle, 2, 'var(--role-loss)'),
        bar(2, '正しい対応', right, 3, 'var(--role-real)'));
    }
  }

  benches.arrows = (box) => new ArrowsBench(box);
})();
