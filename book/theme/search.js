// 日本語の検索。
//
// mdBook の検索は、空白で区切った語しか見つけない。検索の箱と結果の表示は mdBook のものを使い、
// 探すところだけを、本文の部分一致に替える。mdBook の索引は全文を持っているので、索引は作り直さない。
// 全角と半角、大文字と小文字、ひらがなとカタカナは区別しない。
// 用語集の語 (英語、読み、別名) で探すと、同じ語のほかの書き方も一緒に探し、用語集を先頭に出す。
(() => {
    'use strict';

    if (!window.elasticlunr) {
        return;
    }

    const BEFORE = 30;
    const AFTER = 90;

    // 点数。題は本文より、読者の書き方は言い換えより、用語集はどれよりも重い。
    const TITLE = 20;
    const TRAIL = 5;
    const OTHER_NAME = 0.5;
    const ENTRY = 1e6;
    // 読者が知りたいのは、問題より先に、それを説明したページである。
    const QUESTION = 0.05;
    // 語の途中までを打った人にも、使われている所より先に、説明を出す (拡散 → 拡散モデル)。
    const DEFINITION = 200;

    // 用語集の別名ではない、読者の書き方。
    const SPELLINGS = [['偽札', 'にせ札', '贋札']];

    // 1 文字を、比べる形にする。文字数が変わると位置がずれるので、必ず 1 文字を返す。
    function foldChar(char) {
        const folded = char.normalize('NFKC').toLowerCase();
        if (folded.length !== 1) {
            return char;
        }
        return /[ァ-ヶ]/.test(folded) ? String.fromCharCode(folded.charCodeAt(0) - 0x60) : folded;
    }

    // 索引の文にはタグの所に空白が入っている。空白を除いて比べ、元の位置も覚えておく。
    function foldText(text) {
        let folded = '';
        const places = [];
        for (let i = 0; i < text.length; i++) {
            if (!/\s/.test(text[i])) {
                folded += foldChar(text[i]);
                places.push(i);
            }
        }
        return { folded, places };
    }

    function count(text, word) {
        return text.split(word).length - 1;
    }

    // 用語集の見出しごとの文は「英語: …。 読み: …。 別名: …、…。」で始まる。
    // 語の書き方から、その語の見出し (ref) と、探すべき書き方のすべてを引く表を作る。
    const isTerm = ref => /glossary\.html#term-/.test((window.search.doc_urls || [])[ref] || '');

    function glossary(docs) {
        const table = new Map();
        for (const [ref, { title, body }] of docs) {
            if (!isTerm(ref)) {
                continue;
            }
            const [, en, reading, , aliases] =
                body.match(/英語: (.*?)。 読み: (.*?)。( 別名: (.*?)。)?/) || [, title, title];
            const names = [title, en, ...(aliases || '').split('、')]
                .map(name => foldText(name).folded).filter(Boolean);
            for (const name of [...names, foldText(reading).folded]) {
                const known = table.get(name) || { refs: new Set(), names: new Set() };
                known.refs.add(ref);
                names.forEach(other => known.names.add(other));
                table.set(name, known);
            }
        }
        for (const same of SPELLINGS) {
            const names = same.map(name => foldText(name).folded);
            names.forEach(name => table.set(name, { refs: new Set(), names: new Set(names) }));
        }
        return table;
    }

    // 最初に見つかった語の、たたんだ文の中の範囲。
    function find({ folded }, groups) {
        for (const word of groups.flatMap(group => [...group.names])) {
            const at = folded.indexOf(word);
            if (at >= 0) {
                return [at, at + word.length - 1];
            }
        }
        return null;
    }

    // 見つかった所の前後。mdBook は空白で区切られた語を強調するので、見つけた語を空白で囲む。
    function excerpt(body, start, end) {
        const head = Math.max(0, start - BEFORE);
        return (head > 0 ? '…' : '') + body.slice(head, start) + ' ' + body.slice(start, end) + ' '
            + body.slice(end, end + AFTER) + (end + AFTER < body.length ? '…' : '');
    }

    // 問題の、答えと解説より前。抜粋で答えが見えてしまわないように、見せるのはここまで。
    const ANSWER = '答えと解説';
    const isQuestion = ref => /quiz\.html#q-/.test((window.search.doc_urls || [])[ref] || '');

    // 結果 1 つ分。本文にある、見つかったままの書き方も返し、飛んだ先で同じ書き方に印を付ける。
    function result({ ref, doc, body }, score, groups) {
        const answer = isQuestion(ref) ? doc.body.indexOf(ANSWER) : -1;
        const shown = answer < 0 ? doc.body : doc.body.slice(0, answer);
        const place = find(body, groups);
        const start = place ? body.places[place[0]] : shown.length;
        if (start >= shown.length) {
            return { ref, score, hit: '', doc: { ...doc, body: shown.slice(0, BEFORE + AFTER) } };
        }
        const end = body.places[place[1]] + 1;
        const hit = doc.body.slice(start, end);
        return { ref, score, hit, doc: { ...doc, body: excerpt(shown, start, end) } };
    }

    // mdBook が並べる数の限り (results_options.limit_results)。
    const SHOWN = 30;

    let hits = [];
    let note = '';
    let missed = '';

    window.elasticlunr.Index.load = index => {
        const docs = Object.entries(index.documentStore.docs);
        const terms = glossary(docs);
        const pages = docs.map(([ref, doc]) => ({
            ref,
            doc,
            title: foldText(doc.title).folded,
            trail: foldText(doc.breadcrumbs).folded,
            body: foldText(doc.body),
        }));

        // 全体で 1 つの語なら、空白で分けない (latent variable)。
        function groupsOf(typed) {
            // 半角の「ﾄﾞ」は 2 文字で書かれているので、先に 1 文字にまとめる。
            const query = typed.normalize('NFKC');
            const whole = foldText(query).folded;
            const words = terms.has(whole) ? [query] : query.split(/\s+/);
            return words.map(word => foldText(word).folded).filter(Boolean).map(word => {
                const term = terms.get(word);
                return { word, names: new Set([word, ...(term?.names || [])]), refs: term?.refs };
            });
        }

        function scoreOf({ ref, title, trail, body }, { word, names, refs }) {
            let score = refs?.has(ref) ? ENTRY : isTerm(ref) && title.startsWith(word) ? DEFINITION : 0;
            for (const name of names) {
                const found = TITLE * count(title, name) + TRAIL * count(trail, name)
                    + count(body.folded, name);
                score += name === word ? found : OTHER_NAME * found;
            }
            return score;
        }

        function search(query) {
            const groups = groupsOf(query);
            const found = [];
            for (const page of pages) {
                const scores = groups.map(group => scoreOf(page, group));
                if (groups.length > 0 && scores.every(score => score > 0)) {
                    const score = scores.reduce((sum, score) => sum + score);
                    found.push(result(page, isQuestion(page.ref) ? QUESTION * score : score, groups));
                }
            }
            return found.sort((a, b) => b.score - a.score);
        }

        // 1 つも無ければ、送りがなを外して探し直す (見破る → 見破)。ひらがなだけの語は、読みかもしれないので外さない。
        function shorter(query) {
            const words = query.normalize('NFKC').trim().split(/\s+/);
            const bare = words.map(word => word.replace(/(?<=[^ぁ-ん]{2})[ぁ-ん]{1,3}$/, '')).join(' ');
            const found = bare === words.join(' ') ? [] : search(bare);
            return found.length > 0 ? { query: bare, found } : null;
        }

        return {
            search(query) {
                let found = search(query);
                note = missed = '';
                if (found.length === 0) {
                    const nearest = shorter(query);
                    if (nearest) {
                        found = nearest.found;
                        note = `「${nearest.query}」なら、${found.length} か所にあります。`;
                        missed = `「${query.trim()}」は見つかりませんでした`;
                    }
                } else if (found.length > SHOWN) {
                    note = `はじめの ${SHOWN} か所を並べました。`;
                }
                hits = found.map(({ hit }) => hit);
                return found;
            },
        };
    };

    // mdBook は、読者の打った文字に飛んだ先で印を付ける。かなや幅が違うと付かないので、本文の書き方に直す。
    const list = document.getElementById('mdbook-searchresults');
    const header = document.getElementById('mdbook-searchresults-header');
    const bar = document.getElementById('mdbook-searchbar');
    const about = Object.assign(document.createElement('div'), { className: 'search-note' });
    about.setAttribute('role', 'status');
    if (list) {
        new MutationObserver(() => {
            [...list.querySelectorAll('a')].forEach((link, i) => {
                const mark = encodeURIComponent(hits[i] || '').replace(/'/g, '%27');
                link.href = link.getAttribute('href').replace(/highlight=[^#]*/, () => (mark ? `highlight=${mark}` : ''));
            });
            if (missed) {
                header.textContent = missed;
            }
            header.after(about);
            about.textContent = note;
        }).observe(list, { childList: true });
    }

    // 変換を確定する Enter や、候補を選ぶ ↓ を、mdBook に渡さない (渡すと、先頭の結果へ飛んでしまう)。
    document.addEventListener('keydown', event => {
        if (event.isComposing || event.keyCode === 229) {
            event.stopImmediatePropagation();
        }
    }, true);

    // 結果の間は、本物の焦点で動く。選んだ結果はいつも見え、読み上げられる。
    document.addEventListener('keydown', event => {
        const links = list ? [...list.querySelectorAll('a')] : [];
        const at = links.indexOf(document.activeElement);
        const inside = at >= 0 || document.activeElement === bar;
        if (!inside || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
            return;
        }
        const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
        if (to === undefined) {
            if (event.key === 'Enter' && at < 0 && links.length > 0) {
                links[0].click();
            } else if (at >= 0 && event.key === 'Escape') {
                // 開いたボタンへ戻る。閉じるのは mdBook がする。
                document.getElementById('mdbook-search-toggle').focus();
                return;
            } else {
                return;
            }
        } else {
            (to < 0 ? bar : links[Math.min(to, links.length - 1)])?.focus();
        }
        event.preventDefault();
        event.stopImmediatePropagation();
    }, true);

    // 貼り付けや × の印では keyup が起きない。中身が変わったら、mdBook に探させる。
    bar?.addEventListener('input', event => {
        if (!event.isComposing) {
            bar.dispatchEvent(new Event('keyup'));
        }
    });

    // `?search=…` で開かれたページでは、mdBook が先に索引を読み終えていることがある。
    // そのときは索引を読み直させ、同じ語でもう一度探させる (mdBook は同じ語を続けては探さない)。
    const script = document.getElementById('mdbook-search-index');
    if (script && window.search.index) {
        script.onload();
        const query = bar.value;
        for (const value of [query + query, query]) {
            bar.value = value;
            bar.dispatchEvent(new Event('keyup'));
        }
    }
})();
