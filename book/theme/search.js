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
    function glossary(docs, urls) {
        const table = new Map();
        for (const [ref, { title, body }] of docs) {
            if (!/glossary\.html#term-/.test(urls[ref] || '')) {
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

    // 結果 1 つ分。本文にある、見つかったままの書き方も返し、飛んだ先で同じ書き方に印を付ける。
    function result({ ref, doc, body }, score, groups) {
        const place = find(body, groups);
        if (!place) {
            return { ref, score, hit: '', doc: { ...doc, body: doc.body.slice(0, BEFORE + AFTER) } };
        }
        const start = body.places[place[0]];
        const end = body.places[place[1]] + 1;
        const hit = doc.body.slice(start, end);
        return { ref, score, hit, doc: { ...doc, body: excerpt(doc.body, start, end) } };
    }

    let hits = [];

    window.elasticlunr.Index.load = index => {
        const docs = Object.entries(index.documentStore.docs);
        const terms = glossary(docs, window.search.doc_urls || []);
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
            let score = refs?.has(ref) ? ENTRY : 0;
            for (const name of names) {
                const found = TITLE * count(title, name) + TRAIL * count(trail, name)
                    + count(body.folded, name);
                score += name === word ? found : OTHER_NAME * found;
            }
            return score;
        }

        return {
            search(query) {
                const groups = groupsOf(query);
                const found = [];
                for (const page of pages) {
                    const scores = groups.map(group => scoreOf(page, group));
                    if (groups.length > 0 && scores.every(score => score > 0)) {
                        found.push(result(page, scores.reduce((sum, score) => sum + score), groups));
                    }
                }
                found.sort((a, b) => b.score - a.score);
                hits = found.map(({ hit }) => hit);
                return found;
            },
        };
    };

    // mdBook は、読者の打った文字に飛んだ先で印を付ける。かなや幅が違うと付かないので、本文の書き方に直す。
    const list = document.getElementById('mdbook-searchresults');
    if (list) {
        new MutationObserver(() => {
            [...list.querySelectorAll('a')].forEach((link, i) => {
                if (hits[i]) {
                    const mark = encodeURIComponent(hits[i]).replace(/'/g, '%27');
                    link.href = link.getAttribute('href').replace(/highlight=[^#]*/, () => `highlight=${mark}`);
                }
            });
        }).observe(list, { childList: true });
    }

    // `?search=…` で開かれたページでは、mdBook が先に索引を読み終えていることがある。
    // そのときは索引を読み直させ、同じ語でもう一度探させる (mdBook は同じ語を続けては探さない)。
    const script = document.getElementById('mdbook-search-index');
    if (script && window.search.index) {
        script.onload();
        const bar = document.getElementById('mdbook-searchbar');
        const query = bar.value;
        for (const value of [query + query, query]) {
            bar.value = value;
            bar.dispatchEvent(new Event('keyup'));
        }
    }
})();
